//! What a hospital sees through the whole line: repeats, nonsense, lost answers, and people added by hand.

use serde_json::{Value, json};
use world::hospital::{Hospital, INSTITUTION};
use world::{EMPLOYEE, RESIDENT, UNFILED, World, append, eventually, pool};
use yidi::demo::player::Lodge as _;
use yidi::demo::story::FilingRow;
use yidi::desk::Reply;
use yidi::filing::lodge_all;

fn with(message: &Value, pointer: &str, value: impl Into<Value>) -> Value {
    let mut changed = message.clone();
    *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.into();
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_gives_the_first_answer() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
    let first = hospital.send(&settle).await;
    assert!(first.succeeded(), "{}", first.text("/err_msg"));
    let again = hospital.send(&with(&settle, "/inf_time", "2025-06-20 11:11:11")).await;
    assert_eq!(again.body["output"], first.body["output"]);
    assert_eq!(again.body["inf_refmsgid"], first.body["inf_refmsgid"]);

    let other_sum = hospital.send(&with(&settle, "/input/data/medfee_sumamt", "7999.00")).await;
    assert_eq!(other_sum.text("/infcode"), "-1");
    assert!(other_sum.text("/err_msg").contains("medfee_sumamt"), "{}", other_sum.text("/err_msg"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_id_may_serve_two_patients() {
    let (world, hospital) = World::with_a_hospital().await;
    let first_stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let second_stay = hospital.stay(&RESIDENT, "8000.00").await;
    let first = hospital.settle_message(&EMPLOYEE, &first_stay, "8000.00");
    let second = hospital.settle_message(&RESIDENT, &second_stay, "8000.00");
    let second = with(&second, "/msgid", first["msgid"].clone());
    let (first, second) = (hospital.send(&first).await, hospital.send(&second).await);
    assert!(first.succeeded() && second.succeeded(), "{}{}", first.text("/err_msg"), second.text("/err_msg"));
    assert_ne!(first.text("/output/setlinfo/setl_id"), second.text("/output/setlinfo/setl_id"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_clearly_and_changes_nothing() {
    let (world, hospital) = World::with_a_hospital().await;
    let open = hospital.admit(&EMPLOYEE, "2025-06-02").await;
    hospital.charge(&EMPLOYEE, &open, "1", "100.00", "2", "2025-06-03").await;
    let before = hospital.totals(&EMPLOYEE).await;
    let settle = hospital.settle_message(&EMPLOYEE, &open, "200.00");
    let charge = hospital.charge_message(&EMPLOYEE, &open, "2", "100.00", "-1", "2025-06-04");
    let mut beyond = hospital.charge_message(&EMPLOYEE, &open, "3", "100.00", "-3", "2025-06-04");
    beyond["input"]["feedetail"][0]["init_feedetl_sn"] = "1".into();
    let admission = |person: &str, began: &str| {
        let input = json!({ "mdtrtinfo": { "psn_no": person, "insutype": "310", "begntime": began, "mdtrt_cert_type": "02",
            "med_type": "21", "ipt_no": "Z9", "insuplc_admdvs": "410700" }, "diseinfo": [] });
        hospital.message(&EMPLOYEE, "2401", input)
    };
    let good_charge = hospital.charge_message(&EMPLOYEE, &open, "4", "1.00", "1", "2025-06-04");
    for (what, message) in [
        ("a negative total", with(&settle, "/input/data/medfee_sumamt", "-200.00")),
        ("a negative line without its original", charge),
        ("a negative line beyond its original", beyond),
        ("an unknown person", admission("99999999", "2025-06-02 08:00:00")),
        ("an admission that has not happened yet", admission(EMPLOYEE.number, "2031-06-02 08:00:00")),
        ("another person's stay", with(&good_charge, "/input/feedetail/0/psn_no", "99999999")),
        ("an unknown institution", with(&settle, "/fixmedins_code", "H99999900001")),
        ("a date that does not exist", with(&good_charge, "/input/feedetail/0/fee_ocur_time", "2025-02-30 10:00:00")),
        ("a stay that is not discharged", settle.clone()),
        ("an unknown stay", with(&settle, "/input/data/mdtrt_id", "310000000000000000000000000001")),
    ] {
        let reply = hospital.send(&message).await;
        assert_eq!(reply.text("/infcode"), "-1", "{what}");
        let text = reply.text("/err_msg");
        assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{what}: {text}");
        assert!(reply.body["output"].is_null(), "{what}");
    }
    for (what, body) in [("broken JSON", b"{\"infno\": \"2304\", ".to_vec()), ("20 MB", vec![b' '; 20 << 20])] {
        let reply = world.desk().send_bytes(body).await.expect("an answer");
        assert_eq!(reply.text("/infcode"), "-1", "{what}");
    }
    assert_eq!(hospital.totals(&EMPLOYEE).await, before);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_says_what_filing_is_worth_and_filing_brings_just_that() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&UNFILED, "8000.00").await;
    let settle = hospital.settle_message(&UNFILED, &stay, "8000.00");
    let estimate = |what_if: &str| {
        let mut message = with(&settle, "/infno", "2303");
        message["input"]["data"]["exp_content"] = json!({ "WHAT_IF": what_if }).to_string().into();
        message
    };
    let before = hospital.totals(&UNFILED).await;
    let asked = hospital.send(&estimate("1")).await;
    assert!(asked.text("/err_msg").starts_with("[505]"), "{}", asked.body);
    // The resident's book, third level: (8000 − 1200) × 75 % as at home; (8000 − 2000) × 75 %; 20 points less.
    let worth = what_if(&asked.text("/output/exp_content"));
    let expected = [("long-term", "5100.00"), ("referral", "4500.00"), ("other-temporary", "3300.00")];
    for (told, (filing, basic)) in worth.iter().zip(expected) {
        assert_eq!((&told["filing"], told["hifp_pay"].to_string()), (&filing.into(), basic.to_owned()), "{told}");
    }
    assert_eq!((&worth[3]["filing"], &worth[3]["err_code"], worth.len()), (&"none".into(), &505.into(), 4));
    assert_eq!(hospital.totals(&UNFILED).await, before, "asking changes nothing");

    let filing = FilingRow {
        id: "WHAT-IF".into(),
        psn_no: UNFILED.number.into(),
        home: UNFILED.home.into(),
        class: "other-temporary".into(),
        destination: "310000".into(),
        from: "2025-06-01".into(),
        to: String::new(),
        proof: String::new(),
    };
    world.operator().lodge(&filing).await.expect("it is lodged");
    let filed = hospital.send(&estimate("long-term,none")).await;
    assert!(filed.succeeded(), "{}", filed.text("/err_msg"));
    for name in ["act_pay_dedc", "hifp_pay", "fund_pay_sumamt", "acct_pay", "psn_cash_pay"] {
        assert_eq!(filed.body["output"]["setlinfo"][name], worth[2][name], "{name} is what was said");
    }
    let others = what_if(&filed.text("/output/setlinfo/exp_content"));
    assert_eq!(others, [worth[0].clone(), worth[3].clone()], "and the others stay what they were");
    assert!(filed.text("/warn_msg").contains("长期居住备案基金付5100.00"), "{}", filed.text("/warn_msg"));
    let settled = hospital.send(&settle).await;
    assert_eq!(settled.body["output"]["setlinfo"]["hifp_pay"], worth[2]["hifp_pay"]);
    world.assert_sound().await;
}

fn what_if(bag: &str) -> Vec<Value> {
    let bag: Value = serde_json::from_str(bag).unwrap_or_else(|fault| panic!("{fault}: {bag}"));
    bag["what_if"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_nobody_serves_is_told_so() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
    for (region, code) in [("330100", "207"), ("999999", "206")] {
        let elsewhere = with(&with(&settle, "/insuplc_admdvs", region), "/input/data/insuplc_admdvs", region);
        let reply = hospital.send(&elsewhere).await;
        assert_eq!(reply.text("/infcode"), "-1", "{region}");
        assert!(reply.text("/err_msg").starts_with(&format!("[{code}]")), "{region}: {}", reply.text("/err_msg"));
    }
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_stay_takes_no_more_charges() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let late = hospital.charge_message(&EMPLOYEE, &stay, "9", "1.00", "1", "2025-06-04");
    assert!(hospital.send(&late).await.text("/err_msg").starts_with("[402]"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_home_region_did_not_answer_is_not_yet_known_until_it_is_back() {
    let (mut world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
    let home = pool("410700");
    hospital.settle_a_stay(&RESIDENT).await;
    world.lose_answers(home);
    let lost = hospital.send(&settle).await;
    assert_eq!(lost.text("/infcode"), "-1");
    assert!(lost.text("/err_msg").starts_with("[703]"), "{}", lost.text("/err_msg"));
    let asked = hospital.query(&EMPLOYEE, &stay).await;
    assert!(asked.text("/err_msg").starts_with("[703]"), "{}", asked.text("/err_msg"));

    world.line_mut().kill_home(home).expect("it runs");
    world.mend(home);
    world.line_mut().restart_home(home).await.expect("it starts again");
    eventually("5203 gives the final answer", || async {
        !hospital.query(&EMPLOYEE, &stay).await.text("/err_msg").starts_with("[703]")
    })
    .await;
    let asked = hospital.query(&EMPLOYEE, &stay).await;
    let again = hospital.send(&settle).await;
    assert_eq!(asked.text("/output/setlinfo/setl_id"), again.text("/output/setlinfo/setl_id"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_of_a_lost_answer_ends_with_nothing_in_force() {
    let (mut world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let before = hospital.totals(&EMPLOYEE).await;
    let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
    let home = pool("410700");
    hospital.settle_a_stay(&RESIDENT).await;
    world.lose_answers(home);
    assert!(hospital.send(&settle).await.text("/err_msg").starts_with("[703]"));
    world.line_mut().kill_home(home).expect("it runs");
    world.mend(home);
    world.line_mut().restart_home(home).await.expect("it starts again");

    let reverse = hospital.reverse_message(&EMPLOYEE, &settle);
    eventually("the reversal is confirmed", || async { hospital.send(&reverse).await.succeeded() }).await;
    let late = hospital.send(&settle).await;
    assert_eq!(late.text("/infcode"), "-1", "the delayed original is refused");
    assert_eq!(hospital.totals(&EMPLOYEE).await, before);
    let anew = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "8000.00")).await;
    assert!(anew.succeeded(), "{}", anew.text("/err_msg"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_that_mistakes_person_or_transaction_is_refused_by_field() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
    assert!(hospital.send(&settle).await.succeeded());
    let reverse = hospital.reverse_message(&EMPLOYEE, &settle);
    for (pointer, value) in [("/input/data/psn_no", RESIDENT.number), ("/input/data/oinfno", "2207")] {
        let refused = hospital.send(&with(&reverse, pointer, value)).await;
        let field = pointer.rsplit('/').next().expect("a field");
        let text = refused.text("/err_msg");
        assert!(text.starts_with("[106]") && text.contains(field), "{text}");
    }
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_does_not_void_what_is_just_being_sent() {
    let (world, hospital) = World::with_a_hospital().await;
    for _ in 0..8 {
        let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
        let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
        let (settled, _) = tokio::join!(hospital.send(&settle), hospital.query(&EMPLOYEE, &stay));
        assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
        let cancel = hospital.cancel_message(&EMPLOYEE, &stay, &settled.text("/output/setlinfo/setl_id"));
        assert!(hospital.send(&cancel).await.succeeded());
    }
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_restores_the_year_to_date_and_a_reversed_one_brings_it_back() {
    let (world, hospital) = World::with_a_hospital().await;
    let before = hospital.totals(&EMPLOYEE).await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settled = hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "8000.00")).await;
    let after = hospital.totals(&EMPLOYEE).await;
    let cancel = hospital.cancel_message(&EMPLOYEE, &stay, &settled.text("/output/setlinfo/setl_id"));
    let cancelled = hospital.send(&cancel).await;
    assert!(cancelled.succeeded(), "{}", cancelled.text("/err_msg"));
    assert!(cancelled.text("/output/setlinfo/medfee_sumamt").starts_with('-'));
    assert_eq!(hospital.totals(&EMPLOYEE).await, before);
    let reversed = hospital.send(&hospital.reverse_message(&EMPLOYEE, &cancel)).await;
    assert!(reversed.succeeded(), "{}", reversed.text("/err_msg"));
    assert_eq!(hospital.totals(&EMPLOYEE).await, after);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stay_without_a_filing_is_admitted_with_a_warning() {
    let (world, hospital) = World::with_a_hospital().await;
    let input = json!({ "mdtrtinfo": { "psn_no": UNFILED.number, "insutype": "390", "begntime": "2025-06-02 08:00:00",
        "mdtrt_cert_type": "02", "med_type": "21", "ipt_no": "Z1", "insuplc_admdvs": "410700" }, "diseinfo": [] });
    let admitted = hospital.send(&hospital.message(&UNFILED, "2401", input)).await;
    assert!(admitted.succeeded(), "{}", admitted.text("/err_msg"));
    assert!(admitted.text("/warn_msg").contains("备案"), "{}", admitted.text("/warn_msg"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_and_what_is_added_by_hand_settles_after_the_next_start() {
    let (mut world, _) = World::with_a_hospital().await;
    let deploy = world.deploy();
    append(
        &deploy,
        "institutions.csv",
        "H53010200901,昆明新开医院,530102,hospital,2,2020-01-01,,inpatient;outpatient,,active",
    );
    append(&deploy, "catalogue.csv", "*,X-NEW-1,新药,101,01,09,,0,0,2020-01-01,");
    append(&deploy, "filings.csv", "WORLD-2,41070000990001,410700,other-temporary,530100,2025-01-01,");
    world.restart().await;
    world.lodge_filings().await;
    let hospital = Hospital::new(world.desk());
    let move_to =
        |message: Value| with(&with(&message, "/fixmedins_code", "H53010200901"), "/mdtrtarea_admvs", "530102");
    let admit = json!({ "mdtrtinfo": { "psn_no": EMPLOYEE.number, "insutype": "310", "begntime": "2025-06-02 08:00:00",
        "mdtrt_cert_type": "02", "med_type": "21", "ipt_no": "Z1", "insuplc_admdvs": "410700" }, "diseinfo": [] });
    let admitted = hospital.send(&move_to(hospital.message(&EMPLOYEE, "2401", admit))).await;
    let stay = admitted.text("/output/result/mdtrt_id");
    let charge = hospital.charge_message(&EMPLOYEE, &stay, "1", "8000.00", "1", "2025-06-03");
    let charge = move_to(with(&charge, "/input/feedetail/0/med_list_codg", "X-NEW-1"));
    assert!(hospital.send(&charge).await.succeeded());
    let discharge = json!({ "dscginfo": { "mdtrt_id": stay, "psn_no": EMPLOYEE.number, "insutype": "310",
        "endtime": "2025-06-12 10:00:00", "dscg_way": "1" }, "diseinfo": [] });
    assert!(hospital.send(&move_to(hospital.message(&EMPLOYEE, "2402", discharge))).await.succeeded());
    let settled = hospital.send(&move_to(hospital.settle_message(&EMPLOYEE, &stay, "8000.00"))).await;
    assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
    assert_eq!(settled.text("/output/setlinfo/inscp_scp_amt").trim_end_matches('0'), "8000.");
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_institution_of_somebody_else_cannot_be_settled_for() {
    let (world, hospital) = World::with_a_hospital().await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settle = with(&hospital.settle_message(&EMPLOYEE, &stay, "8000.00"), "/fixmedins_code", "H31010600104");
    let reply = hospital.send(&settle).await;
    assert!(
        reply.text("/err_msg").starts_with("[401]"),
        "{INSTITUTION}'s stay is not {}'s: {}",
        "H31010600104",
        reply.text("/err_msg")
    );
    world.assert_sound().await;
}

/// A referral that was lodged without an end holds for six months by the home region's rules, which the hub does not know.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_filings_the_first_that_still_holds_settles() {
    let filing = |id: &str, class: &str, from: &str| format!("{id},{},410700,{class},310000,{from},", UNFILED.number);
    for (lodged, class) in [
        (
            vec![filing("W-1", "referral", "2024-12-01"), filing("W-2", "other-temporary", "2025-05-01")],
            "other-temporary",
        ),
        (vec![filing("W-1", "referral", "2024-12-03"), filing("W-2", "other-temporary", "2025-05-01")], "referral"),
        (vec![filing("W-1", "referral", "2024-12-01")], "none"),
    ] {
        let world = World::start_with(|deploy| {
            std::fs::write(deploy.join("demo/filings.csv"), "id,psn_no,home,class,destination,from,to\n")
                .expect("a file");
            lodged.iter().for_each(|row| append(deploy, "filings.csv", row));
        })
        .await;
        world.lodge_filings().await;
        let hospital = Hospital::new(world.desk());
        let stay = hospital.stay(&UNFILED, "8000.00").await;
        let settled = hospital.send(&hospital.settle_message(&UNFILED, &stay, "8000.00")).await;
        if class == "none" {
            assert!(settled.text("/err_msg").starts_with("[505]"), "{}", settled.text("/err_msg"));
        } else {
            assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
            assert_eq!(settled.text("/output/setlinfo/exp_content"), format!(r#"{{"filing_class":"{class}"}}"#));
        }
        world.assert_sound().await;
    }
}

/// Xinxiang pays who filed by commitment as temporary until the proof is handed in; what was settled before stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_handed_in_later_counts_for_the_visits_after_it() {
    let world = World::start_with(|deploy| {
        std::fs::write(deploy.join("demo/filings.csv"), "id,psn_no,home,class,destination,from,to,proof\n")
            .expect("a file");
        let row = format!("W-1,{},410700,long-term,310000,2025-01-01,,commitment", UNFILED.number);
        append(deploy, "filings.csv", &row);
    })
    .await;
    world.lodge_filings().await;
    let hospital = Hospital::new(world.desk());
    let basic = |settled: &Reply| settled.body["output"]["setlinfo"]["hifp_pay"].to_string();
    let class = |settled: &Reply| settled.text("/output/setlinfo/exp_content");
    let admitted = hospital.send(&hospital.admit_message(&UNFILED, "2025-06-01")).await;
    assert!(admitted.text("/warn_msg").contains("承诺书"), "{}", admitted.text("/warn_msg"));
    let stay = hospital.stay(&UNFILED, "8000.00").await;
    let message = hospital.settle_message(&UNFILED, &stay, "8000.00");
    let before = hospital.send(&message).await;
    // (8000 − 2000) × (75 % − 20 points), as other temporary absence.
    assert_eq!((basic(&before), class(&before)), ("3300.00".into(), r#"{"filing_class":"other-temporary"}"#.into()));

    let proven = world.operator().hand_in("W-1".into()).await.expect("it is handed in");
    assert_eq!(proven.proof, "handed-in");
    let again = hospital.send(&message).await;
    assert_eq!(again.body["output"], before.body["output"], "what was settled stays");
    let later = hospital.stay_between(&UNFILED, "8000.00", ("2025-06-13", "2025-06-19")).await;
    let after = hospital.send(&hospital.settle_message(&UNFILED, &later, "8000.00")).await;
    // (8000 − 600, half of 1200 for the second stay) × 75 %, as at home.
    assert_eq!((basic(&after), class(&after)), ("5550.00".into(), r#"{"filing_class":"long-term"}"#.into()));

    eventually("the home region keeps the filing as it stands now", async || {
        let kept = world.line().homes[&pool("410700")].store().inbox().letter_newest(100).await.expect("an inbox");
        kept.iter().map(|kept| (kept.letter.subject.as_str(), kept.letter.version)).eq([("filing W-1", 2)])
    })
    .await;
    // Replays every decision of every book and holds it against what was answered, to the byte.
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_is_not_changed_before_its_home_region_lets_it_be() {
    let (world, _) = World::with_a_hospital().await;
    let file = world.deploy().join("demo/changes.csv");
    let lodge = async |row: &str| {
        let rows = format!("id,psn_no,home,class,destination,from,to\n{row}\n");
        std::fs::write(&file, rows).expect("it is written");
        lodge_all(&world.operator(), &file).await.expect("the file can be read")
    };
    // WORLD-3 is for Shanghai for long, from New Year on; Xinxiang locks it for six months.
    let to_shenzhen = |id: &str, from: &str| format!("{id},{},410700,long-term,440300,{from},", RESIDENT.number);
    let refused = lodge(&to_shenzhen("C-1", "2025-06-30")).await;
    let [refused] = refused.as_slice() else { panic!("it stands: {refused:?}") };
    for part in ["515", "destination", "2025-07-01", "filing_validity.long-term"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(lodge(&to_shenzhen("C-2", "2025-07-01")).await, [""; 0]);
    let temporary = format!("C-3,{},410700,other-temporary,440300,2025-06-01,", RESIDENT.number);
    assert_eq!(lodge(&temporary).await, [""; 0]);
}
