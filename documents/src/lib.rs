//! Documents as files: a workbook in which a person can check every figure, a table for programs, and a page to print.
//! What stands in them, `clearing::statement` says. No I/O but what is given: bytes come back, and a table that is too long to
//! be held is read from and written to what the caller opened.
//!
//! | look in | for |
//! |---|---|
//! | [`workbook`] | XLSX, with sums as formulas |
//! | [`table`] | CSV |
//! | [`page`] | HTML to be printed |

pub mod page;
mod paper;
pub mod table;
pub mod workbook;

use clearing::document::{DRAFT, Document};

/// A document of so many columns is printed on A3, and on A4 below.
const WIDE: usize = 16;

/// What stands above a document.
fn heading(document: &Document) -> String {
    if document.stamp.is_draft { format!("{}（{DRAFT}）", document.title) } else { document.title.clone() }
}

/// Why a document cannot be written as a file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The workbook.
    #[error("cannot write {title} as a workbook")]
    Workbook {
        /// The document.
        title: String,
        /// Why.
        source: rust_xlsxwriter::XlsxError,
    },
    /// A figure that a spreadsheet would change.
    #[error("{column} of {title} has a figure of more than 15 digits, which no workbook holds exactly")]
    TooLong {
        /// The document.
        title: String,
        /// The column.
        column: String,
    },
    /// The table.
    #[error("cannot write {title} as a table")]
    Table {
        /// The document.
        title: String,
        /// Why.
        source: csv::Error,
    },
    /// A table that is read again.
    #[error("line {line} of {title} is not as it was written")]
    Unread {
        /// The document.
        title: String,
        /// The line.
        line: u64,
    },
    /// The page.
    #[error("cannot write {title} as a page")]
    Page {
        /// The document.
        title: String,
        /// Why.
        source: askama::Error,
    },
}
