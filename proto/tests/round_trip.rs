//! The wire gives back what went in, and says of a bad message everything that is wrong with it.

use clearing::obligation::Lot;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;
use proto::convert;
use proto::v1;
use settlement::account::{AccountOf, FamilyShare};
use settlement::adjudication::{Fund, FundShares, Payers};
use settlement::bill::{Bill, CategorySum, ChargeLine, Coverage, FeeCategory, ItemClass};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::*;
use settlement::money::Money;
use settlement::operation::*;
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::person::{Insurance, PersonClass, Validity};
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::RuleBookHash;

fn text() -> impl Strategy<Value = String> {
    "[0-9A-Za-z\u{4e00}-\u{4eff}_-]{1,20}"
}

fn region() -> impl Strategy<Value = RegionCode> {
    "[0-9]{6}".prop_map(|code| RegionCode::new(&code).expect("six digits"))
}

fn pool() -> impl Strategy<Value = PoolCode> {
    region().prop_map(PoolCode)
}

fn money() -> impl Strategy<Value = Money> {
    (0..1_000_000_000_i64).prop_map(Money::from_fen)
}

fn day() -> impl Strategy<Value = Date> {
    (0..9_000_i64).prop_map(|days| date(2010, 1, 1).checked_add(jiff::Span::new().days(days)).expect("a day"))
}

fn id<T>(new: fn(&str) -> Result<T, IdError>) -> impl Strategy<Value = T>
where
    T: std::fmt::Debug,
{
    text().prop_map(move |text| new(&text).expect("a short printable text"))
}

fn coverage() -> impl Strategy<Value = Coverage> {
    (money(), money(), money(), money()).prop_map(|(self_paid, over_limit, first_self_pay, in_policy)| Coverage {
        self_paid,
        over_limit,
        first_self_pay,
        in_policy: in_policy + Money::from_fen(1),
    })
}

fn line() -> impl Strategy<Value = ChargeLine> {
    let class = select(vec![ItemClass::A, ItemClass::B, ItemClass::C]);
    (id(ChargeNumber::new), id(ItemCode::new), day(), class, 1..=14_u8, coverage()).prop_map(
        |(number, item, charged_on, class, category, coverage)| ChargeLine {
            number,
            item,
            charged_on,
            class,
            category: FeeCategory::new(category).expect("1 to 14"),
            coverage,
        },
    )
}

fn bill() -> impl Strategy<Value = Bill> {
    vec(line(), 1..6).prop_map(|lines| {
        let coverage: Coverage = lines.iter().map(|line| line.coverage).sum();
        let category = FeeCategory::new(9).expect("western drugs");
        let class_a = coverage.total() - coverage.over_limit;
        let zero = Money::ZERO;
        let sums = CategorySum { category, class_a, class_b: zero, class_c: zero, over_limit: coverage.over_limit };
        Bill::new(coverage, vec![sums], lines).expect("the lines make it up")
    })
}

fn encounter() -> impl Strategy<Value = Encounter> {
    let member = option::of(region().prop_map(MemberCode));
    let ids = (id(EncounterId::new), id(InstitutionCode::new), region(), pool(), member);
    let kinds = (select(HospitalLevel::ALL.to_vec()), select(CareKind::ALL.to_vec()));
    let days = (day(), option::of(0..40_i64));
    let illness = (option::of(id(DiseaseCode::new)), option::of(id(DiagnosisCode::new)));
    let rest = (illness, option::of(id(BatchNumber::new)), any::<bool>(), any::<[bool; 4]>());
    (ids, kinds, days, rest).prop_map(
        |((id, institution, area, pool, member), (level, care), (admitted, stay), rest)| {
            let ((disease, diagnosis), batch, interim, [emergency, referral, injury, third_party]) = rest;
            let discharged = stay.map(|days| admitted.checked_add(jiff::Span::new().days(days)).expect("a day"));
            let marks = Marks { emergency, referral, injury, third_party };
            Encounter {
                id,
                institution,
                area,
                pool,
                member,
                level,
                care,
                admitted,
                discharged,
                disease,
                diagnosis,
                batch,
                interim,
                marks,
            }
        },
    )
}

