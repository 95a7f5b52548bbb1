//! The first business field in which two operations under one key differ, by its name at the interface. The key
//! itself is equal by then. Called by whoever keeps operations, before it refuses with
//! [`crate::refusal::Reason::ContentDiffers`].

use crate::bill::Bill;
use crate::encounter::{Encounter, Marks};
use crate::operation::{Cancel, Operation, Request, Reverse, Settle};

/// The first field that differs; none when both ask for the same.
pub fn first_difference(one: &Operation, two: &Operation) -> Option<&'static str> {
    match (&one.request, &two.request) {
        (Request::Settle(one), Request::Settle(two)) => of_settles(one, two),
        (Request::Cancel(one), Request::Cancel(two)) => of_cancels(one, two),
        (Request::Reverse(one), Request::Reverse(two)) => of_reverses(one, two),
        (Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_), _) => Some("infno"),
    }
}

fn of_settles(one: &Settle, two: &Settle) -> Option<&'static str> {
    let Settle { settlement, home, insurance, encounter, bill, account } = one;
    first(&[("insuplc_admdvs", *home != two.home), ("insutype", *insurance != two.insurance)])
        .or_else(|| of_encounters(encounter, &two.encounter))
        .or_else(|| of_bills(bill, &two.bill))
        .or_else(|| first(&[("acct_used_flag", *account != two.account), ("setl_id", *settlement != two.settlement)]))
}

fn of_encounters(one: &Encounter, two: &Encounter) -> Option<&'static str> {
    let Encounter {
        id,
        institution,
        area,
        pool,
        level,
        care,
        admitted,
        discharged,
        disease,
        batch,
        interim,
        marks: Marks { emergency, referral, injury, third_party },
    } = one;
    first(&[
        ("mdtrt_id", *id != two.id),
        ("fixmedins_code", *institution != two.institution),
        ("mdtrtarea_admvs", (*area, *pool) != (two.area, two.pool)),
        ("hosp_lv", *level != two.level),
        ("med_type", *care != two.care),
        ("begntime", *admitted != two.admitted),
        ("endtime", *discharged != two.discharged),
        ("dise_codg", *disease != two.disease),
        ("chrg_bchno", *batch != two.batch),
        ("mid_setl_flag", *interim != two.interim),
        ("IPT_TYPE", *emergency != two.marks.emergency),
        ("OTP_ER_REFL_FLAG", *referral != two.marks.referral),
        ("TRUM_FLAG", *injury != two.marks.injury),
        ("REL_TTP_FLAG", *third_party != two.marks.third_party),
    ])
}

fn of_bills(one: &Bill, two: &Bill) -> Option<&'static str> {
    if one.total() != two.total() {
        return Some("medfee_sumamt");
    }
    let parts = one.coverage().parts().into_iter().zip(two.coverage().parts());
    let part = parts.filter(|(one, two)| one != two).map(|((field, _), _)| field).next();
    part.or_else(|| {
        first(&[("med_chrgitm_type", one.categories() != two.categories()), ("feedetl_sn", one.lines() != two.lines())])
    })
}

fn of_cancels(one: &Cancel, two: &Cancel) -> Option<&'static str> {
    let Cancel { counter, settlement, home, treatment } = one;
    first(&[
        ("setl_id", *settlement != two.settlement),
        ("insuplc_admdvs", *home != two.home),
        ("mdtrtarea_admvs", *treatment != two.treatment),
        ("setl_id", *counter != two.counter),
    ])
}

fn of_reverses(one: &Reverse, two: &Reverse) -> Option<&'static str> {
    let Reverse { target, home, treatment } = one;
    first(&[
        ("fixmedins_code", target.institution != two.target.institution),
        ("omsgid", target.message != two.target.message),
        ("oinfno", target.transaction != two.target.transaction),
        ("psn_no", target.person != two.target.person),
        ("insuplc_admdvs", *home != two.home),
        ("mdtrtarea_admvs", *treatment != two.treatment),
    ])
}

fn first(fields: &[(&'static str, bool)]) -> Option<&'static str> {
    fields.iter().find(|(_, differs)| *differs).map(|(field, _)| *field)
}
