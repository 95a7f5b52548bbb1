//! Corrections from end to end: a late cancellation affects a later stay, one operator puts it forward and another approves,
//! the home region's book and the month's statement have it, and it is given back when the stay itself is cancelled. And
//! a book that was restored from an older copy gets it again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue};
use ledger::hub::CorrectionBatch;
use mailbox::corrections::{ToldCorrection, told_of_corrections};
use proto::convert::read_shares;
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::spreadsheet::of_words;
use world::hospital::Hospital;
use world::{EMPLOYEE, RESIDENT, World, append, clear_uncompared, copy_store, eventually, instant, pool};
use yidi::cli::{Cli, Ending};

fn home() -> PoolCode {
    pool(EMPLOYEE.home)
}

/// A world with two clerks of Xinxiang, each with a certificate of their own.
struct Clerks {
    world: World,
    hospital: Hospital,
}

impl Clerks {
    async fn start() -> Clerks {
        let world = World::start_with(clear_uncompared).await;
        world.lodge_filings().await;
        let hospital = Hospital::new(world.desk());
        Clerks { world, hospital }
    }

    fn certificate(&self, clerk: &str) -> PathBuf {
        let folder = self.world.line().credentials(&format!("clerk-{clerk}"));
        if !folder.exists() {
            let authority = CertificateAuthority::open(&self.world.line().credentials("ca")).expect("the authority");
            let name = ParticipantName::new(home().0, Role::Operator).expect("a name");
            let issue = Issue { names: vec![name], hosts: vec!["127.0.0.1".into()], days: 1 };
            authority.issue(&folder, &issue).expect("a certificate");
        }
        folder
    }

    /// Types a command: its words, then where the hub is and whose certificate it is.
    async fn types_as(&self, certificate: &Path, command: &[&str]) -> Result<Ending, String> {
        let (hub, certificate) = (self.world.line().hub.address().to_string(), certificate.display().to_string());
        let typed = [&["yidi"], command, &["--hub", &hub, "--credentials", &certificate]].concat();
        let cli = Cli::try_parse_from(typed).expect("it is a command");
        cli.run().await.map_err(|fault| format!("{fault:#}"))
    }

    async fn types(&self, clerk: &str, command: &[&str]) -> Result<Ending, String> {
        self.types_as(&self.certificate(clerk), command).await
    }

    /// As whoever operates for every region.
    async fn centre(&self, command: &[&str]) {
        let ended = self.types_as(&self.world.line().operator(), command).await;
        assert_eq!(ended, Ok(Ending::Good), "{command:?}");
    }

    async fn settle(&self, patient: &world::Enrollee, days: (&str, &str)) -> (String, String) {
        self.hospital.settle(patient, "8000.00", days).await
    }

    async fn cancel(&self, stay: &str, settlement: &str) {
        let cancelled = self.hospital.send(&self.hospital.cancel_message(&EMPLOYEE, stay, settlement)).await;
        assert!(cancelled.succeeded(), "{}", cancelled.text("/err_msg"));
    }

    /// Two stays, of which the first is cancelled after the second was settled; the second, as stay and settlement.
    async fn affected(&self) -> (String, String) {
        let (stay, first) = self.settle(&EMPLOYEE, ("2025-05-02", "2025-05-05")).await;
        let second = self.settle(&EMPLOYEE, ("2025-06-02", "2025-06-05")).await;
        assert_eq!(self.lists_affected().await, Ok(Ending::Good));
        self.cancel(&stay, &first).await;
        assert_eq!(self.lists_affected().await, Ok(Ending::Found), "the second bears the deductible now");
        second
    }

    async fn lists_affected(&self) -> Result<Ending, String> {
        self.types("zhang", &["settlement", "affected", "--home", EMPLOYEE.home]).await
    }

    async fn batch(&self, id: &str) -> CorrectionBatch {
        let held = self.world.line().hub.store().correction_find(id.to_owned()).await;
        held.expect("it is read").expect("it is there")
    }

