//! Inquiries from end to end: asked and answered with the commands that clerks type, and told to both regions' own nodes,
//! which keep them before they acknowledge them, wherever they were meanwhile.

use std::path::PathBuf;

use clap::Parser;
use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue};
use ledger::inbox::Inbox;
use mailbox::clearing::told_of_clearing;
use mailbox::inquiries::{ToldInquiry, open_inquiries};
use settlement::ids::PoolCode;
use world::hospital::Hospital;
use world::{EMPLOYEE, World, eventually, instant, pool};
use yidi::cli::{Cli, Ending};
use yidi::demo::player::Lodge;
use yidi::demo::story::FilingRow;

fn home() -> PoolCode {
    pool(EMPLOYEE.home)
}

/// Two clerks, each with an operator's certificate of one region.
struct Clerks {
    world: World,
}

impl Clerks {
    async fn start() -> Clerks {
        Clerks { world: World::start().await }
    }

    /// A stay of 30,000 yuan that is filed for and settled; its setl_id.
    async fn settled(&self) -> String {
        let filing = FilingRow {
            id: "F1".into(),
            psn_no: EMPLOYEE.number.into(),
            home: EMPLOYEE.home.into(),
            class: "long-term".into(),
            destination: "310000".into(),
            from: "2025-01-01".into(),
            to: String::new(),
            proof: String::new(),
        };
        self.world.operator().lodge(&filing).await.expect("it is lodged");
        let hospital = Hospital::new(self.world.desk());
        let stay = hospital.stay(&EMPLOYEE, "30000.00").await;
        let settled = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "30000.00")).await;
        assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
        settled.text("/output/setlinfo/setl_id")
    }

    fn certificate(&self, code: &str) -> PathBuf {
        let folder = self.world.line().credentials(&format!("operator-{code}"));
        if !folder.exists() {
            let authority = CertificateAuthority::open(&self.world.line().credentials("ca")).expect("the authority");
            let name = ParticipantName::new(pool(code).0, Role::Operator).expect("a name");
            let issue = Issue { names: vec![name], hosts: vec!["127.0.0.1".into()], days: 1 };
            authority.issue(&folder, &issue).expect("a certificate");
        }
        folder
    }

    /// Types a command: its words, then where the hub is and who types.
    async fn types(&self, code: &str, command: &[&str]) -> Result<Ending, String> {
        let (hub, certificate) = (self.world.line().hub.address().to_string(), self.certificate(code));
        let certificate = certificate.display().to_string();
        let typed = [&["yidi"], command, &["--hub", &hub, "--credentials", &certificate]].concat();
        let cli = Cli::try_parse_from(typed).expect("it is a command");
        cli.run().await.map_err(|fault| format!("{fault:#}"))
    }

    async fn done(&self, code: &str, command: &[&str]) {
        let ended = self.types(code, command).await;
        assert_eq!(ended, Ok(Ending::Good), "{command:?}");
    }

    async fn treatment_knows(&self, expected: &[&str]) {
        knows("the treatment side", self.world.line().treatment.store().inbox(), expected).await;
    }

    async fn home_knows(&self, expected: &[&str]) {
        knows("the home region", self.world.line().homes[&home()].store().inbox(), expected).await;
    }

    /// Both nodes keep what was lodged, in words of clearing.
    async fn both_know_of_the_deduction(&self, setl_id: &str) {
        let line = self.world.line();
        for (who, inbox) in
            [("home", line.homes[&home()].store().inbox()), ("treatment", line.treatment.store().inbox())]
        {
            eventually(&format!("the {who} node knows of the deduction"), async || {
                let told = told_of_clearing(&inbox, Some("2025-06")).await.expect("an inbox");
                told.iter().any(|told| {
                    let news = &told.news;
                    let of = (news.what.as_str(), news.settlement.as_str(), news.standing.as_str(), news.amount);
                    of == ("deduction", setl_id, "lodged", 1_250)
                })
            })
            .await;
        }
    }

    async fn nothing_waits(&self) {
        let mailboxes = self.world.line().hub.store().mailboxes();
        eventually("everything is acknowledged, and nothing is dead", async || {
            mailboxes.letter_counts().await.expect("counts") == (0, 0, 0)
        })
        .await;
    }
}

