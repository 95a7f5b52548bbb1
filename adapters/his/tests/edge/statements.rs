//! Day-end accounts as a hospital does them: 3201, and where it does not agree 9101, 3202 and 9102.

use std::io::{Cursor, Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use his::config::{FundSum, Profile, SigningIn, StatementCodes};
use jiff::civil::date;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::requests::*;
use crate::world::{Answer, HOSPITAL, PERSON, PHARMACY, World, envelope};

/// A settlement as the hospital keeps it.
#[derive(Clone, Debug)]
struct Settled {
    visit: String,
    id: String,
    msgid: String,
    total: Decimal,
    funds: Decimal,
    account: Decimal,
    cash: Decimal,
}

/// Settles a visit of one drug at a price.
async fn settled(world: &World, price: &'static str) -> Settled {
    let visit = registered(world, "11").await;
    world.send("2204", outpatient_lines(&visit, "B1", "", &[("1", "XA", "1", price, price)])).await.ok();
    let msgid = world.new_message();
    let answer = world.send_as(&msgid, "2207", settle_visit(&visit, "B1", "11", price)).await.ok();
    kept(visit, msgid, &answer)
}

fn kept(visit: String, msgid: String, answer: &Value) -> Settled {
    let info = &answer["output"]["setlinfo"];
    let amount = |name: &str| text(info, name).parse().expect("an amount");
    Settled {
        visit,
        id: text(info, "setl_id"),
        msgid,
        total: amount("medfee_sumamt"),
        funds: amount("fund_pay_sumamt"),
        account: amount("acct_pay"),
        cash: amount("psn_cash_pay"),
    }
}

async fn cancelled(world: &World, settled: &Settled) -> Settled {
    let msgid = world.new_message();
    let answer = world.send_as(&msgid, "2208", of_settlement(&settled.visit, &settled.id)).await.ok();
    kept(settled.visit.clone(), msgid, &answer)
}

/// What 3201 is asked of rows; figures are texts, and the first day has a time.
fn totals(rows: &[&Settled], refunds: &str) -> Value {
    let sum = |of: fn(&Settled) -> Decimal| rows.iter().map(|row| of(row)).sum::<Decimal>().to_string();
    json!({"data": {"insutype": "310", "clr_type": "11", "setl_optins": "310000",
        "stmt_begndate": "2025-06-20 00:00:00", "stmt_enddate": "2025-06-20", "medfee_sumamt": sum(|row| row.total),
        "fund_pay_sumamt": sum(|row| row.funds), "acct_pay": sum(|row| row.account),
        "fixmedins_setl_cnt": rows.len().to_string(), "refd_setl_flag": refunds, "fixmedins_refd_setl_flag": ""}})
}

#[track_caller]
fn told(answer: Answer) -> (String, String) {
    let answer = answer.ok();
    let info = &answer["output"]["stmtinfo"];
    assert_eq!(text(info, "setl_optins"), "310000");
    (text(info, "stmt_rslt"), text(info, "stmt_rslt_dscr"))
}

fn line(row: &Settled, flag: &str) -> String {
    let Settled { visit, id, total, funds, account, .. } = row;
    format!("{id}\t{visit}\t{PERSON}\t{total}\t{funds}\t{account}\t{flag}\n")
}

fn packed(text: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("stmt.txt", SimpleFileOptions::default()).expect("a file");
    writer.write_all(text.as_bytes()).expect("its text");
    writer.finish().expect("a ZIP").into_inner()
}

fn unpacked(zip: &[u8]) -> String {
    let mut archive = ZipArchive::new(Cursor::new(zip)).expect("a ZIP");
    assert_eq!(archive.len(), 1);
    let mut text = String::new();
    archive.by_index(0).expect("a file").read_to_string(&mut text).expect("UTF-8");
    text
}

fn upload(content: Value) -> Value {
    json!({"fsUploadIn": {"in": content, "filename": "0620.zip", "fixmedins_code": HOSPITAL}})
}

async fn uploaded(world: &World, text_file: &str) -> String {
    let answer = world.send("9101", upload(json!(STANDARD.encode(packed(text_file))))).await.ok();
    let output = &answer["output"];
    assert_eq!((text(output, "filename"), text(output, "fixmedins_code")), ("0620.zip".into(), HOSPITAL.into()));
    assert!(text(output, "dld_endtime").as_str() > "2025-06-21", "{output}");
    text(output, "file_qury_no")
}

fn lines(file: &str, rows: &[&Settled]) -> Value {
    let mut asked = totals(rows, "1");
    let data = asked["data"].as_object_mut().expect("an object");
    data.remove("insutype");
    let cash: Decimal = rows.iter().map(|row| row.cash).sum();
    data.extend([("file_qury_no".to_owned(), json!(file)), ("cash_payamt".to_owned(), json!(cash.to_string()))]);
    asked
}

fn download(file: &str) -> Value {
    json!({"fsDownloadIn": {"file_qury_no": file, "filename": "x.zip", "fixmedins_code": HOSPITAL}})
}

/// The result file's rows, each as its cells.
async fn fetched(world: &World, file: &str) -> Vec<Vec<String>> {
    let asked = envelope(&world.new_message(), "9102", download(file)).to_string();
    let response = world.post("/", &[], asked.as_bytes()).await;
    assert!(response.headers.contains("content-type: application/octet-stream"), "{}", response.headers);
    let rows = unpacked(&response.bytes);
    rows.lines().map(|line| line.split('\t').map(ToOwned::to_owned).collect()).collect()
}

#[tokio::test]
async fn totals_agree_with_and_without_refunds_and_a_wrong_figure_is_named() {
    let world = World::new().await;
    let (first, second) = (settled(&world, "20.00").await, settled(&world, "30.10").await);
    let lost = settled(&world, "7.77").await;
    let counter = cancelled(&world, &second).await;
    world.send("2601", reversal(&lost.msgid, "2207")).await.ok();
    let (all, without) = ([&first, &second, &counter], [&first]);
    for (rows, flag) in [(&all[..], "1"), (&all[..], ""), (&all[..], "null"), (&without[..], "0")] {
        let (result, described) = told(world.send("3201", totals(rows, flag)).await);
        assert_eq!(result, "0", "{flag}: {described}");
    }
    let mut absent = totals(&all, "");
    absent["data"].as_object_mut().expect("an object").retain(|name, _| !name.contains("refd_setl_flag"));
    assert_eq!(told(world.send("3201", absent).await).0, "0");
    let (result, described) = told(world.send("3201", totals(&all, "0")).await);
    assert_eq!(result, "1");
    assert!(described.contains("结算笔数中心1、医院3、中心少2"), "{described}");

    let mut wrong = totals(&all, "1");
    wrong["data"]["medfee_sumamt"] = json!(20.5);
    let (result, described) = told(world.send("3201", wrong).await);
    assert_eq!((result.as_str(), described.as_str()), ("1", "不一致:医疗费总额中心20.00、医院20.50、中心少0.50"));

    world.send("2601", reversal(&counter.msgid, "2208")).await.ok();
    for flag in ["1", "0"] {
        let (result, described) = told(world.send("3201", totals(&[&first, &second], flag)).await);
        assert_eq!(result, "0", "a reversed cancellation lets the settlement count again: {described}");
    }
    let mut next_day = totals(&[], "1");
    next_day["data"]["stmt_begndate"] = json!("2025-06-21");
    next_day["data"]["stmt_enddate"] = json!("2025-06-30");
    assert_eq!(told(world.send("3201", next_day).await).0, "0", "nothing was settled then");
}

#[tokio::test]
async fn a_missing_an_extra_and_a_differing_row_are_found_by_exchanging_files() {
    let mut world = World::new().await;
    let (same, missing) = (settled(&world, "20.00").await, settled(&world, "30.10").await);
    let (differing, undone) = (settled(&world, "5.05").await, settled(&world, "6.00").await);
    let counter = cancelled(&world, &undone).await;
    let mut changed = differing.clone();
    changed.funds -= Decimal::ONE;
    let extra = Settled { id: "310000000000000000000000000001".into(), ..same.clone() };
    let rows = [&same, &changed, &extra, &undone, &counter];
    // Both rows of what was cancelled may be flagged, and the counter-entry be kept by either id.
    let by_original = Settled { id: undone.id.clone(), ..counter.clone() };
    let file: String = [(&same, "0"), (&changed, "0"), (&extra, "0"), (&undone, "1"), (&by_original, "1")]
        .map(|(row, flag)| line(row, flag))
        .concat();
    let handle = uploaded(&world, &file).await;
    let compared = world.send("3202", lines(&handle, &rows)).await.ok();
    assert!(compared["warn_msg"].is_null(), "{compared}");
    let described = text(&compared, "output.fileinfo.stmt_rslt_dscr");
    assert!(described.starts_with("共3行不一致;现金合计中心"), "{described}");
    let result = text(&compared, "output.fileinfo.file_qury_no");
    assert!(text(&compared, "output.fileinfo.filename").ends_with(".zip"));
    world.crash_and_restart().await;
    let found = fetched(&world, &result).await;
    let short = found.iter().map(|row| (row[0].as_str(), row[2].as_str(), row[3].as_str(), row[4].as_str()));
    let short: Vec<_> = short.collect();
    let expected = [
        (PERSON, differing.id.as_str(), differing.msgid.as_str(), "3"),
        (PERSON, extra.id.as_str(), "null", "2"),
        (PERSON, "null", missing.msgid.as_str(), "1"),
    ];
    assert_eq!(short, expected);
    assert!(found[0][6].contains("基金支付总额") && found[0][6].contains("中心多1.00"), "{}", found[0][6]);
    assert_eq!((found[2][1].as_str(), found[2][5].as_str(), found[2][7].as_str()), ("null", "0", "30.10"));

    // What the result names undoes what the hospital never heard of; then both sides agree.
    world.send("2601", reversal(&found[2][3], "2207")).await.ok();
    let mended = [&same, &differing, &undone, &counter];
    let file: String = mended.iter().map(|row| line(row, "0")).collect();
    let handle = uploaded(&world, &file).await;
    let compared = world.send("3202", lines(&handle, &mended)).await.ok();
    assert_eq!(text(&compared, "output.fileinfo.stmt_rslt_dscr"), "共0行不一致");
    assert_eq!(fetched(&world, &text(&compared, "output.fileinfo.file_qury_no")).await, Vec::<Vec<String>>::new());

    // A settlement that was reversed here is still in the hospital's book.
    let handle = uploaded(&world, &format!("{file}{}", line(&missing, "0"))).await;
    let compared = world.send("3202", lines(&handle, &mended)).await.ok();
    assert!(text(&compared, "warn_msg").contains("结算笔数"), "the file has a row more than the message says");
    let found = fetched(&world, &text(&compared, "output.fileinfo.file_qury_no")).await;
    assert_eq!((found.len(), found[0][3].as_str(), found[0][4].as_str()), (1, missing.msgid.as_str(), "2"));
    assert!(found[0][6].contains("冲正"), "{}", found[0][6]);
}

/// Rows that no book but the hospital's has.
fn unknown_rows(number: usize) -> String {
    (0..number).map(|number| format!("{number:030}\t\t\t1.00\t0.00\t0.00\t0\n")).collect()
}

#[tokio::test]
async fn however_many_rows_differ_the_hub_is_told_of_each_or_the_file_is_refused() {
    let world = World::new().await;
    let (missing, day) = (settled(&world, "20.00").await, date(2025, 6, 20));
    // What the hospital lacks comes behind what it has alone.
    let file = uploaded(&world, &unknown_rows(10_000)).await;
    let compared = world.send("3202", lines(&file, &[])).await.ok();
    let described = text(&compared, "output.fileinfo.stmt_rslt_dscr");
    assert!(described.starts_with("共10001行不一致"), "{described}");
    world.running().comparing().compare((day, day)).await.expect("it is compared");
    assert_eq!(world.comparisons.rows_of_hospitals(), 1, "{} is in no row of the file", missing.id);

    let file = uploaded(&world, &unknown_rows(50_000)).await;
    let refused = world.send("3202", lines(&file, &[])).await.refused(106);
    assert!(refused.contains("data.file_qury_no") && refused.contains("缩短日期"), "{refused}");
    let file = uploaded(&world, &line(&missing, "0")).await;
    world.send("3202", lines(&file, &[&missing])).await.ok();
    world.running().comparing().compare((day, day)).await.expect("it is compared");
    assert_eq!(world.comparisons.rows_of_hospitals(), 0, "what is compared anew is told no more");
}

#[tokio::test]
async fn a_repeat_of_an_upload_or_a_comparison_names_the_same_file() {
    let world = World::new().await;
    let row = settled(&world, "20.00").await;
    let content: Vec<i8> = packed(&line(&row, "0")).into_iter().map(u8::cast_signed).collect();
    let (first, second) = (world.new_message(), world.new_message());
    let file = text(&world.send_as(&first, "9101", upload(json!(content))).await.ok(), "output.file_qury_no");
    let again = world.send_as(&first, "9101", upload(json!(content))).await.ok();
    assert_eq!(text(&again, "output.file_qury_no"), file);
    let other: Vec<i16> = packed("").into_iter().map(i16::from).collect();
    let refused = world.send_as(&first, "9101", upload(json!(other))).await.refused(301);
    assert!(refused.contains("fsUploadIn.in"), "{refused}");
    let result = world.send_as(&second, "3202", lines(&file, &[&row])).await.ok();
    let again = world.send_as(&second, "3202", lines(&file, &[&row])).await.ok();
    assert_eq!(result["output"], again["output"]);
}

#[tokio::test]
async fn a_form_with_a_file_is_an_upload_too() {
    let world = World::new().await;
    let row = settled(&world, "20.00").await;
    let mut message = envelope(&world.new_message(), "9101", json!({}));
    message.as_object_mut().expect("an object").remove("infno");
    let mut form = Vec::new();
    let file = packed(&line(&row, "0"));
    for (disposition, content) in
        [("name=\"message\"", message.to_string().into_bytes()), ("name=\"file\"; filename=\"0620.zip\"", file.clone())]
    {
        form.extend(format!("--b\r\ncontent-disposition: form-data; {disposition}\r\n\r\n").into_bytes());
        form.extend([content.as_slice(), b"\r\n"].concat());
    }
    form.extend(b"--b--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let response = world.post("/fsi/api/fileupload/upload", &headers, &form).await;
    let number = text(&Answer(response.body).ok(), "output.file_qury_no");
    let asked = envelope(&world.new_message(), "9102", download(&number)).to_string();
    assert_eq!(world.post("/", &[], asked.as_bytes()).await.bytes, file);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field_line_and_column() {
    let world = World::new().await;
    let row = settled(&world, "20.00").await;
    let refused = world.send("9101", upload(json!("plain text"))).await.refused(106);
    assert!(refused.contains("fsUploadIn.in"), "{refused}");
    let refused = world.send("9101", upload(json!(STANDARD.encode(b"1\t2")))).await.refused(106);
    assert!(refused.contains("ZIP"), "{refused}");
    let mut elsewhere = upload(json!(STANDARD.encode(packed(""))));
    elsewhere["fsUploadIn"]["fixmedins_code"] = json!(PHARMACY);
    let refused = world.send("9101", elsewhere).await.refused(106);
    assert!(refused.contains("fsUploadIn.fixmedins_code"), "{refused}");

    let file = uploaded(&world, &format!("{}{}", line(&row, "0"), line(&row, "0").replace("20.00", "20.001"))).await;
    let refused = world.send("3202", lines(&file, &[&row])).await.refused(106);
    assert!(refused.contains("data.file_qury_no") && refused.contains("第2行第4列medfee_sumamt"), "{refused}");
    world.send("3202", lines("7", &[&row])).await.refused(106);
    let answer = world.send("9102", download("7")).await;
    assert!(answer.refused(106).contains("fsDownloadIn.file_qury_no"));
    let mut of_another = envelope(&world.new_message(), "9102", download(&file));
    of_another["fixmedins_code"] = json!(PHARMACY);
    world.send_envelope(of_another).await.refused(106);

    for (name, value, code) in [
        ("insutype", json!(""), 105),
        ("medfee_sumamt", json!("abc"), 106),
        ("fixmedins_setl_cnt", json!("1.5"), 106),
        ("stmt_begndate", json!("2025-06-21"), 106),
        ("stmt_begndate", json!("2023-06-21"), 106),
    ] {
        let mut asked = totals(&[&row], "1");
        asked["data"][name] = value;
        let refused = world.send("3201", asked).await.refused(code);
        let field = if name == "stmt_begndate" { "data.stmt_enddate".to_owned() } else { format!("data.{name}") };
        assert!(refused.contains(&field), "{refused}");
    }
}

#[tokio::test]
async fn habits_of_a_region_hold_in_its_statements_too() {
    let profile = Profile { fund_sum: FundSum::WithAccount, ..Profile::default() };
    let codes = StatementCodes { agrees: "000000".into(), centre_more: "000101".into(), ..StatementCodes::default() };
    let world = World::with(|config| {
        config.profiles = [("*".to_owned(), profile)].into();
        config.statement_codes = [("310000".to_owned(), codes)].into();
    })
    .await;
    let row = settled(&world, "20.00").await;
    assert!(row.account > Decimal::ZERO);
    assert_eq!(told(world.send("3201", totals(&[&row], "1")).await).0, "000000", "the account counts into the funds");
    let file = uploaded(&world, "").await;
    let compared = world.send("3202", lines(&file, &[])).await.ok();
    let found = fetched(&world, &text(&compared, "output.fileinfo.file_qury_no")).await;
    assert_eq!((found[0][4].as_str(), found[0][8].parse()), ("000101", Ok(row.funds)));
}

#[tokio::test]
async fn a_desk_that_must_sign_in_must_do_so_for_statements() {
    let world = World::with_profile(Profile { sign_in: SigningIn::Required, ..Profile::default() }).await;
    for (infno, input) in [("3201", totals(&[], "1")), ("9101", upload(json!(""))), ("9102", download("7"))] {
        world.send(infno, input).await.refused(103);
    }
}
