//! The executable as its users start it: real processes, killed and started again.

mod agreement;
mod certificates;
mod comparing;
mod crash;
mod demo;
mod hospital_books;
mod leftovers;
mod operator;
mod papers;
mod payments;
mod prefund_basis;
mod prefunds;
mod privacy;
mod process;
mod readme;
mod rule_books;
mod rule_tools;
#[expect(dead_code, reason = "the quarter's documents ask more of a workbook")]
#[path = "../simulate/sheet.rs"]
mod sheet;
mod statements;
mod third_book;
mod told_as_json;
mod year_end;
