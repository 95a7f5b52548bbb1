//! A quarter of twelve members to the closing of its last month, and its documents opened by other hands: every formula of
//! every workbook is worked out anew, and what members owe is held against what members are owed.

use yidi::simulate::quarter;

use crate::deploy;

#[test]
fn a_quarter_of_twelve_members_closes_and_its_documents_add_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let ran = quarter::run(1, &deploy(), 4, folder.path(), true).expect("a nation can be built");
    let lines = ran.summary.lines.join("\n");
    std::fs::write("/tmp/quarter-lines.txt", lines).unwrap();
    assert!(ran.summary.findings.is_empty(), "{:#?}", ran.summary.findings);
    eprintln!("{:?} {:?} {}", ran.counts, ran.planted, ran.objections);
}