fn key() -> impl Strategy<Value = OperationKey> {
    let number = "[0-9]{4}A?".prop_map(|number: String| TransactionNumber::new(&number).expect("a short text"));
    let sender = (id(InstitutionCode::new), id(MessageId::new), number);
    (sender, id(PersonNumber::new), option::of(id(EncounterId::new)), option::of(id(BatchNumber::new))).prop_map(
        |((institution, message, transaction), person, encounter, batch)| OperationKey {
            institution,
            message,
            transaction,
            person,
            encounter,
            batch,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let account = select(vec![AccountUse::None, AccountUse::Own, AccountUse::Family]);
    let settle = (id(SettlementId::new), pool(), select(Insurance::ALL.to_vec()), encounter(), bill(), account)
        .prop_map(|(settlement, home, insurance, encounter, bill, account)| {
            Request::Settle(Box::new(Settle { settlement, home, insurance, encounter, bill, account }))
        });
    let cancel = (id(SettlementId::new), id(SettlementId::new), pool(), pool()).prop_map(
        |(counter, settlement, home, treatment)| Request::Cancel(Cancel { counter, settlement, home, treatment }),
    );
    let reverse = (key(), pool(), pool())
        .prop_map(|(key, home, treatment)| Request::Reverse(Reverse { target: key.as_target(), home, treatment }));
    (key(), prop_oneof![settle, cancel, reverse]).prop_map(|(key, request)| Operation { key, request })
}

fn settled() -> impl Strategy<Value = Settled> {
    let ids = (id(SettlementId::new), select(Insurance::ALL.to_vec()), select(PersonClass::ALL.to_vec()));
    let sums = (vec(money(), Fund::ALL.len()), money(), money(), money());
    let rest = (option::of(select(FilingClass::ALL.to_vec())), any::<bool>(), any::<[u8; 32]>(), any::<[u8; 32]>());
    (ids, sums, rest).prop_map(|((settlement, insurance, class), (shares, account, cash, deductible), rest)| {
        let (filing, civil_servant, rule_book, explanation) = rest;
        let mut funds = FundShares::default();
        Fund::ALL.into_iter().zip(shares).for_each(|(fund, share)| funds.set(fund, share));
        let payers = Payers { funds, account, cash, hospital: Money::ZERO };
        let coverage = Coverage { in_policy: payers.total(), ..Coverage::default() };
        let rule_book = RuleBookHash(rule_book);
        // A relative pays half of what the accounts pay, where that is anything.
        let amount = Money::from_fen(account.fen() / 2);
        let owner = PersonNumber::new("relative").expect("a number");
        let pool = PoolCode(RegionCode::new("120000").expect("a code"));
        let share = FamilyShare { account: AccountOf { owner, pool, insurance }, amount };
        let family = Some(share).filter(|share| share.amount > Money::ZERO).into_iter().collect();
        Settled {
            settlement,
            insurance,
            coverage,
            payers,
            deductible,
            account_balance: account,
            family,
            filing,
            class,
            civil_servant,
            during_stay: civil_servant,
            rule_book,
            explanation,
        }
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let refused = (select(Reason::ALL.to_vec()), option::of(text()), option::of(text()))
        .prop_map(|(reason, field, detail)| Outcome::Refused(Refusal { reason, field: field.map(Into::into), detail }));
    let done = prop_oneof![
        settled().prop_map(|settled| Done::Settled(Box::new(settled))),
        (id(SettlementId::new), settled(), money()).prop_map(|(counter, original, account_balance)| Done::Cancelled {
            counter,
            original: Box::new(original),
            account_balance
        }),
        Just(Done::Reversed(Box::new(Undone::Nothing))),
        (settled(), money()).prop_map(|(original, account_balance)| Done::Reversed(Box::new(Undone::Settlement {
            original,
            account_balance
        }))),
        (settled(), id(SettlementId::new), money()).prop_map(|(original, counter, account_balance)| Done::Reversed(
            Box::new(Undone::Cancellation { original, counter, account_balance })
        )),
    ];
    let accepted = (0..4_000_000_000_000_000_i64, done).prop_map(|(micros, done)| Outcome::Accepted {
        decided_at: Timestamp::from_microsecond(micros).expect("an instant"),
        done,
    });
    prop_oneof![refused, accepted]
}

fn filing() -> impl Strategy<Value = Filing> {
    let class = select(FilingClass::ALL.to_vec());
    (id(FilingId::new), id(PersonNumber::new), pool(), class, region(), day(), option::of(0..400_i64)).prop_map(
        |(id, person, home, class, destination, from, days)| {
            let to = days.map(|days| from.checked_add(jiff::Span::new().days(days)).expect("a day"));
            // A commitment is of a long-term filing; every other day is as good as any to have one.
            let proof =
                if class == FilingClass::LongTerm && from.day() % 2 == 0 { Proof::Commitment } else { Proof::HandedIn };
            Filing { id, person, home, class, proof, destination, validity: Validity { from, to } }
        },
    )
}

proptest! {
    #[test]
    fn the_lot_of_a_settlement_is_read_as_the_whole_messages_have_it(operation in operation(), outcome in outcome()) {
        let read = convert::read_lot(&convert::write_operation(&operation), &convert::write_outcome(&outcome));
        match (&operation.request, &outcome) {
            (Request::Settle(settle), Outcome::Accepted { decided_at: _, done: Done::Settled(settled) }) => {
                let (home, treatment, care) = (settle.home, settle.encounter.pool, settle.encounter.care);
                prop_assert_eq!(read, Ok(Lot { home, treatment, insurance: settled.insurance, care }));
            }
            _ => prop_assert!(read.is_err()),
        }
    }

    #[test]
    fn an_operation_comes_back_as_it_went(operation in operation()) {
        prop_assert_eq!(convert::read_operation(&convert::write_operation(&operation)), Ok(operation));
    }

    #[test]
    fn an_outcome_comes_back_as_it_went(outcome in outcome()) {
        prop_assert_eq!(convert::read_outcome(&convert::write_outcome(&outcome)), Ok(outcome));
    }

    #[test]
    fn a_filing_comes_back_as_it_went(filing in filing()) {
        prop_assert_eq!(convert::read_filing(&convert::write_filing(&filing)), Ok(filing));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = convert::read_operation(&bytes);
        let _ = convert::read_outcome(&bytes);
    }
}

#[test]
fn an_amount_beyond_any_amount_is_a_fault() {
    let most = Money::MAX.fen();
    for (fen, faulty) in [(most, false), (-most, false), (most + 1, true), (i64::MAX, true), (i64::MIN, true)] {
        let coverage = v1::Coverage { in_policy: fen, ..v1::Coverage::default() };
        let bill = v1::Bill { coverage: Some(coverage), ..v1::Bill::default() };
        let settle = v1::Settle { bill: Some(bill), ..v1::Settle::default() };
        let operation = v1::Operation { key: None, request: Some(v1::operation::Request::Settle(settle)) };
        let error = convert::read_operation(&operation.encode_to_vec()).expect_err("a message full of faults");
        let named = error.faults.iter().any(|fault| fault.field == "settle.bill.coverage.in_policy");
        assert_eq!(named, faulty, "{fen}: {error:?}");
    }
}

#[test]
fn every_fault_of_a_message_is_named() {
    let encounter = v1::Encounter { area: "31".into(), admitted: "2025-02-30".into(), ..v1::Encounter::default() };
    let settle = v1::Settle { encounter: Some(encounter), ..v1::Settle::default() };
    let operation = v1::Operation { key: None, request: Some(v1::operation::Request::Settle(settle)) };
    let error = convert::read_operation(&operation.encode_to_vec()).expect_err("a message full of faults");
    let fields: Vec<&str> = error.faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "key",
            "settle.settlement",
            "settle.home",
            "settle.insurance",
            "settle.encounter.id",
            "settle.encounter.institution",
            "settle.encounter.area",
            "settle.encounter.pool",
            "settle.encounter.level",
            "settle.encounter.care",
            "settle.encounter.admitted",
            "settle.bill",
            "settle.account",
        ]
    );
}