    /// Put forward by one clerk and approved by the other.
    async fn corrects(&self, id: &str) -> CorrectionBatch {
        let propose =
            ["settlement", "correct", "propose", "--home", EMPLOYEE.home, "--batch", id, "--reason", "前次住院撤销"];
        for _ in 0..2 {
            assert_eq!(self.types("zhang", &propose).await, Ok(Ending::Good), "the same again changes nothing");
        }
        let digest = self.batch(id).await.batch.digest().to_string();
        let approve = ["settlement", "correct", "approve", id, "--digest", &digest];
        let same = self.types("zhang", &approve).await.expect_err("nobody approves what they put forward");
        assert!(same.contains("a second person approves"), "{same}");
        assert_eq!(self.types("li", &approve).await, Ok(Ending::Good));
        assert_eq!(self.types("li", &["settlement", "correct", "list", "--json"]).await, Ok(Ending::Good));
        self.batch(id).await
    }

    async fn clears(&self, days: &[&str]) {
        for day in days {
            self.world.clock().set(instant(&format!("{day}T10:00:00")));
            self.centre(&["clearing", "run"]).await;
        }
    }

    /// What the treatment side's own node was told last of corrections: each settlement with what funds pay more,
    /// and whether that gives it back.
    async fn told_in_treatment(&self) -> Vec<(String, i64, bool)> {
        let told = told_of_corrections(&self.world.line().treatment.store().inbox()).await.expect("an inbox");
        let of = |told: &ToldCorrection| {
            let funds = told.correction.difference.as_ref().map(read_shares).unwrap_or_default().funds;
            (told.correction.settlement.clone(), funds.total().fen(), told.is_given_back())
        };
        told.iter().map(of).collect()
    }

    async fn trace(&self, settlement: &str) -> v1::TraceReply {
        let asked = v1::TraceRequest { settlement: settlement.into() };
        ClearingClient::new(self.world.channel()).trace(asked).await.expect("its way").into_inner()
    }
}

/// The rows of a table, each by the names of its columns.
fn table(file: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader.deserialize().map(|row: csv::Result<BTreeMap<String, String>>| row.expect("a row"));
    rows.map(|row| row.into_iter().map(|(column, cell)| (column, of_words(&cell).to_owned())).collect()).collect()
}

