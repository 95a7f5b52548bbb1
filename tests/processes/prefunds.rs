//! A year's prefunds as the members' operators have them: set by the calendar, increased, paid on both sides, and written
//! as workbooks that are opened and worked out by other hands.

use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;
use world::hospital::Hospital;
use world::{EMPLOYEE, World, clear_uncompared, eventually, instant};

use crate::operator::Operator;
use crate::sheet::Sheet;

const HENAN: &str = "410000";
const SHANGHAI: &str = "310000";
const TABLE: &str = "全国跨省异地就医预付金额度调整明细表";

fn fen(amount: &str) -> i64 {
    let fen = amount.parse::<Decimal>().expect("an amount") * Decimal::ONE_HUNDRED;
    i64::try_from(fen).expect("whole fen")
}

/// A quarter with one stay a month, cleared until its notices are out; tells what its funds paid, in fen.
async fn quarter(world: &World, centre: &Operator) -> i64 {
    world.lodge_filings().await;
    let hospital = Hospital::new(world.desk());
    let mut owed = 0;
    for (month, price) in [(10, "8000.00"), (11, "9000.01"), (12, "7000.00")] {
        world.clock().set(instant(&format!("2025-{month}-10T10:00:00")));
        centre.run(&["clearing", "run"]).await;
        let days = (format!("2025-{month}-02"), format!("2025-{month}-05"));
        let stay = hospital.stay_between(&EMPLOYEE, price, (&days.0, &days.1)).await;
        let reply = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, price)).await;
        assert!(reply.succeeded(), "{}", reply.text("/err_msg"));
        owed += ["fund_pay_sumamt", "acct_pay"]
            .map(|of| fen(&reply.text(&format!("/output/setlinfo/{of}"))))
            .iter()
            .sum::<i64>();
    }
    for day in ["2026-01-02", "2026-01-21", "2026-01-31", "2026-02-10"] {
        world.clock().set(instant(&format!("{day}T10:00:00")));
        centre.run(&["clearing", "run"]).await;
    }
    owed
}

fn open(folder: &Path, title: &str) -> Sheet {
    Sheet::open(&folder.join(format!("{title}.xlsx")))
}

