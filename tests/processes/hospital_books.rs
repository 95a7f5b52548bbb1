//! A hospital's day-end accounts through the whole line, and what the operator of the treatment side sees of them while
//! it serves.

use std::io::{Cursor, Write as _};
use std::process::Command;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use world::hospital::{Hospital, INSTITUTION};
use world::{EMPLOYEE, Enrollee, RESIDENT, World, pool};
use yidi::desk::Reply;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The figures of one group, as the hospital adds them up.
#[derive(Default)]
pub struct Sums {
    total: Decimal,
    funds: Decimal,
    account: Decimal,
    count: i64,
}

impl Sums {
    pub fn add(&mut self, reply: &Reply) {
        assert!(reply.succeeded(), "{}", reply.text("/err_msg"));
        let amount =
            |name: &str| -> Decimal { reply.text(&format!("/output/setlinfo/{name}")).parse().expect("an amount") };
        self.total += amount("medfee_sumamt");
        self.funds += amount("fund_pay_sumamt");
        self.account += amount("acct_pay");
        self.count += 1;
    }

    pub async fn compared(&self, hospital: &Hospital, patient: &Enrollee, refunds: &str) -> Reply {
        let input = json!({ "data": { "insutype": patient.insurance, "clr_type": "21", "setl_optins": "310000",
            "stmt_begndate": "2025-06-20", "stmt_enddate": "2025-06-20", "medfee_sumamt": self.total.to_string(),
            "fund_pay_sumamt": self.funds.to_string(), "acct_pay": self.account.to_string(),
            "fixmedins_setl_cnt": self.count, "refd_setl_flag": refunds } });
        hospital.send(&hospital.message(patient, "3201", input)).await
    }

    /// Compares the group row by row, by a file that lists these.
    pub async fn itemized(hospital: &Hospital, patient: &Enrollee, rows: &str) {
        let file = json!({ "fsUploadIn": { "in": packed(rows), "filename": "a.zip", "fixmedins_code": INSTITUTION } });
        let uploaded = hospital.send(&hospital.message(patient, "9101", file)).await;
        let input = json!({ "data": { "insutype": patient.insurance, "clr_type": "21", "setl_optins": "310000",
            "stmt_begndate": "2025-06-20", "stmt_enddate": "2025-06-20", "medfee_sumamt": "0", "fund_pay_sumamt": "0",
            "cash_payamt": "0", "fixmedins_setl_cnt": "0", "file_qury_no": uploaded.text("/output/file_qury_no") } });
        let compared = hospital.send(&hospital.message(patient, "3202", input)).await;
        assert!(compared.succeeded(), "{}", compared.text("/err_msg"));
    }
}

/// A file of the interface.
fn packed(rows: &str) -> String {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("stmt.txt", SimpleFileOptions::default()).expect("a file");
    writer.write_all(rows.as_bytes()).expect("its rows");
    let zip = writer.finish().expect("a ZIP").into_inner();
    serde_json::to_string(&zip).expect("bytes are numbers")
}

async fn settled(hospital: &Hospital, patient: &Enrollee, price: &str) -> (Reply, Value, String) {
    let stay = hospital.stay(patient, price).await;
    let message = hospital.settle_message(patient, &stay, price);
    (hospital.send(&message).await, message, stay)
}

