//! A document as a page that a browser prints, as PDF for example. Everything in it is escaped.

use askama::Template;
use clearing::capitals::capitals;
use clearing::document::{Cell, Column, DRAFT, Document, SIGNED_BY};

use crate::WriteError;
use crate::paper::{Paper, class, paper};

#[derive(Template)]
#[template(path = "document.html")]
struct Page<'d> {
    document: &'d Document,
    paper: Paper,
    /// How each column is set.
    classes: Vec<&'static str>,
    draft: &'static str,
    totals: Vec<String>,
    in_words: Option<String>,
    signed_by: [&'static str; 4],
}

impl Page<'_> {
    fn class(&self, column: &usize) -> &'static str {
        self.classes.get(*column).copied().unwrap_or_default()
    }

    fn heading(&self) -> String {
        crate::heading(self.document)
    }

    fn shown(&self, cell: &Cell) -> String {
        shown(cell)
    }
}

/// Writes a document as a page.
///
/// # Errors
/// When it cannot be written: a fault of ours.
pub fn write(document: &Document) -> Result<String, WriteError> {
    let total = |(column, Column { name: _, kind: _ }): (usize, &Column)| match document.total(column) {
        Some(cell) => shown(&cell),
        None if column == 0 => "合计".to_owned(),
        None => String::new(),
    };
    let totals = if document.is_totalled { document.columns.iter().enumerate().map(total).collect() } else { vec![] };
    let page = Page {
        document,
        paper: paper(document),
        classes: (0..document.columns.len()).map(|column| class(document, column)).collect(),
        draft: DRAFT,
        totals,
        in_words: document.amount.map(capitals),
        signed_by: SIGNED_BY,
    };
    page.render().map_err(|source| WriteError::Page { title: document.title.clone(), source })
}

/// With a comma every three digits, as statements have it.
pub(crate) fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => grouped(&count.to_string()),
        Cell::Money(amount) => grouped(&amount.to_string()),
    }
}

fn grouped(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, rest) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(rest) = rest {
        text.push('.');
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn figures_are_grouped_by_three() {
        for (number, shown) in [
            ("0.00", "0.00"),
            ("999", "999"),
            ("1000", "1,000"),
            ("-1234567.80", "-1,234,567.80"),
            ("100000", "100,000"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }
}
