//! The leaves that a certificate's digest is over, as a table by which a third person works out digest and sums again with
//! nothing else of ours. A row is an operation: what it moves, in fen, under the names and with the signs of the certificate,
//! so that columns add up to its sums, what relatives' accounts pay among them; the bytes that are hashed (摘要原文, base 16); and their SHA-256 (摘要). Of persons a row
//! has the number that is part of every operation's key, and no name. How the digest comes about is in the documentation of
//! [`clearing::digest`]; `docs/对账确认书.md` says it for readers.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use clearing::certificate::Agreement;
use clearing::digest::{Branch, Digest, Leaf, root_of_leaves};
use clearing::obligation::Payer;
use clearing::tally::{ELSEWHERE, Family, Moved, Tally};
use proto::convert::{digests, read_outcome};
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use settlement::beijing;
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::operation::readable;
use settlement::outcome::Outcome;
use settlement::postings::{Turn, turn_of};
use tonic::transport::Channel;

use super::certificates::{bytes, hex};
use crate::status;

/// So that spreadsheets read Chinese.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const INPUT: &str = "摘要原文";
/// What relatives' accounts of the same pool and the other insurance pay.
const OTHER_INSURANCE: &str = "另一险种个人账户";

/// The leaves of a certificate, in the order in which the hub received the operations.
pub struct Leaves(Vec<v1::HeldLeaf>);

impl Leaves {
    /// Asks the hub for those that a version of a day's certificate is about, whatever its book has by now.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn of(hub: &mut BreaksClient<Channel>, branch: Branch, version: u32) -> Result<Leaves> {
        let (mut all, mut after) = (Vec::new(), None);
        let (branch, version) = (Some(digests::write_branch(&branch)), Some(version));
        loop {
            let asked = v1::HeldLeavesRequest { branch: branch.clone(), after, version };
            let page = hub.held_leaves(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
            let Some(last) = page.leaves.last() else { break };
            after = Some(digests::write_leaf(&leaf(last)));
            all.extend(page.leaves);
        }
        all.sort_by_key(|held| held.number);
        Ok(Leaves(all))
    }

    /// Their table; none where they do not come to what was signed: then the hub's book is not the one that was certified.
    ///
    /// # Errors
    /// When an outcome does not read: a fault of ours.
    pub fn table(&self, agreement: &Agreement) -> Result<Option<Vec<u8>>> {
        let root = root_of_leaves(&self.0.iter().map(leaf).collect::<Vec<_>>());
        if root.is_none_or(|root| (root.count, root.digest) != (agreement.operations, agreement.root)) {
            return Ok(None);
        }
        let mut table = csv::Writer::from_writer(BYTE_ORDER_MARK.to_vec());
        let family = family(agreement);
        table.write_record(columns(family))?;
        for held in &self.0 {
            let outcome = read_outcome(&held.outcome).context("an outcome of the hub's book does not read")?;
            let row = row((&held.key, &held.outcome), &outcome, (agreement.branch.home, family));
            let row = row.context("an outcome of the hub's book moves nothing")?;
            table.write_record(row)?;
        }
        Ok(Some(table.into_inner().map_err(csv::IntoInnerError::into_error)?))
    }
}

fn leaf(held: &v1::HeldLeaf) -> Leaf {
    Leaf::of(&held.key, &held.outcome)
}

/// As whose money a certificate counts relatives' accounts. One without sums has the table that it had.
fn family(agreement: &Agreement) -> Family {
    agreement.tally.map_or(Family::Patients, |tally| tally.family)
}

fn columns(family: Family) -> Vec<&'static str> {
    let paid = Payer::all().map(Payer::name);
    let named = ["业务", "setl_id", "类别", "险种", "人次", "医疗费总额"];
    let relatives: &[&str] = match family {
        Family::Owners => &[OTHER_INSURANCE, ELSEWHERE],
        Family::Patients => &[],
    };
    named.into_iter().chain(paid).chain(relatives.iter().copied()).chain([INPUT, "摘要"]).collect()
}