/// Runs the command; tells its exit code and what it printed.
fn looked_at(world: &World) -> (Option<i32>, Value) {
    let store = world
        .line()
        .home_store(pool("410700"))
        .expect("it is a home region")
        .with_file_name("treatment.db")
        .display()
        .to_string();
    let days = ["--from", "2025-06-20", "--to", "2025-06-20"];
    let calendar = world.deploy().join("calendar.toml").display().to_string();
    let arguments =
        [&["reconcile", "hospital", "--store", &store, "--calendar", &calendar, "--json"], &days[..]].concat();
    let ran = Command::new(env!("CARGO_BIN_EXE_yidi")).args(&arguments).output().expect("it runs");
    let told = serde_json::from_slice(&ran.stdout);
    (ran.status.code(), told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ran.stderr))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_closes_its_day_and_the_operator_sees_what_agrees() {
    let world = World::start_with_filings().await;
    let hospital = Hospital::new(world.desk());
    let (mut employees, mut standing, mut residents) = (Sums::default(), Sums::default(), Sums::default());
    let (first, _, first_stay) = settled(&hospital, &EMPLOYEE, "8000.00").await;
    employees.add(&first);
    let cancel = hospital.cancel_message(&EMPLOYEE, &first_stay, &first.text("/output/setlinfo/setl_id"));
    employees.add(&hospital.send(&cancel).await);
    let again = hospital.send(&hospital.settle_message(&EMPLOYEE, &first_stay, "8000.00")).await;
    employees.add(&again);
    standing.add(&again);
    let (lost, message, _) = settled(&hospital, &RESIDENT, "5000.00").await;
    assert!(lost.succeeded(), "{}", lost.text("/err_msg"));
    let (code, told) = looked_at(&world);
    assert_eq!(code, Some(0), "{told}");
    let stands = |told: &Value, insurance: &str| {
        let days = told["days"].as_array().cloned().unwrap_or_default();
        let day = days.iter().find(|day| day["insutype"] == insurance).cloned().unwrap_or_default();
        assert_eq!(day["fixmedins_code"], INSTITUTION, "{told}");
        (day["stands"].clone(), day["count"].clone())
    };
    assert_eq!(stands(&told, "310"), (json!("never"), json!(3)));
    let overdue = |told: &Value, insurance: &str| {
        let days = told["days"].as_array().cloned().unwrap_or_default();
        days.iter().find(|day| day["insutype"] == insurance).map(|day| day["overdue"].clone())
    };
    // By the real day, which is long after June's.
    assert_eq!(overdue(&told, "310"), Some(json!(true)));

    for (sums, flag) in [(&employees, "1"), (&standing, "0")] {
        let reply = sums.compared(&hospital, &EMPLOYEE, flag).await;
        assert_eq!(reply.text("/output/stmtinfo/stmt_rslt"), "0", "{}", reply.text("/output/stmtinfo/stmt_rslt_dscr"));
    }
    let reply = residents.compared(&hospital, &RESIDENT, "1").await;
    assert_eq!(reply.text("/output/stmtinfo/stmt_rslt"), "1", "the hospital did not hear of its settlement");
    let (code, told) = looked_at(&world);
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(stands(&told, "310"), (json!("agrees"), json!(3)));
    assert_eq!((overdue(&told, "310"), overdue(&told, "390")), (Some(json!(false)), Some(json!(true))));
    assert_eq!(stands(&told, "390"), (json!("differs"), json!(1)));
    let found = &told["differences"][0];
    assert_eq!((&found["kind"], &found["proposed"]), (&json!("totals-differ"), &json!("compare-3202")), "{told}");

    Sums::itemized(&hospital, &RESIDENT, "").await;
    let (code, told) = looked_at(&world);
    let found = &told["differences"][0];
    assert_eq!((code, found["setl_id"].as_str()), (Some(1), Some(lost.text("/output/setlinfo/setl_id").as_str())));
    assert_eq!((&found["kind"], &found["proposed"]), (&json!("centre-more"), &json!("reverse-2601")), "{told}");
    assert_eq!((&found["centre"]["medfee_sumamt"], &found["hospital"]), (&json!("5000.00"), &Value::Null), "{told}");

    let reversed = hospital.send(&hospital.reverse_message(&RESIDENT, &message)).await;
    assert!(reversed.succeeded(), "{}", reversed.text("/err_msg"));
    let (code, told) = looked_at(&world);
    assert_eq!(
        (code, &told["differences"][0]["reversed_since"]),
        (Some(1), &json!(true)),
        "until it is compared again"
    );
    let reply = residents.compared(&hospital, &RESIDENT, "1").await;
    assert_eq!(reply.text("/output/stmtinfo/stmt_rslt"), "0", "{}", reply.text("/output/stmtinfo/stmt_rslt_dscr"));
    let (late, _, _) = settled(&hospital, &RESIDENT, "60.00").await;
    residents.add(&late);
    let (code, told) = looked_at(&world);
    assert_eq!((code, stands(&told, "390")), (Some(0), (json!("grew-since"), json!(1))), "{told}");
    assert_eq!(residents.compared(&hospital, &RESIDENT, "0").await.text("/output/stmtinfo/stmt_rslt"), "0");
    assert_eq!(stands(&looked_at(&world).1, "390"), (json!("agrees"), json!(1)));
    world.assert_sound().await;
}
