//! A day that all three books agree on: its sums and its digest signed by all three, and checked with the authority's
//! certificate and the day's leaves alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use broker::reconcile::notary::Notary;
use clearing::capitals::capitals;
use clearing::certificate::Agreement;
use clearing::document::SIGNED_BY;
use clearing::obligation::Sums;
use clearing::tally::Family;
use identity::signing::Signer;
use jiff::civil::{Date, date};
use ledger::hub::Position;
use ledger::leaves::Scope;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::counting::count;
use settlement::adjudication::Fund;
use settlement::money::Money;
use world::hospital::Hospital;
use world::{EMPLOYEE, World, eventually};

const DAYS: (Date, Date) = (date(2025, 6, 1), date(2025, 6, 30));

async fn certified(world: &World, version: u32) -> bool {
    let listed = world.line().hub.store().certificate_list(DAYS, Scope::default()).await;
    let certificates = listed.expect("certificates");
    let newest = certificates.iter().filter(|certificate| certificate.agreement.version == version);
    newest.clone().count() == 1 && newest.clone().all(|certificate| certificate.signatures.len() == 3)
}

/// Compares and certifies as the jobs do, which by themselves wait for the day to end.
async fn compare(world: &World) {
    compare_books(world).await;
    let notary = Notary::load(&world.line().credentials("hub")).expect("a signer");
    world.line().hub.hub().certify(&notary, DAYS, None).await.expect("they are certified");
    world.line().treatment.comparing().compare(DAYS).await.expect("they are signed");
}

async fn compare_books(world: &World) {
    let hub = world.line().hub.hub();
    for (home, pools) in hub.compared_homes() {
        for pool in pools {
            hub.compare(home, pool, DAYS).await.expect("both can be read");
        }
    }
    world.line().treatment.comparing().compare(DAYS).await.expect("both can be read");
}

fn yidi(arguments: &[&str]) -> (bool, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_yidi")).args(arguments).output().expect("it runs");
    let told = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&told).into_owned())
}

fn verify(file: &Path, ca: &Path) -> (bool, String) {
    yidi(&["reconcile", "verify-certificate", &file.display().to_string(), "--ca", &ca.display().to_string()])
}