/// The row of an operation of a home pool's; none where it moves nothing.
fn row((key, written): (&str, &[u8]), outcome: &Outcome, (home, family): (PoolCode, Family)) -> Option<Vec<String>> {
    let (_, settled) = turn_of(outcome)?;
    let (turn, Moved { sums, elsewhere }) = Moved::by(outcome, home, family)?;
    let kind = match turn {
        Turn::Enter => "结算",
        Turn::Counter => "撤销",
        Turn::Reinstate => "恢复",
    };
    let own = sums.of(settled.insurance);
    let accounts: Money = sums.iter().map(|(_, sums)| sums.account).sum();
    let named = [
        readable(key),
        settled.settlement.to_string(),
        kind.to_owned(),
        settled.insurance.name().to_owned(),
        own.visits.to_string(),
        own.total.fen().to_string(),
    ];
    let relatives = match family {
        Family::Owners => vec![accounts - own.account, elsewhere],
        Family::Patients => Vec::new(),
    };
    let paid = Payer::all().map(|payer| payer.share_of(own)).chain(relatives).map(|paid| paid.fen().to_string());
    let hashed = [hex(&Leaf::input(key, written)), Leaf::of(key, written).digest.to_string()];
    Some(named.into_iter().chain(paid).chain(hashed).collect())
}

/// What the leaves of a file come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// How many operations have a row that reads.
    pub operations: u64,
    /// The digest over those that read, each once; none where there is none.
    pub root: Option<Digest>,
    /// What they come to.
    pub tally: Tally,
    /// What is wrong, each as a sentence; nothing where they are what was signed.
    pub findings: Vec<String>,
}

/// Works out digest and sums of a file of leaves, and holds them against a certificate.
///
/// # Errors
/// When the file cannot be read. What is wrong within it is a finding.
pub fn check(file: &Path, agreement: &Agreement) -> Result<Checked> {
    let table = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(check_table(&table, agreement))
}

fn check_table(table: &[u8], agreement: &Agreement) -> Checked {
    let (tally, columns) = (Tally::counting(family(agreement)), columns(family(agreement)));
    let mut checked = Checked { operations: 0, root: None, tally, findings: Vec::new() };
    let (mut leaves, mut seen) = (Vec::new(), BTreeMap::new());
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table);
    let named = reader.headers().is_ok_and(|header| header == columns);
    if !named {
        checked.findings.push(format!("the first line has to be {}", columns.join(",")));
    }
    for record in reader.records().take_while(|_| named) {
        let read = match record {
            Ok(record) => read_row(&record, agreement).map_err(|problem| (line_of(&record), problem)),
            Err(fault) => Err((fault.position().map_or(0, csv::Position::line), "is no row of a table".to_owned())),
        };
        match read {
            Err((line, problem)) => checked.findings.push(format!("line {line}: {problem}")),
            Ok(Read { line, key, leaf, outcome }) => {
                if let Some(first) = seen.get(&key) {
                    let operation = readable(&key);
                    checked.findings.push(format!("line {line}: operation {operation} stands in line {first} already"));
                } else {
                    seen.insert(key, line);
                    checked.operations += 1;
                    leaves.push(leaf);
                    checked.tally.add(&outcome, agreement.branch.home);
                }
            }
        }
    }
    checked.root = root_of_leaves(&leaves).map(|root| root.digest);
    checked.findings.extend(against(agreement, &checked));
    checked
}

/// What is apart between a certificate and what its leaves come to.
fn against(agreement: &Agreement, checked: &Checked) -> Vec<String> {
    let mut findings = Vec::new();
    if checked.operations != agreement.operations {
        let (found, signed) = (checked.operations, agreement.operations);
        findings.push(format!("{found} operations have a row that reads, the certificate is about {signed}"));
    }
    if checked.root != Some(agreement.root) {
        let root = checked.root.map_or_else(|| "no digest".to_owned(), |root| root.to_string());
        findings.push(format!("they come to {root}, the certificate's digest is {}", agreement.root));
    }
    let Some(signed) = agreement.tally else { return findings };
    let counts = [
        ("其中结算", signed.settled, checked.tally.settled),
        ("其中撤销", signed.undone, checked.tally.undone),
        ("其中恢复", signed.restored, checked.tally.restored),
    ];
    for (what, signed, found) in counts.into_iter().filter(|(_, signed, found)| signed != found) {
        findings.push(format!("{what}: they come to {found}, the certificate says {signed}"));
    }
    for (insurance, signed) in signed.sums.iter() {
        let found = checked.tally.sums.of(insurance);
        let whole = [("人次", signed.visits, found.visits), ("医疗费总额", signed.total.fen(), found.total.fen())];
        let paid = Payer::all().map(|payer| {
            let [signed, found] = [signed, found].map(|sums| payer.share_of(sums).fen());
            (payer.name(), signed, found)
        });
        for (what, signed, found) in whole.into_iter().chain(paid).filter(|(_, signed, found)| signed != found) {
            let whose = insurance.name();
            findings.push(format!("{whose}{what}: they come to {found}, the certificate says {signed}"));
        }
    }
    let [signed, found] = [signed.elsewhere, checked.tally.elsewhere].map(Money::fen);
    if signed != found {
        findings.push(format!("{ELSEWHERE}: they come to {found}, the certificate says {signed}"));
    }
    findings
}

