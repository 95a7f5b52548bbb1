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
    eprintln!("{:?} {} {} {:?} {:?}", ran.counts, ran.objections, ran.listed, ran.made_outside, ran.deductions);
    for month in &ran.months {
        eprintln!("{}", month.month);
        for (pair, held) in &month.records {
            eprintln!("{} {} {} v{:?} {:?}", pair.home, pair.treatment, held.due, held.statement.unwrap().version, held.noticed_on);
        }
    }
    let _ = std::process::Command::new("cp").args(["-r", &folder.path().display().to_string(), "/tmp/quarter-papers"]).status();
}