/// The months of what corrected a settlement, each with what the funds pay more.
fn corrected(traced: &v1::TraceReply) -> Vec<(&str, i64)> {
    let paid = |sums: &Option<v1::FundSums>| {
        sums.as_ref()
            .map_or(0, |sums| sums.basic + sums.large_sum + sums.catastrophic + sums.civil_servant + sums.assistance)
    };
    traced.corrections.iter().map(|each| (each.month.as_str(), paid(&each.now) - paid(&each.told))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_affected_stay_is_corrected_by_two_clerks_cleared_and_given_back_when_it_is_cancelled() {
    let clerks = Clerks::start().await;
    clerks.centre(&["clearing", "run"]).await;
    let nothing = clerks.hospital.totals(&EMPLOYEE).await;
    let (stay, settlement) = clerks.affected().await;
    let counted = clerks.hospital.totals(&EMPLOYEE).await;
    let held = clerks.corrects("B1").await;
    assert_eq!(held.standing.word(), "in-force", "{}", held.remark);
    let [correction] = &held.batch.corrections[..] else { panic!("one: {held:?}") };
    assert_eq!(correction.settlement.as_str(), settlement);
    let less = correction.moves().total();
    assert!(less.is_negative(), "the first stay of a year bears the higher deductible");
    assert_eq!(clerks.lists_affected().await, Ok(Ending::Good), "nothing is affected any more");
    assert_ne!(clerks.hospital.totals(&EMPLOYEE).await, counted, "the year-to-date follows");
    eventually("the treatment side's node has the letter", || async {
        let kept = clerks.world.line().hub.store().mailboxes().letter_counts().await;
        kept.is_ok_and(|(waiting, _, dead)| waiting == 0 && dead == 0)
    })
    .await;
    assert_eq!(clerks.told_in_treatment().await, [(settlement.clone(), less.fen(), false)]);
    clerks.world.assert_sound().await;

    clerks.clears(&["2025-07-01", "2025-07-21"]).await;
    let out = clerks.world.deploy().join("papers");
    let folder = out.display().to_string();
    let deployed = world::repository().join("deploy");
    let [regions, accounts] = ["regions.csv", "accounts.csv"].map(|file| deployed.join(file).display().to_string());
    let papers = ["--regions", &regions, "--accounts", &accounts, "--out", &folder];
    let command = ["clearing", "documents", "--month", "2025-06"];
    clerks.centre(&[&command[..], &papers].concat()).await;
    let june = out.join("2025-06");
    for member in ["410000", "310000"] {
        let rows = table(&june.join(member).join("更正明细.csv"));
        let changed: Money =
            rows.iter().map(|row| Money::from_decimal(row["更正金额"].parse().expect("an amount")).expect("fen")).sum();
        assert!(rows.iter().all(|row| row["结算编号"] == settlement && row["更正批次"] == "B1"), "{rows:?}");
        assert_eq!((changed, rows[0]["清算所属期"].as_str()), (less, "2025-06"));
    }
    let stated = table(&june.join("全国跨省异地就医费用清算表.csv"));
    assert_eq!((stated.len(), stated[0]["其中重算更正"].as_str()), (1, less.to_string().as_str()));
    assert_eq!(corrected(&clerks.trace(&settlement).await), [("2025-06", less.fen())]);
    assert_eq!(clerks.types("li", &["clearing", "trace", &settlement]).await, Ok(Ending::Good));
    clerks.world.assert_sound().await;

    // After the cut-off: what was stated stays, and July gives everything back.
    clerks.cancel(&stay, &settlement).await;
    clerks.clears(&["2025-07-22"]).await;
    let traced = clerks.trace(&settlement).await;
    assert_eq!(corrected(&traced), [("2025-06", less.fen()), ("2025-07", -less.fen())]);
    eventually("the treatment side's node knows that it is given back", || async {
        clerks.told_in_treatment().await == [(settlement.clone(), -less.fen(), true)]
    })
    .await;
    let counts: i64 = traced.lines.iter().filter_map(|line| line.counts.as_ref()).map(|sums| sums.basic).sum();
    assert_eq!(counts, 0, "both months together come to nothing");
    assert_eq!(clerks.hospital.totals(&EMPLOYEE).await, nothing, "nothing is left of the year");
    assert_eq!(clerks.lists_affected().await, Ok(Ending::Good));
    clerks.world.assert_sound().await;
}

/// A book of which a copy was put by before a batch of corrections came into force.
struct Copied {
    clerks: Clerks,
    copy: PathBuf,
}

impl Copied {
    async fn before_a_batch() -> Copied {
        let mut clerks = Clerks::start().await;
        clerks.affected().await;
        let copy = clerks.world.deploy().join("older.db");
        let store = clerks.world.line().home_store(home()).expect("it is a home region");
        clerks.world.line_mut().stop_home(home()).await.expect("it runs");
        copy_store(&store, &copy);
        clerks.world.line_mut().restart_home(home()).await.expect("it starts again");
        eventually("the batch is in force", || async {
            if clerks.world.line().hub.store().correction_find("B1".into()).await.is_ok_and(|held| held.is_none()) {
                clerks.corrects("B1").await;
            }
            clerks.batch("B1").await.standing.word() == "in-force"
        })
        .await;
        Copied { clerks, copy }
    }

    /// The copy takes the book's place, which is noticed at the next settlement: that message.
    async fn puts_back(&mut self) -> serde_json::Value {
        let Copied { clerks, copy } = self;
        let store = clerks.world.line().home_store(home()).expect("it is a home region");
        clerks.world.line_mut().stop_home(home()).await.expect("it runs");
        copy_store(copy, &store);
        clerks.world.line_mut().restart_home(home()).await.expect("it starts again");
        let next = clerks.hospital.stay_between(&RESIDENT, "8000.00", ("2025-06-14", "2025-06-16")).await;
        let settle_next = clerks.hospital.settle_message(&RESIDENT, &next, "8000.00");
        eventually("the region is asked and says that its book lacks something", || async {
            clerks.hospital.send(&settle_next).await.text("/err_msg").contains("恢复账簿")
        })
        .await;
        settle_next
    }
}

const MISSING: [&str; 4] = ["hub", "missing", "--home", EMPLOYEE.home];
const RESTORE: [&str; 4] = ["hub", "restore", "--home", EMPLOYEE.home];

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_lacks_nothing_but_a_batch_of_corrections_is_noticed_and_gets_it_again() {
    let mut copied = Copied::before_a_batch().await;
    let before = copied.clerks.hospital.totals(&EMPLOYEE).await;
    assert_eq!(copied.clerks.types("zhang", &MISSING).await, Ok(Ending::Good));
    let settle_next = copied.puts_back().await;
    let clerks = &copied.clerks;
    assert_eq!(clerks.types("zhang", &MISSING).await, Ok(Ending::Found));
    let missing = clerks.world.line().hub.hub().book_missing(home()).await.expect("a list");
    assert_eq!((missing.plan.steps, missing.batches), (vec![], vec!["B1".to_owned()]));
    assert_eq!(clerks.types("zhang", &RESTORE).await, Ok(Ending::Good));
    assert_eq!(clerks.types("zhang", &MISSING).await, Ok(Ending::Good));
    assert_eq!(clerks.hospital.totals(&EMPLOYEE).await, before);
    assert_eq!(clerks.lists_affected().await, Ok(Ending::Good), "nothing is affected that was corrected");
    let settled = clerks.hospital.send(&settle_next).await;
    assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
    clerks.world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_is_restored_from_an_older_copy_gets_its_corrections_again_between_its_answers() {
    let mut copied = Copied::before_a_batch().await;
    let clerks = &copied.clerks;
    // The next stay is decided on what the correction left.
    clerks.settle(&EMPLOYEE, ("2025-06-10", "2025-06-12")).await;
    clerks.settle(&RESIDENT, ("2025-06-10", "2025-06-12")).await;
    let before = clerks.hospital.totals(&EMPLOYEE).await;

    copied.puts_back().await;
    let clerks = &copied.clerks;
    assert_eq!(clerks.types("zhang", &RESTORE).await, Ok(Ending::Good));
    assert_eq!(clerks.hospital.totals(&EMPLOYEE).await, before, "with the correction");
    assert_eq!(clerks.lists_affected().await, Ok(Ending::Good), "nothing is affected that was corrected");
    clerks.world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_region_posts_in_a_restored_copy_keeps_no_batch_out_and_is_corrected_by_the_next() {
    let mut copied = Copied::before_a_batch().await;
    // A stay before both of them, which the region reads as it starts from the copy.
    let stay = [
        "LATE-1",
        EMPLOYEE.number,
        "local-settlement,2025-03-01,employee,inpatient,,1,1200.00,5000,3230.5,,,,,,,,,,零星报销",
    ];
    append(&copied.clerks.world.deploy(), "postings.csv", &stay.join(","));
    copied.puts_back().await;
    let clerks = &copied.clerks;
    assert_eq!(
        clerks.types("zhang", &RESTORE).await,
        Ok(Ending::Good),
        "as it was, though it would come out otherwise"
    );
    assert_eq!(clerks.types("zhang", &MISSING).await, Ok(Ending::Good));
    assert_eq!(clerks.lists_affected().await, Ok(Ending::Found), "what it corrected had not seen the posting");
    clerks.world.assert_sound().await;
    assert_eq!(clerks.corrects("B2").await.standing.word(), "in-force");
    assert_eq!(clerks.lists_affected().await, Ok(Ending::Good));
    clerks.world.assert_sound().await;
}
