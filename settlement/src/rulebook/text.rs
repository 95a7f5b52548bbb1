//! The text of a file of rules or of a case: bytes that have to be UTF-8. Editors on Chinese desks save GBK too, of which
//! nothing can be read.

use crate::spanned::Fault;

/// The text of a file.
///
/// ```
/// use settlement::rulebook::text;
/// assert_eq!(text::read("pool = \"410700\"".into()).as_deref(), Ok("pool = \"410700\""));
/// let fault = text::read(b"# \xd0\xc2\xcf\xe7".to_vec()).expect_err("GBK");
/// assert_eq!((fault.line, fault.path.as_str()), (1, "encoding"));
/// ```
///
/// # Errors
/// The line on which the first byte stands that is not UTF-8, and what to do.
pub fn read(bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|fault| {
        let read = fault.as_bytes().iter().take(fault.utf8_error().valid_up_to());
        Fault {
            line: read.filter(|byte| **byte == b'\n').count() + 1,
            path: "encoding".to_owned(),
            problem: "the file is not UTF-8 here, it may be GBK: save it as UTF-8".to_owned(),
        }
    })
}