/// A row that reads.
struct Read {
    line: u64,
    key: String,
    leaf: Leaf,
    outcome: Outcome,
}

fn line_of(record: &csv::StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

/// Reads a row by what is hashed, which says everything that stands before it.
fn read_row(record: &csv::StringRecord, agreement: &Agreement) -> Result<Read, String> {
    let (family, home) = (family(agreement), agreement.branch.home);
    let columns = columns(family);
    let input = columns.iter().position(|column| *column == INPUT).and_then(|place| record.get(place));
    let input = input.and_then(bytes).ok_or_else(|| format!("its {INPUT} is not written in base 16"))?;
    let none = || format!("its {INPUT} is no operation's key and outcome");
    let (key, written) = Leaf::read_input(&input).ok_or_else(none)?;
    let outcome = read_outcome(written).map_err(|_| none())?;
    let expected = row((key, written), &outcome, (home, family)).ok_or("its operation moved nothing")?;
    if record.len() != expected.len() {
        return Err(format!("it has {} columns, not {}", record.len(), expected.len()));
    }
    let mut cells = columns.into_iter().zip(record.iter()).zip(&expected);
    if let Some(((column, cell), expected)) = cells.find(|((_, cell), expected)| cell != expected) {
        return Err(format!("its {column} is {cell}, by its {INPUT} it is {expected}"));
    }
    let day = match &outcome {
        Outcome::Accepted { decided_at, done: _ } => beijing::day_of(*decided_at),
        Outcome::Refused(_) => return Err("its operation was refused".to_owned()),
    };
    if day != agreement.branch.day {
        return Err(format!("its operation is of {day}, the certificate of {}", agreement.branch.day));
    }
    Ok(Read { line: line_of(record), key: key.to_owned(), leaf: Leaf::of(key, written), outcome })
}

#[cfg(test)]
mod tests {
    use clearing::obligation::Sums;
    use jiff::civil::date;
    use proto::convert::write_outcome;
    use settlement::account::{AccountOf, FamilyShare};
    use settlement::adjudication::{Fund, FundShares, Payers};
    use settlement::bill::Coverage;
    use settlement::ids::{PersonNumber, RegionCode, SettlementId};
    use settlement::outcome::{Done, Settled};
    use settlement::person::{Insurance, PersonClass};
    use settlement::refusal::{Reason, Refusal};
    use settlement::rulebook::RuleBookHash;

    use super::*;

    const SETTLED: [(i64, &str); 3] = [(1, "2304"), (2, "2304"), (3, "2305")];

    fn key((number, transaction): (i64, &str)) -> String {
        format!(
            "20250620090000{number:04}H31010100001\u{1f}H31010100001\u{1f}{transaction}\u{1f}410700990001\u{1f}\u{1f}"
        )
    }

    fn settled(basic: i64) -> Settled {
        let mut funds = FundShares::default();
        funds.set(Fund::Basic, Money::from_yuan(basic));
        let cash = Money::from_yuan(1_000 - basic);
        Settled {
            settlement: SettlementId::new("310000G0000000012345").expect("an id"),
            insurance: Insurance::Employee,
            coverage: Coverage { in_policy: Money::from_yuan(1_000), ..Coverage::default() },
            payers: Payers { funds, cash, ..Payers::default() },
            family: Vec::new(),
            deductible: Money::ZERO,
            account_balance: Money::ZERO,
            filing: None,
            class: PersonClass::Working,
            civil_servant: false,
            rule_book: RuleBookHash([7; 32]),
            during_stay: false,
            explanation: [9; 32],
        }
    }

    fn accepted(at: &str, done: Done) -> Vec<u8> {
        write_outcome(&Outcome::Accepted { decided_at: at.parse().expect("an instant"), done }).to_vec()
    }

    fn settle(at: &str, basic: i64) -> Vec<u8> {
        accepted(at, Done::Settled(Box::new(settled(basic))))
    }

    /// Two settlements, of which the first is cancelled.
    fn held() -> Vec<v1::HeldLeaf> {
        let at = "2025-06-20T02:00:00Z";
        let original = Box::new(settled(700));
        let counter = original.settlement.clone();
        let cancelled = accepted(at, Done::Cancelled { counter, original, account_balance: Money::ZERO });
        let outcomes = [settle(at, 700), settle(at, 400), cancelled];
        let leaf = |((number, transaction), outcome): ((i64, &str), Vec<u8>)| v1::HeldLeaf {
            key: key((number, transaction)),
            outcome: outcome.into(),
            number,
        };
        SETTLED.into_iter().zip(outcomes).map(leaf).collect()
    }

    fn agreement(held: &[v1::HeldLeaf]) -> Agreement {
        let pool = |code| PoolCode(RegionCode::new(code).expect("a code"));
        let branch = Branch { day: date(2025, 6, 20), home: pool("410700"), treatment: pool("310000") };
        let root = root_of_leaves(&held.iter().map(leaf).collect::<Vec<_>>()).expect("a root").digest;
        let mut tally = Tally::default();
        held.iter().for_each(|held| tally.add(&read_outcome(&held.outcome).expect("an outcome"), branch.home));
        let operations = held.len() as u64;
        Agreement { branch, version: 1, operations, tally: Some(tally), root, replaces: None }
    }

    fn table(held: &[v1::HeldLeaf], agreement: &Agreement) -> Option<String> {
        let table = Leaves(held.to_vec()).table(agreement).expect("outcomes that read");
        table.map(|table| String::from_utf8(table).expect("text"))
    }

    #[test]
    fn a_table_adds_up_by_columns_to_what_was_signed() {
        let (held, agreement) = (held(), agreement(&held()));
        let table = table(&held, &agreement).expect("a table");
        let checked = check_table(table.as_bytes(), &agreement);
        assert_eq!((checked.operations, checked.findings, checked.root), (3, Vec::new(), Some(agreement.root)));
        assert_eq!(Some(checked.tally), agreement.tally);
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let rows: Vec<_> = table.lines().skip(1).map(cells).collect();
        let sum = |column: usize| rows.iter().map(|row| row[column].parse::<i64>().expect("a number")).sum::<i64>();
        let sums = [4, 5, 6].map(sum);
        assert_eq!(sums, [1, 100_000, 40_000], "visits, fen in all, fen of the basic fund");
        assert_eq!(rows[2][0], "H31010100001/H31010100001202506200900000003/2305/410700990001//");
        assert_eq!(rows[2][1..6], ["310000G0000000012345", "撤销", "职工", "-1", "-100000"]);
    }

    /// Of 50 from accounts a relative's of the other insurance pays 30, and one's of another pool 5.
    #[test]
    fn relatives_accounts_have_columns_of_their_own_unless_the_certificate_is_older() {
        let share = |pool, insurance, yuan| FamilyShare {
            account: AccountOf {
                owner: PersonNumber::new("1").expect("a number"),
                pool: PoolCode(RegionCode::new(pool).expect("a code")),
                insurance,
            },
            amount: Money::from_yuan(yuan),
        };
        let family = vec![share("410700", Insurance::Resident, 30), share("120000", Insurance::Employee, 5)];
        let mut settled = settled(700);
        settled.payers = Payers { account: Money::from_yuan(50), cash: Money::from_yuan(250), ..settled.payers };
        let settled = Done::Settled(Box::new(Settled { family, ..settled }));
        let mut held = held();
        held[1].outcome = accepted("2025-06-20T02:00:00Z", settled).into();
        let new = agreement(&held);
        let outcomes = || held.iter().map(|held| read_outcome(&held.outcome).expect("an outcome"));
        let mut tally = Tally::counting(Family::Patients);
        outcomes().for_each(|outcome| tally.add(&outcome, new.branch.home));
        let old = Agreement { tally: Some(tally), ..new };
        for (agreement, row, accounts) in [
            (&new, ["1500", "3000", "500"].as_slice(), [1_500, 3_000, 500]),
            (&old, ["5000"].as_slice(), [5_000, 0, 0]),
            (&Agreement { tally: None, ..new }, ["5000"].as_slice(), [5_000, 0, 0]),
        ] {
            let table = table(&held, agreement).expect("a table");
            let line: Vec<&str> = table.lines().nth(2).expect("a row").split(',').collect();
            assert_eq!(&line[11..line.len() - 2], row);
            let Checked { tally, findings, .. } = check_table(table.as_bytes(), agreement);
            assert_eq!(findings, Vec::<String>::new());
            let found = [tally.sums.employee.account, tally.sums.resident.account, tally.elsewhere];
            assert_eq!(found.map(Money::fen), accounts);
        }
        let mut signed = new;
        signed.tally = new.tally.map(|tally| Tally { elsewhere: Money::from_fen(501), ..tally });
        let table = table(&held, &new).expect("a table");
        let findings = check_table(table.as_bytes(), &signed).findings;
        assert_eq!(findings, ["其他统筹区个人账户: they come to 500, the certificate says 501"]);
    }

    #[test]
    fn leaves_that_do_not_come_to_what_was_signed_have_no_table() {
        let held = held();
        for other in [&held[..2], &held[1..], &[]] {
            assert_eq!(table(other, &agreement(&held)), None, "{}", other.len());
        }
    }

    #[test]
    fn what_is_wrong_with_leaves_is_told_by_line() {
        let (all, signed) = (held(), agreement(&held()));
        let sound = table(&all, &signed).expect("a table");
        let lines: Vec<&str> = sound.lines().collect();
        let of = |lines: &[&str]| lines.join("\n") + "\n";
        // The second leaf is another, whose row is sound by itself.
        let other = |outcome: Vec<u8>| {
            let mut held = all.clone();
            held[1].outcome = outcome.into();
            table(&held, &agreement(&held)).expect("a table")
        };
        let written = hex(&all[1].outcome);
        let refused = hex(&write_outcome(&Outcome::Refused(Refusal::new(Reason::Internal))));
        let digest = leaf(&all[1]).digest.to_string();
        for (what, table, found) in [
            ("missing", of(&lines[..3]), "2 operations have a row that reads, the certificate is about 3"),
            ("other sums", sound.replacen("40000,", "40001,", 1), "line 3: its 统筹基金 is 40001, by its 摘要原文"),
            ("another", other(settle("2025-06-20T02:00:00Z", 401)), "职工统筹基金: they come to 40100, the"),
            ("of another day", other(settle("2025-06-21T02:00:00Z", 400)), "line 3: its operation is of 2025-06-21"),
            ("another digest", sound.replacen(&digest, &"0".repeat(64), 1), "line 3: its 摘要 is 000000"),
            ("refused", sound.replacen(&written, &refused, 1), "line 3: its operation moved nothing"),
            ("without outcome", sound.replacen(&written, "", 1), "line 3: its 摘要原文 is no operation's key"),
            ("no bytes", sound.replacen(&written, "xyz", 1), "line 3: its 摘要原文 is not written in base 16"),
            ("cut short", of(&[lines[0], lines[1], "1,2", lines[3]]), "line 3: its 摘要原文 is not written in base 16"),
            ("no header", of(&lines[1..]), "the first line has to be 业务,setl_id,"),
            ("nothing", String::new(), "the first line has to be 业务,setl_id,"),
        ] {
            let Checked { root, findings, .. } = check_table(table.as_bytes(), &signed);
            assert_ne!(root, Some(signed.root), "{what}");
            assert!(findings.iter().any(|told| told.starts_with(found)), "{what}: {findings:#?}");
            assert!(findings.iter().any(|told| told.starts_with("they come to ")), "{what}: {findings:#?}");
        }
        // What stands twice is counted once, and told all the same.
        let doubled = check_table(of(&[&lines[..], &lines[1..2]].concat()).as_bytes(), &signed);
        assert_eq!((doubled.operations, doubled.root), (3, Some(signed.root)));
        let operation = "H31010100001/H31010100001202506200900000001/2304/410700990001//";
        assert_eq!(doubled.findings, [format!("line 5: operation {operation} stands in line 2 already")]);
    }

    #[test]
    fn sums_that_were_signed_falsely_are_found_though_the_digest_is_the_signed_one() {
        let held = held();
        let sound = agreement(&held);
        let mut tally = sound.tally.expect("sums");
        tally.sums.employee = Sums { account: Money::from_fen(1), ..tally.sums.employee };
        let first = Agreement { tally: None, ..sound };
        let [table, once] = [&sound, &first].map(|agreement| table(&held, agreement).expect("a table"));
        let checked = check_table(table.as_bytes(), &Agreement { tally: Some(tally), ..sound });
        assert_eq!(checked.root, Some(sound.root));
        assert_eq!(checked.findings, ["职工个人账户: they come to 0, the certificate says 1"]);
        // A certificate of the first form says nothing of sums.
        assert!(check_table(once.as_bytes(), &first).findings.is_empty());
    }
}