/// Has certificates and their leaves written; gives the folder, and the authority's certificate.
fn written(world: &World) -> (PathBuf, PathBuf) {
    let (hub, operator) = (world.line().hub.address().to_string(), world.line().operator());
    let (out, ca) = (world.deploy().join("certificates"), operator.join("ca.pem"));
    let (operator, folder) = (operator.display().to_string(), out.display().to_string());
    let days = ["--from", "2025-06-01", "--to", "2025-06-30", "--out", &folder, "--leaves"];
    let (whole, told) =
        yidi(&[&["reconcile", "certificates", "--hub", &hub, "--credentials", &operator], &days[..]].concat());
    assert!(whole, "{told}");
    (out, ca)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_all_books_agree_is_signed_by_all_and_a_late_entry_makes_the_next_version() {
    let (world, hospital) = World::with_a_hospital().await;
    settle(&hospital, ("2025-05-02", "2025-05-05")).await;
    compare(&world).await;
    eventually("all three have signed", || certified(&world, 1)).await;
    settle(&hospital, ("2025-06-02", "2025-06-05")).await;
    compare(&world).await;
    eventually("all three have signed the next version", || certified(&world, 2)).await;

    let (out, ca) = written(&world);
    let second = out.join("2025-06-20-410700-310000-v2.json");
    let (holds, told) = verify(&second, &ca);
    assert!(holds, "{told}");
    let text = std::fs::read_to_string(&second).expect("a certificate");
    let first = std::fs::read_to_string(out.join("2025-06-20-410700-310000-v1.json")).expect("a certificate");
    let read = |file: &str| {
        let value: serde_json::Value = serde_json::from_str(file).expect("JSON");
        Agreement::read(value["text"].as_str().expect("a text")).expect("a certificate")
    };
    assert_eq!((read(&text).operations, read(&text).replaces), (2, Some(read(&first).root)));

    // Two stays of 8,000 yuan of employees.
    let tally = read(&text).tally.expect("sums");
    let (of_one, of_both) = (read(&first).tally.expect("sums").total(), tally.total());
    assert_eq!((tally.settled, tally.undone, tally.restored, tally.sums.resident), (2, 0, 0, Sums::default()));
    assert_eq!([of_one.total, of_both.total], [8_000, 16_000].map(Money::from_yuan));
    assert!(told.contains(&format!("职工医疗费总额: 1600000\n职工统筹基金: {}", of_both.funds.of(Fund::Basic).fen())));
    leaves_are_what_was_signed(&out, &ca);
    what_holds_is_printed(&world, &out, &ca);

    let altered = out.join("altered.json");
    for (from, to) in [("对账日期: 2025-06-20", "对账日期: 2025-06-21"), ("总额: 1600000", "总额: 1600001")]
    {
        std::fs::write(&altered, text.replace(from, to)).expect("a file");
        let (holds, told) = verify(&altered, &ca);
        assert!(!holds && told.matches('✗').count() == 3, "{to}: {told}");
    }
}

/// Each version's leaves come to what it says; those of another version do not, nor do any that were altered.
fn leaves_are_what_was_signed(out: &Path, ca: &Path) {
    let (certificate, ca) =
        (out.join("2025-06-20-410700-310000-v2.json").display().to_string(), ca.display().to_string());
    let verify = |leaves: &Path, more: &[&str]| {
        let leaves = leaves.display().to_string();
        yidi(&[&["reconcile", "verify-certificate", &certificate, "--ca", &ca, "--leaves", &leaves], more].concat())
    };
    let of_version = |version| out.join(format!("2025-06-20-410700-310000-v{version}.leaves.csv"));
    let (holds, told) = verify(&of_version(2), &[]);
    assert!(
        holds && told.contains("✓ 2 leaves come to the digest") && told.contains("✓ they come to the sums"),
        "{told}"
    );
    let (holds, told) = verify(&of_version(2), &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert!(holds && told["leaves"]["root_is_signed"] == true && told["leaves"]["sums_are_signed"] == true, "{told}");
    assert_eq!((&told["sums"]["both"]["total"], &told["leaves"]["sums"]), (&1_600_000.into(), &told["sums"]));

    let (holds, told) = verify(&of_version(1), &[]);
    assert!(!holds && told.contains("✗ 1 operations") && told.matches('✓').count() == 3, "{told}");
    let table = std::fs::read_to_string(of_version(2)).expect("leaves");
    let altered = out.join("altered.csv");
    std::fs::write(&altered, table.replacen(",800000,", ",800001,", 1)).expect("a file");
    let (holds, told) = verify(&altered, &[]);
    assert!(!holds && told.contains("✗ line 2: its 医疗费总额 is 800001"), "{told}");
}

/// The second version as a page, with what of it was looked at; what does not hold makes none.
fn what_holds_is_printed(world: &World, out: &Path, ca: &Path) {
    let regions = std::fs::read_to_string(world.deploy().join("regions.csv")).expect("a table");
    let named = out.join("regions.csv");
    std::fs::write(&named, regions.replace("上海市", "上海市<b>")).expect("a file");
    let name = |version: u32, end: &str| out.join(format!("2025-06-20-410700-310000-v{version}.{end}"));
    let print = |leaves: u32| {
        let (certificate, page, leaves) = (name(2, "json"), name(2, "html"), name(leaves, "leaves.csv"));
        let with = [("--ca", ca), ("--regions", &named), ("--page", &page), ("--leaves", &leaves)];
        let with = with.map(|(option, file)| [option.to_owned(), file.display().to_string()]).concat();
        let command = ["reconcile", "verify-certificate", &certificate.display().to_string()].map(str::to_owned);
        let (holds, told) = yidi(&command.iter().chain(&with).map(String::as_str).collect::<Vec<_>>());
        (holds, told, page)
    };
    let (holds, told, page) = print(1);
    assert!(!holds && told.contains("no page is written") && !page.exists(), "{told}");
    let (holds, told, page) = print(2);
    assert!(holds && told.contains(&page.display().to_string()), "{told}");

    let text = std::fs::read_to_string(&page).expect("a page");
    let certificates = [1, 2].map(|version| {
        let file = std::fs::read_to_string(name(version, "json")).expect("a certificate");
        serde_json::from_str::<serde_json::Value>(&file).expect("JSON")
    });
    let read =
        |file: serde_json::Value| Agreement::read(file["text"].as_str().expect("a text")).expect("a certificate");
    let [first, second] = certificates.map(read);
    let owed = second.tally.expect("sums").total().owed();
    for wanted in [
        "<h1>异地就医日对账确认书</h1>",
        "size: A4",
        "对账日期：2025-06-20",
        "参保统筹区：新乡市（410700）",
        "就医统筹区：上海市&#60;b&#62;（310000）",
        "业务笔数：2（结算 2，撤销 0，恢复 0）",
        "版本：第2版",
        &format!("摘要：{}", second.root),
        &format!("替代：第1版，其摘要为 {}", first.root),
        &format!("金额（大写）：{}", capitals(owed)),
        "参保地签署：新乡市（410700），证书序列号 ",
        "枢纽签署：枢纽（000000），证书序列号 ",
        "核验：三方签名均有效；未核对吊销清单；笔数、金额和摘要已由叶子表重算相符",
        "yidi reconcile verify-certificate",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(SIGNED_BY.iter().all(|who| text.contains(&format!("<span>{who}：</span>"))), "{text}");
    let table = text.split("<thead>").nth(1).and_then(|rest| rest.split("<tr class=\"end\">").next()).expect("a table");
    let cells: Vec<&str> = table.split(&['<', '>']).skip(2).step_by(2).collect();
    assert!(cells.contains(&"职工") && cells.contains(&"16,000.00"), "{cells:?}");
    let latin = cells.iter().find(|cell| cell.bytes().any(|byte| byte.is_ascii_alphabetic()));
    assert_eq!(latin, None);
}

/// The certificate that is due, before anybody has signed it, and where its operations stand.
async fn due(world: &World) -> (Agreement, Vec<Position>) {
    compare_books(world).await;
    let due = world.line().hub.store().certificate_due(DAYS).await.expect("what is due");
    assert_eq!(due.len(), 1);
    let counted = count(world.line().hub.store(), due[0].branch, Family::Owners).await.expect("a book");
    assert_eq!(counted.root.map(|root| root.digest), Some(due[0].root));
    let positions = counted.positions.into_iter().map(Position).collect();
    (Agreement { tally: Some(counted.tally), ..due[0] }, positions)
}

async fn signatures(world: &World) -> usize {
    let listed = world.line().hub.store().certificate_list(DAYS, Scope::default()).await.expect("certificates");
    listed.iter().map(|certificate| certificate.signatures.len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_side_signs_sums_that_its_book_does_not_have_though_the_digest_is_its_own() {
    let world = World::start_with_filings().await;
    settle(&Hospital::new(world.desk()), ("2025-05-02", "2025-05-05")).await;
    let (sound, positions) = due(&world).await;
    // A fen of the basic fund's is told as the account's: what is owed in all stays the same.
    let mut tally = sound.tally.expect("sums");
    let sums = &mut tally.sums.employee;
    sums.funds.set(Fund::Basic, sums.funds.of(Fund::Basic) - Money::from_fen(1));
    sums.account += Money::from_fen(1);
    let false_sums = Agreement { tally: Some(tally), ..sound };
    assert_eq!(Agreement::read(&false_sums.to_string()), Ok(false_sums), "it is a certificate like any other");
    world.line().hub.store().certificate_issue(false_sums, positions, world.clock().now()).await.expect("it is kept");
    compare(&world).await;
    assert_eq!(signatures(&world).await, 0);

    // Asked itself, each says why; the true sums it signs, and a text without any.
    let text = |agreement: Agreement| v1::SignRequest { text: agreement.to_string() };
    let signer = Signer::load(&world.line().credentials("hub")).expect("a signer");
    let book = Answering::new(world.line().hub.store().clone());
    let sign = async |asked| book.sign(&asked, Some(signer.clone()), |_| true).await;
    let refused = sign(text(false_sums)).await.expect_err("its book has other sums");
    assert_eq!(refused.field.as_deref(), Some("text"));
    assert!(sign(text(sound)).await.is_ok());
    assert!(sign(text(Agreement { tally: None, ..sound })).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_sums_as_they_once_were_is_verified_still_and_its_leaves_tell_the_sums() {
    let world = World::start_with_filings().await;
    settle(&Hospital::new(world.desk()), ("2025-05-02", "2025-05-05")).await;
    let (due, positions) = due(&world).await;
    let once = Agreement { tally: None, ..due };
    world.line().hub.store().certificate_issue(once, positions, world.clock().now()).await.expect("it is kept");
    compare(&world).await;
    assert_eq!(signatures(&world).await, 3);
    let (out, ca) = written(&world);
    let ca = ca.display().to_string();
    let name = |end: &str| out.join(format!("2025-06-20-410700-310000-v1.{end}")).display().to_string();
    let verify = ["reconcile", "verify-certificate", &name("json"), "--ca", &ca, "--leaves", &name("leaves.csv")]
        .map(str::to_owned);
    let (holds, told) = yidi(&verify.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(holds && told.contains("the certificate states no sums") && told.contains("8000.00"), "{told}");
}

async fn settle(hospital: &Hospital, days: (&str, &str)) {
    hospital.settle(&EMPLOYEE, "8000.00", days).await;
}
