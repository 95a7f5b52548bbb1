//! Files of the interface (his-interface.md 1.8): a ZIP with one text in it. Called by 9101 and 3202; what the text says
//! is read by `statement_file`.

use std::io::{self, Cursor, Read as _, Write as _};

use encoding_rs::GB18030;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// A text is never longer than this, however little its ZIP is: some three hundred thousand rows.
const LONGEST_TEXT: u64 = 32 * 1024 * 1024;

/// Why bytes are no file of the interface.
#[derive(Debug, thiserror::Error)]
pub enum ZipFault {
    /// Not a ZIP, damaged, or locked.
    #[error("不是完整的、未加密的ZIP文件")]
    NotAZip,
    /// Another number of files in it than one.
    #[error("ZIP内应只有一个TXT文件,现有{0}个")]
    NotOneText(usize),
    /// The text is too long.
    #[error("解压后超过32MB,请按日期或类别分成几个文件")]
    TooLong,
}

/// The text in a ZIP: UTF-8, or else GB18030, without a byte order mark.
///
/// # Errors
/// When it is no such file. A ZIP that would unpack to more than a file may hold is not unpacked further.
pub fn unpack(bytes: &[u8]) -> Result<String, ZipFault> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ZipFault::NotAZip)?;
    let mut files = Vec::new();
    for place in 0..archive.len() {
        if archive.by_index_raw(place).map_err(|_| ZipFault::NotAZip)?.is_file() {
            files.push(place);
        }
    }
    let [place] = files[..] else { return Err(ZipFault::NotOneText(files.len())) };
    let file = archive.by_index(place).map_err(|_| ZipFault::NotAZip)?;
    let mut text = Vec::new();
    file.take(LONGEST_TEXT + 1).read_to_end(&mut text).map_err(|_| ZipFault::NotAZip)?;
    if text.len() as u64 > LONGEST_TEXT {
        return Err(ZipFault::TooLong);
    }
    let text = String::from_utf8(text).unwrap_or_else(|other| GB18030.decode(other.as_bytes()).0.into_owned());
    Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text))
}

/// A ZIP with one text.
///
/// # Errors
/// When it cannot be packed, which memory never refuses.
pub fn pack(name: &str, text: &str) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(name, SimpleFileOptions::default())?;
    writer.write_all(text.as_bytes())?;
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default()).expect("a file");
            writer.write_all(content).expect("its content");
        }
        writer.finish().expect("a ZIP").into_inner()
    }

    #[test]
    fn a_text_comes_out_as_it_went_in_whatever_its_encoding() {
        assert_eq!(unpack(&pack("a.txt", "甲\t1\n").expect("a ZIP")).expect("a text"), "甲\t1\n");
        let marked = ["\u{feff}".as_bytes(), "甲".as_bytes()].concat();
        let gb = GB18030.encode("甲").0.into_owned();
        for content in [marked, gb] {
            assert_eq!(unpack(&packed(&[("a.txt", &content)])).expect("a text"), "甲");
        }
    }

    #[test]
    fn what_is_no_zip_with_one_text_is_refused() {
        let whole = pack("a.txt", &"1\t".repeat(1_000)).expect("a ZIP");
        assert!(matches!(unpack(b""), Err(ZipFault::NotAZip)));
        assert!(matches!(unpack(b"1\t2\t3"), Err(ZipFault::NotAZip)));
        assert!(matches!(unpack(&whole[..whole.len() / 2]), Err(ZipFault::NotAZip)));
        assert!(matches!(unpack(&packed(&[])), Err(ZipFault::NotOneText(0))));
        assert!(matches!(unpack(&packed(&[("a.txt", b"1"), ("b.txt", b"2")])), Err(ZipFault::NotOneText(2))));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = packed(&[("a.txt", &vec![b'0'; usize::try_from(LONGEST_TEXT).expect("it fits") + 1])]);
        assert!(bomb.len() < 200_000, "{}", bomb.len());
        assert!(matches!(unpack(&bomb), Err(ZipFault::TooLong)));
    }
}