/// A member has its own papers written, and none without an account that is paid into.
async fn nobody_receives_without_an_account(world: &World, henan: &Operator) {
    let [accounts, out] = ["accounts.csv", "no-papers"].map(|name| world.deploy().join(name));
    std::fs::write(&accounts, "member,name,bank,number\n410000,甲,乙,1\n").expect("it is written");
    let [accounts, folder] = [&accounts, &out].map(|path| path.display().to_string());
    let command = ["prefund", "documents", "2026", "--out", &folder];
    let ran = henan.output(&[&command[..], &["--accounts", &accounts]].concat()).await;
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && told.contains("no bank account of 310000") && !out.exists(), "{told}");
    henan.run(&command).await;
    let out = out.join("2026");
    assert!(out.join(HENAN).exists() && !out.join(SHANGHAI).exists() && !out.join(format!("{TABLE}.csv")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_years_prefunds_are_set_increased_and_paid_and_their_documents_add_up() {
    let world = World::start_with(clear_uncompared).await;
    let (centre, henan, shanghai) =
        (Operator::of_all(&world), Operator::of(&world, HENAN), Operator::of(&world, SHANGHAI));
    let owed = quarter(&world, &centre).await;
    eventually("the calendar has set them", || async {
        !world.line().hub.store().prefund_changes().await.expect("changes").is_empty()
    })
    .await;
    let of_pair = ["--home", HENAN, "--treatment", SHANGHAI];
    let of_prefund = [&of_pair[..], &["--insurance", "employee"]].concat();
    let set = henan.row(&["prefund", "changes"]).await;
    assert_eq!((set["id"].as_str(), fen(set["basis"].as_str().expect("an amount"))), (Some("reset 2026"), owed));
    let changes = ["prefund", "changes", "--json"];
    assert!(henan.output(&changes).await.status.success() && set["late"] == false, "its last day is to come: {set}");
    let size = set["amount"].as_str().expect("an amount").to_owned();
    let average = fen(&size) / 2;
    assert!((owed - 3 * average).abs() <= 1, "{owed} is three times {average}");

    // All three months are unpaid, and nothing is advanced before both have recorded it.
    let increase = [&["prefund", "top-up", "--id", "7", "--amount", "100.50", "--reason", "集中结算"], &of_prefund[..]];
    let increased = shanghai.row(&increase.concat()).await;
    assert_eq!((&increased["watch"], &increased["id"]), (&"red".into(), &"top-up 7".into()), "what is accepted");
    let sums = ["prefund", "asked", "due"].map(|of| fen(increased[of].as_str().expect("an amount")));
    assert_eq!(sums, [0, 10_050, fen(&size)]);
    let too_much =
        [&["prefund", "top-up", "--id", "8", "--amount", "99000000000", "--reason", "集中结算"], &of_prefund[..]];
    let refused = shanghai.output(&too_much.concat()).await;
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("at most"));
    let accept = [&["prefund", "accept", "--id", "top-up 7", "--side", "home"], &of_prefund[..]];
    assert_eq!(henan.row(&accept.concat()).await["standing"], "due");
    // Each bank numbers the payment for itself.
    for (operator, side, bank, serial) in
        [(&henan, "home", "中国银行 郑州分行", "P-1"), (&shanghai, "treatment", "工商银行 上海分行", "ICBC-77")]
    {
        let paid = ["--side", side, "--bank", bank, "--serial", serial, "--on", "2026-02-10", "--amount", &size];
        let paid = [&["prefund", "pay", "--id", "reset 2026"], &of_prefund[..], &paid].concat();
        let recorded = operator.row(&paid).await;
        let as_who = if side == "home" { "paid" } else { "received" };
        assert_eq!(
            (recorded[as_who]["bank"].as_str(), recorded["pay_by"].as_str()),
            (Some(bank), set["pay_by"].as_str())
        );
    }
    for (operator, side, standing) in [(&henan, "home", "due"), (&shanghai, "treatment", "held")] {
        let seen = ["--side", side, "--paid", "1", "--received", "1", "--reason", "各行流水号"];
        let accepted = [&["prefund", "accept-payment", "--id", "reset 2026"], &of_prefund[..], &seen].concat();
        let accepted = operator.row(&accepted).await;
        assert_eq!((&accepted["standing"], &accepted["apart"]), (&standing.into(), &"serial".into()), "{accepted}");
    }

    let out = world.deploy().join("papers");
    centre.run(&["prefund", "documents", "2026", "--out", &out.display().to_string()]).await;
    let out = out.join("2026");
    for folder in [out.clone(), out.join(HENAN), out.join(SHANGHAI)] {
        let table = open(&folder, TABLE);
        let [row] = table.rows() else { panic!("one row: {table:?}") };
        let figures =
            ["上年四季度结算金额", "上年四季度月均", "新预付金额度", "应补（退）金额"].map(|column| row.figure(column));
        assert_eq!(figures, [owed, average, 2 * average, fen(&size)]);
        assert_eq!(
            (row.figure("原预付金额度"), table.total("应补（退）金额"), table.capitals),
            (0, fen(&size), fen(&size))
        );
    }
    nobody_receives_without_an_account(&world, &henan).await;
    for (member, title, bank, serial) in [
        (HENAN, "职工医保预付金付款通知书", "中国银行 郑州分行", "P-1"),
        (SHANGHAI, "职工医保预付金收款通知书", "工商银行 上海分行", "ICBC-77"),
    ] {
        let folder = out.join(member).join(format!("{HENAN}-{SHANGHAI}"));
        let notice = open(&folder, title);
        let rows = notice
            .rows()
            .iter()
            .map(|row| (row.word("事由"), row.figure("金额"), row.word("银行"), row.word("流水号"), row.word("日期")));
        let reset = ("2026年度额度调整", fen(&size), bank, serial, "2026-02-10");
        assert_eq!(rows.collect::<Vec<_>>(), [reset, ("集中结算", 10_050, "", "", "")], "{member}");
        assert_eq!((notice.total("金额"), notice.capitals), (fen(&size) + 10_050, fen(&size) + 10_050));
        let standings: Vec<_> = notice.rows().iter().map(|row| row.word("状态")).collect();
        assert_eq!(standings, ["已到账", "待拨付"]);
        assert_eq!(Some(notice.rows()[0].word("通知日期")), set["made_on"].as_str());
        assert_eq!(Some(notice.rows()[0].word("拨付期限")), set["pay_by"].as_str());
        let text = std::fs::read_to_string(folder.join(format!("{title}.csv"))).expect("a table");
        for told in ["户名,开户银行,账号", "上海市异地就医清算专户", "000031000000000001"] {
            assert!(text.contains(told), "{told} in {text}");
        }
    }

    world.clock().set(instant("2026-06-20T10:00:00"));
    let told = henan.output(&changes).await;
    let rows: Vec<Value> = serde_json::from_slice(&told.stdout).expect("rows");
    let late: Vec<_> = rows.iter().map(|row| (row["kind"].as_str(), row["late"].as_bool())).collect();
    let expected = [(Some("reset"), Some(false)), (Some("top-up"), Some(true))];
    assert_eq!(
        (late, told.status.code()),
        (expected.to_vec(), Some(1)),
        "what is unpaid by the hub's day is a finding"
    );
    for (command, is_suspended) in [("suspend", true), ("resume", false)] {
        let told = shanghai.row(&[&["prefund", command, "--reason", "三个月未拨付"], &of_pair[..]].concat()).await;
        assert_eq!((told["suspended"].as_bool(), told["may_suspend"].as_bool()), (Some(is_suspended), Some(true)));
        assert_eq!(told["months"], serde_json::json!(["2025-10", "2025-11", "2025-12"]));
    }
    world.assert_sound().await;
}
