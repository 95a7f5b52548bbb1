//! Where two operations under one key differ, in the interface's names. Ids that the treatment side mints and the
//! layout of a message are not content (design.md section 5). Called by the hub when a key comes a second time.

use super::{AccountUse, Operation, Request, Settle};
use crate::bill::{Bill, Coverage};
use crate::encounter::Encounter;

impl Operation {
    /// The first business field in which another operation under the same key differs; none when both ask for the
    /// same.
    pub fn difference(&self, other: &Operation) -> Option<&'static str> {
        match (&self.request, &other.request) {
            (Request::Settle(one), Request::Settle(two)) => of_settles(one, two),
            (Request::Cancel(one), Request::Cancel(two)) => first([
                ("setl_id", one.settlement != two.settlement),
                ("insuplc_admdvs", one.home != two.home),
                ("mdtrtarea_admvs", one.treatment != two.treatment),
            ]),
            (Request::Reverse(one), Request::Reverse(two)) => first([
                ("omsgid", one.target.message != two.target.message),
                ("oinfno", one.target.transaction != two.target.transaction),
                ("psn_no", one.target.person != two.target.person),
                ("fixmedins_code", one.target.institution != two.target.institution),
                ("insuplc_admdvs", one.home != two.home),
                ("mdtrtarea_admvs", one.treatment != two.treatment),
            ]),
            (Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_), _) => Some("infno"),
        }
    }
}

fn of_settles(one: &Settle, two: &Settle) -> Option<&'static str> {
    of_totals(&one.bill, &two.bill)
        .or_else(|| {
            first([
                ("insuplc_admdvs", one.home != two.home),
                ("insutype", one.insurance != two.insurance),
                ("acct_used_flag", pays_from(one.account) != pays_from(two.account)),
            ])
        })
        .or_else(|| of_encounters(&one.encounter, &two.encounter))
        .or_else(|| of_parts(&one.bill, &two.bill))
}

fn of_totals(one: &Bill, two: &Bill) -> Option<&'static str> {
    first([("medfee_sumamt", one.total() != two.total())]).or_else(|| of_coverages(&one.coverage(), &two.coverage()))
}

fn of_coverages(one: &Coverage, two: &Coverage) -> Option<&'static str> {
    one.parts().into_iter().zip(two.parts()).find(|(one, two)| one != two).map(|((field, _), _)| field)
}

fn of_parts(one: &Bill, two: &Bill) -> Option<&'static str> {
    first([("med_chrgitm_type", one.categories() != two.categories()), ("feedetl_sn", one.lines() != two.lines())])
}

fn of_encounters(one: &Encounter, two: &Encounter) -> Option<&'static str> {
    first([
        ("mdtrt_id", one.id != two.id),
        ("fixmedins_code", one.institution != two.institution),
        ("mdtrtarea_admvs", (one.area, one.pool) != (two.area, two.pool)),
        ("hosp_lv", one.level != two.level),
        ("med_type", one.care != two.care),
        ("begntime", one.admitted != two.admitted),
        ("endtime", one.discharged != two.discharged),
        ("dise_codg", one.disease != two.disease),
        ("diag_code", one.diagnosis != two.diagnosis),
        ("chrg_bchno", one.batch != two.batch),
        ("mid_setl_flag", one.interim != two.interim),
        ("otp_er_refl_flag", one.marks != two.marks),
    ])
}

/// At the interface the flag says only whether the account may pay; whose accounts is told by the person's region.
fn pays_from(account: AccountUse) -> bool {
    match account {
        AccountUse::None => false,
        AccountUse::Own | AccountUse::Family => true,
    }
}

fn first<const N: usize>(fields: [(&'static str, bool); N]) -> Option<&'static str> {
    fields.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::{CategorySum, FeeCategory};
    use crate::encounter::{CareKind, HospitalLevel, Marks};
    use crate::ids::{
        EncounterId, InstitutionCode, MessageId, PersonNumber, PoolCode, RegionCode, SettlementId, TransactionNumber,
    };
    use crate::money::Money;
    use crate::operation::{Cancel, OperationKey};
    use crate::person::Insurance;

    fn pool(code: &str) -> PoolCode {
        PoolCode(RegionCode::new(code).expect("six digits"))
    }

    fn bill(yuan: i64) -> Bill {
        let total = Money::from_yuan(yuan);
        let category = CategorySum {
            category: FeeCategory::new(9).expect("western drugs"),
            class_a: total,
            class_b: Money::ZERO,
            class_c: Money::ZERO,
            over_limit: Money::ZERO,
        };
        Bill::new(Coverage { in_policy: total, ..Coverage::default() }, vec![category], Vec::new()).expect("a bill")
    }

    fn settle() -> Settle {
        Settle {
            settlement: SettlementId::new("1").expect("an id"),
            home: pool("410700"),
            insurance: Insurance::Employee,
            encounter: Encounter {
                id: EncounterId::new("31").expect("an id"),
                institution: InstitutionCode::new("H31010100001").expect("a code"),
                area: RegionCode::new("310101").expect("six digits"),
                pool: pool("310000"),
                member: None,
                level: HospitalLevel::Third,
                care: CareKind::Inpatient,
                admitted: jiff::civil::date(2025, 6, 1),
                discharged: Some(jiff::civil::date(2025, 6, 9)),
                disease: None,
                diagnosis: None,
                batch: None,
                interim: false,
                marks: Marks::default(),
            },
            bill: bill(100),
            account: AccountUse::Own,
        }
    }

    fn operation(request: Request) -> Operation {
        let key = OperationKey {
            institution: InstitutionCode::new("H31010100001").expect("a code"),
            message: MessageId::new("m").expect("an id"),
            transaction: TransactionNumber::new("2304").expect("a number"),
            person: PersonNumber::new("1").expect("a number"),
            encounter: None,
            batch: None,
        };
        Operation { key, request }
    }

    #[test]
    fn the_first_business_field_that_differs_is_named() {
        let changed = |change: fn(&mut Settle)| {
            let mut other = settle();
            change(&mut other);
            operation(Request::Settle(Box::new(other)))
        };
        let original = changed(|_| ());
        for (other, field) in [
            (changed(|_| ()), None),
            (changed(|settle| settle.settlement = SettlementId::new("2").expect("an id")), None),
            (changed(|settle| settle.account = AccountUse::Family), None),
            (changed(|settle| settle.account = AccountUse::None), Some("acct_used_flag")),
            (changed(|settle| settle.bill = bill(101)), Some("medfee_sumamt")),
            (changed(|settle| settle.insurance = Insurance::Resident), Some("insutype")),
            (changed(|settle| settle.encounter.care = CareKind::Outpatient), Some("med_type")),
            (changed(|settle| settle.encounter.discharged = None), Some("endtime")),
        ] {
            assert_eq!(original.difference(&other), field);
        }
    }

    #[test]
    fn another_kind_of_request_differs_in_the_transaction() {
        let cancel = operation(Request::Cancel(Cancel {
            counter: SettlementId::new("2").expect("an id"),
            settlement: SettlementId::new("1").expect("an id"),
            home: pool("410700"),
            treatment: pool("310000"),
        }));
        assert_eq!(operation(Request::Settle(Box::new(settle()))).difference(&cancel), Some("infno"));
    }
}