/// Waits until a node's list of open inquiries is this: each as id, standing, and whether it is asked of the node.
async fn knows(who: &str, inbox: Inbox, expected: &[&str]) {
    let told = |told: &ToldInquiry| {
        let direction = if told.is_to_us() { "to us" } else { "from us" };
        format!("{} {} {direction}", told.inquiry.id, told.inquiry.standing)
    };
    eventually(&format!("{who} knows {expected:?}"), async || {
        let open = open_inquiries(&inbox).await.expect("an inbox");
        open.iter().map(told).collect::<Vec<_>>() == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clerks_ask_answer_and_close_and_both_nodes_know_how_it_stands() {
    let clerks = Clerks::start().await;
    let setl_id = clerks.settled().await;
    eventually("the month is a period", async || {
        clerks.types("410700", &["inquiry", "expected", "--month", "2025-06"]).await == Ok(Ending::Good)
    })
    .await;
    let open = ["inquiry", "open", "--id", "X1", "--settlement", &setl_id, "--words", "费用偏高"];
    clerks.done("410700", &open).await;
    clerks.done("410700", &open).await;
    clerks.treatment_knows(&["X1 asked to us"]).await;
    clerks.home_knows(&["X1 asked from us"]).await;

    let refused = clerks.types("410700", &["inquiry", "answer", "X1", "--right", "--words", "属实"]).await;
    assert!(refused.as_ref().is_err_and(|why| why.contains("InstitutionNotYours")), "{refused:?}");
    clerks.done("310000", &["inquiry", "list", "--to-me"]).await;
    // The 26th of July is the last day.
    clerks.world.clock().set(instant("2025-07-27T09:00:00"));
    assert_eq!(clerks.types("310000", &["inquiry", "list", "--to-me", "--json"]).await, Ok(Ending::Found));
    clerks.done("310000", &["ticket", "list"]).await;
    clerks.done("310000", &["inquiry", "answer", "X1", "--wrong", "12.50", "--words", "超量用药"]).await;
    let deduct = ["clearing", "deduction", "lodge", "--id", "D1", "--basic", "12.50", "--reason", "超量用药"];
    clerks.done("310000", &[&deduct[..], &["--settlement", &setl_id]].concat()).await;
    clerks.both_know_of_the_deduction(&setl_id).await;
    clerks.done("310000", &["inquiry", "list"]).await;
    clerks.home_knows(&["X1 answered from us"]).await;
    clerks.done("410700", &["inquiry", "show", "X1"]).await;
    clerks.done("410700", &["inquiry", "close", "X1", "--words", "同意"]).await;
    clerks.treatment_knows(&[]).await;
    clerks.home_knows(&[]).await;
    clerks.nothing_waits().await;
    clerks.world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_is_told_of_everything_in_order_and_lists_the_newest() {
    let mut clerks = Clerks::start().await;
    clerks.world.line_mut().stop_home(home()).await.expect("it runs");
    let open =
        ["ticket", "open", "--id", "T1", "--side", "treatment", "--from", "310000", "--to", "410700", "--urgent"];
    clerks.done("310000", &[&open[..], &["--words", "备案查不到"]].concat()).await;
    clerks.done("410700", &["ticket", "note", "T1", "--words", "正在核对"]).await;
    clerks.done("410700", &["ticket", "answer", "T1", "--words", "已补备案"]).await;
    clerks.done("310000", &["ticket", "ask-again", "T1", "--words", "仍查不到"]).await;
    clerks.treatment_knows(&["T1 asked from us"]).await;
    clerks.world.restart().await;
    clerks.home_knows(&["T1 asked to us"]).await;
    clerks.nothing_waits().await;

    // What a clerk at the region sees from its own store, without the hub and while the region serves.
    let store = clerks.world.line().home_store(home()).expect("it is a home region").display().to_string();
    let kept = async |store: &str| {
        let typed = ["yidi", "inquiry", "kept", "--role", "region", "--store", store, "--json"];
        Cli::try_parse_from(typed).expect("it is a command").run().await.map_err(|fault| format!("{fault:#}"))
    };
    assert_eq!(kept(&store).await, Ok(Ending::Good));
    let told = ["yidi", "clearing", "told", "--role", "region", "--month", "2025-06", "--json", "--store", &store];
    let listed = Cli::try_parse_from(told).expect("it is a command").run().await.map_err(|fault| format!("{fault:#}"));
    assert_eq!(listed, Ok(Ending::Good));
    let elsewhere = format!("{store}.elsewhere");
    assert!(kept(&elsewhere).await.is_err() && !PathBuf::from(elsewhere).exists(), "no store is made by looking");
}
