//! Batches of corrections: what they do to a book in a table, and in long arbitrary histories with late postings, batches,
//! batches that undo others, cancellations and reversals. The store is imitated: it marks what is affected, and keeps how
//! many of a settlement's marks its last correction took into account.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use settlement::adjudication::{Fund, Payers};
use settlement::decide::*;
use settlement::encounter::CareKind;
use settlement::ids::SettlementId;
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::month::Month;
use settlement::operation::{AccountUse, Operation, Request};
use settlement::outcome::{Done, Outcome};
use settlement::person::Insurance;
use settlement::year_to_date::{BenefitYear, Usage, UsageSums};

use crate::properties::operations;
use crate::world::*;

/// A settlement as it was decided: its place, what it saw, and the bill.
struct Decided {
    seq: BookSeq,
    book: Book,
    operation: Operation,
}

/// What the store has of a batch.
struct Batch {
    corrections: Vec<Correction>,
    posted: Vec<UsageSums>,
    undone: bool,
    undoes: Option<usize>,
    /// How many marks each settlement's correction accounted for before it.
    accounted_before: HashMap<SettlementId, usize>,
}

#[derive(Default)]
struct Region {
    book: Book,
    decided: HashMap<SettlementId, Decided>,
    marks: HashMap<SettlementId, Vec<Effects>>,
    accounted: HashMap<SettlementId, usize>,
    batches: Vec<Batch>,
    late: Vec<UsagePosting>,
}

impl Region {
    fn new() -> Region {
        Region { book: book(), ..Region::default() }
    }

    fn operate(&mut self, operation: &Operation) -> Verdict {
        let before = self.book.clone();
        let verdict = step(&mut self.book, operation.clone());
        if let Verdict::New { seq, decision } = &verdict {
            self.mark(&decision.effects);
            if let Some(booked) = &decision.effects.settlement {
                let decided = Decided { seq: *seq, book: before, operation: operation.clone() };
                self.decided.insert(booked.settled.settlement.clone(), decided);
            }
        }
        verdict
    }

    fn post_late(&mut self, yuan: i64, day: i8) {
        let amount = Money::from_yuan(yuan);
        let sums = UsageSums { stays: 1, deductible: amount, in_policy: amount, basic: amount, ..UsageSums::default() };
        let (insurance, care) = (Insurance::Employee, CareKind::Inpatient);
        let month = Month::new(2025, 6).expect("a month");
        let usage = Usage { year: BenefitYear(2025), insurance, care, disease: None, month, sums };
        let used = UsagePosting { usage, day: date(2025, 6, day) };
        let person = self.book.person(&number());
        person.used.add(&used);
        let affected = built_on(&person.readers, &used, Reach { after: None, from: Some(used.day) });
        self.mark(&Effects { usage: Some(used.clone()), affected, ..Effects::default() });
        self.late.push(used);
    }

    fn mark(&mut self, effects: &Effects) {
        let Effects { usage, undoing, correcting, affected, .. } = effects.clone();
        let change = Effects { usage, undoing, correcting, ..Effects::default() };
        for settlement in affected {
            self.marks.entry(settlement).or_default().push(change.clone());
        }
    }

    fn is_affected(&self, settlement: &SettlementId) -> bool {
        let marks = self.marks.get(settlement).map(Vec::as_slice).unwrap_or_default();
        let unaccounted = &marks[self.accounted.get(settlement).copied().unwrap_or_default()..];
        still_differs(unaccounted.iter().filter_map(|change| change.usage.as_ref()))
    }

    /// In force, oldest first.
    fn in_force(&mut self) -> Vec<Booked> {
        self.book.person(&number()).in_force().cloned().collect()
    }

    fn affected(&mut self) -> Vec<SettlementId> {
        let mut ids: Vec<_> = self.in_force().into_iter().map(|booked| booked.settled.settlement).collect();
        ids.retain(|settlement| self.is_affected(settlement));
        ids
    }

    fn stored(&self, booked: &Booked) -> Stored {
        let settlement = &booked.settled.settlement;
        let Decided { seq, book, operation } = &self.decided[settlement];
        let Request::Settle(settle) = &operation.request else { panic!("it settles") };
        Stored {
            seq: *seq,
            key: operation.key.clone(),
            settle: Arc::new((**settle).clone()),
            filings: Vec::new(),
            book: book.clone(),
            decided_at: at(20),
            settled: booked.settled.clone(),
            counts: *booked.payers(),
            usage: booked.usage.usage.clone(),
            changes: self.marks.get(settlement).cloned().unwrap_or_default(),
        }
    }

    fn worked_out(&mut self, settlements: &[SettlementId]) -> Vec<Reworked> {
        let mut rework = Rework::default();
        let named = self.in_force().into_iter().filter(|booked| settlements.contains(&booked.settled.settlement));
        named.map(|booked| rework.next(self.stored(&booked), &judge)).collect()
    }

    /// The batch that corrects some settlements, as far as they would still be settled.
    fn batch_of(&mut self, settlements: &[SettlementId]) -> Vec<Correction> {
        let worked_out = self.worked_out(settlements);
        let correction =
            |one: Reworked| Some(Correction { settlement: one.settlement, told: one.told, now: one.now.ok()? });
        worked_out.into_iter().filter_map(correction).collect()
    }

    fn correct(&mut self, corrections: Vec<Correction>) -> Result<(), Vec<Faulty>> {
        let ids: Vec<_> = corrections.iter().map(|one| one.settlement.clone()).collect();
        let reworked = self.worked_out(&ids);
        let mut copy = self.book.clone();
        let corrected = correct(&mut self.book, pool("410700"), &corrections, &reworked)?;
        // A copy that lacks the batch takes it by what was posted alone.
        let recorded = corrections.iter().map(|one| one.settlement.clone()).zip(corrected.iter().map(posted)).collect();
        let again = correct_again(&mut copy, pool("410700"), &corrections, &recorded);
        assert_eq!((again, copy.person(&number()).used.clone()), (Ok(corrected.clone()), self.used()));
        self.keep(corrections, &corrected, None);
        Ok(())
    }

    fn undo(&mut self, which: usize) -> Result<(), Vec<Faulty>> {
        let batch = &self.batches[which];
        let later = |settlement: &SettlementId| {
            let of_it = self.batches.iter().enumerate().filter(|(_, batch)| batch.corrects(settlement));
            let taken = |(number, batch): (usize, &Batch)| Taken {
                batch: number.to_string(),
                undoes: batch.undoes.map(|undone| undone.to_string()),
            };
            corrected_since(&of_it.map(taken).collect::<Vec<_>>(), &which.to_string()).map(str::to_owned)
        };
        let posted = batch.corrections.iter().zip(&batch.posted).map(|(correction, sums)| Posted {
            correction: correction.clone(),
            sums: *sums,
            since: later(&correction.settlement),
        });
        let posted: Vec<_> = posted.collect();
        let corrections: Vec<_> = batch.corrections.iter().map(turned).collect();
        let corrected = undo_corrections(&mut self.book, pool("410700"), &corrections, &posted)?;
        self.batches[which].undone = true;
        self.keep(corrections, &corrected, Some(which));
        Ok(())
    }

    fn keep(&mut self, corrections: Vec<Correction>, corrected: &[Corrected], undoes: Option<usize>) {
        corrected.iter().for_each(|one| self.mark(&one.effects));
        let mut accounted_before = HashMap::new();
        for Correction { settlement, .. } in &corrections {
            let before = self.accounted.get(settlement).copied().unwrap_or_default();
            accounted_before.insert(settlement.clone(), before);
            let now = match undoes {
                None => self.marks.get(settlement).map_or(0, Vec::len),
                Some(undone) => self.batches[undone].accounted_before[settlement],
            };
            self.accounted.insert(settlement.clone(), now);
        }
        let posted = corrected.iter().map(posted).collect();
        self.batches.push(Batch { corrections, posted, undone: false, undoes, accounted_before });
    }

    fn used(&mut self) -> Used {
        self.book.person(&number()).used.clone()
    }

    /// Corrects until nothing more can be; no settlement is corrected more often than there are settlements before it.
    fn correct_everything(&mut self) {
        for _ in 0..=self.decided.len() {
            let affected = self.affected();
            let corrections = self.batch_of(&affected);
            if corrections.is_empty() {
                return;
            }
            self.correct(corrections).expect("what was worked out just now");
        }
        panic!("correcting does not end: {:?}", self.affected());
    }
}

impl Batch {
    fn corrects(&self, settlement: &SettlementId) -> bool {
        self.corrections.iter().any(|one| one.settlement == *settlement)
    }
}

fn turned(one: &Correction) -> Correction {
    Correction { settlement: one.settlement.clone(), told: one.now, now: one.told }
}

fn id(text: &str) -> SettlementId {
    SettlementId::new(text).expect("an id")
}

/// Three stays of 400 yuan, the first cancelled: the second bears 100 of deductible by now instead of 50.
fn first_of_three_cancelled() -> Region {
    let mut region = Region::new();
    for operation in [
        settle("m1", &stay("A", 1, 3)),
        settle("m2", &stay("B", 5, 7)),
        settle("m3", &stay("C", 9, 11)),
        cancel("m4", "s-m1"),
    ] {
        region.operate(&operation);
    }
    region
}

#[test]
fn a_batch_posts_the_difference_and_the_account_of_what_was_told_stays() {
    let mut region = first_of_three_cancelled();
    let before = region.used();
    let affected = region.affected();
    assert_eq!(affected, [id("s-m2"), id("s-m3")]);
    let corrections = region.batch_of(&affected);
    region.correct(corrections.clone()).expect("it is taken");
    let booked = region.book.person(&number()).settlement(&id("s-m2")).cloned().expect("it is there");
    assert_eq!(booked.settled.payers.funds.of(Fund::Basic), Money::from_yuan(210), "as the hospital was told");
    assert_eq!(booked.payers().funds.of(Fund::Basic), Money::from_yuan(180));
    assert_eq!(booked.payers().cash, Money::from_yuan(220));
    assert_eq!(booked.usage.usage.sums.deductible, Money::from_yuan(100));
    assert_eq!(region.affected(), []);
    assert_eq!(region.correct(corrections).map_err(|faults| faults.len()), Err(1), "the other comes out as it counts");
    region.undo(0).expect("it is undone");
    assert_eq!((region.used(), region.affected()), (before, affected));
}

#[test]
fn the_rest_is_cash_where_the_account_would_pay_otherwise() {
    let payers = |basic, account, cash| {
        let mut payers =
            Payers { account: Money::from_yuan(account), cash: Money::from_yuan(cash), ..Payers::default() };
        payers.funds.set(Fund::Basic, Money::from_yuan(basic));
        payers
    };
    for (told, worked_out, counts) in [
        (payers(200, 100, 100), payers(150, 150, 100), payers(150, 100, 150)),
        (payers(200, 100, 100), payers(250, 50, 100), payers(250, 100, 50)),
        (payers(100, 300, 0), payers(200, 200, 0), payers(200, 300, -100)),
        (payers(200, 0, 200), payers(250, 100, 50), payers(250, 0, 150)),
    ] {
        assert_eq!(as_debited(&told, &worked_out), counts);
        assert_eq!(counts.total(), told.total());
    }
}

/// What a correction posts.
fn posted(one: &Corrected) -> UsageSums {
    one.effects.usage.as_ref().map(|used| used.usage.sums).unwrap_or_default()
}

/// Each row: what is done to a batch that would be taken, and what then speaks against it.
#[test]
fn what_speaks_against_a_batch() {
    type Change = fn(&mut Vec<Correction>);
    let rows: [(&str, Change, CorrectionFault); 7] = [
        ("nobody knows it", |all| all[0].settlement = id("s-m9"), CorrectionFault::Unknown),
        ("it was cancelled", |all| all[0].settlement = id("s-m1"), CorrectionFault::NotInForce),
        ("it is named twice", |all| all.push(all[0].clone()), CorrectionFault::Twice),
        ("it counts otherwise", |all| all[0].told = all[0].now, CorrectionFault::CountsOtherwise),
        (
            "the bill changes",
            |all| all[0].now.cash += Money::from_fen(1),
            CorrectionFault::OtherTotal(Money::from_yuan(400), Money::from_fen(40_001)),
        ),
        (
            "the account is debited",
            |all| (all[0].now.cash, all[0].now.account) = (all[0].now.cash - Money::from_fen(1), Money::from_fen(1)),
            CorrectionFault::AccountMoves(Money::ZERO, Money::from_fen(1)),
        ),
        ("it comes out otherwise", |all| all[0].now = all[0].told, CorrectionFault::ComesOutOtherwise),
    ];
    for (what, change, expected) in rows {
        let mut region = first_of_three_cancelled();
        let affected = region.affected();
        let mut corrections = region.batch_of(&affected);
        let before = (region.used(), region.affected());
        change(&mut corrections);
        let faults = region.correct(corrections).expect_err(what);
        assert!(faults.iter().any(|one| one.fault == expected), "{what}: {faults:?}");
        assert_eq!((region.used(), region.affected()), before, "{what}: nothing is taken");
    }
}

#[test]
fn what_was_corrected_again_is_undone_from_the_last_batch_on() {
    let mut region = first_of_three_cancelled();
    region.correct_everything();
    region.operate(&reverse("m5", "m4", "2305"));
    region.correct_everything();
    let faults = region.undo(0).expect_err("the second batch builds on the first");
    assert_eq!(faults[0].fault, CorrectionFault::CorrectedSince("1".into()));
    region.undo(1).expect("the last one");
    region.operate(&cancel("m6", "s-m2"));
    let faults = region.undo(0).expect_err("one of them is cancelled");
    assert_eq!(faults, [Faulty { settlement: id("s-m2"), fault: CorrectionFault::NotInForce }]);
    region.operate(&reverse("m7", "m6", "2305"));
    region.undo(0).expect("nothing is in effect that came after it");
    region.undo(3).expect("and that may be undone again");
    let person = region.book.person(&number());
    let counts = person.settlement(&id("s-m2")).expect("it is there").payers().funds.of(Fund::Basic);
    assert_eq!(counts, Money::from_yuan(180), "as after the first batch");
}

#[derive(Clone, Debug)]
enum Step {
    Operate(Operation),
    Late(i64, i8),
    CorrectAll,
    CorrectOne(prop::sample::Index),
    Undo(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        8 => operations().prop_map(Step::Operate),
        1 => (1..300_i64, 1..25_i8).prop_map(|(yuan, day)| Step::Late(yuan, day)),
        2 => Just(Step::CorrectAll),
        1 => any::<prop::sample::Index>().prop_map(Step::CorrectOne),
        2 => any::<prop::sample::Index>().prop_map(Step::Undo),
    ];
    prop::collection::vec(one, 1..60)
}

impl Region {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Operate(operation) => drop(self.operate(operation)),
            Step::Late(yuan, day) => self.post_late(*yuan, *day),
            Step::CorrectAll => {
                let affected = self.affected();
                let corrections = self.batch_of(&affected);
                self.correct(corrections).expect("what was worked out just now");
            }
            Step::CorrectOne(which) => {
                let affected = self.affected();
                if affected.is_empty() {
                    return;
                }
                let corrections = self.batch_of(&affected[which.index(affected.len())..][..1]);
                self.correct(corrections).expect("what was worked out just now");
            }
            Step::Undo(which) => {
                let open: Vec<_> = (0..self.batches.len()).filter(|batch| !self.batches[*batch].undone).collect();
                if open.is_empty() {
                    return;
                }
                let before = (self.used(), self.affected());
                // Whether it can be depends on what happened since; where not, nothing is changed.
                if self.undo(open[which.index(open.len())]).is_err() {
                    assert_eq!((self.used(), self.affected()), before);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn year_to_date_is_the_fold_of_what_counts_whatever_is_corrected(steps in steps()) {
        let mut region = Region::new();
        for step in &steps {
            region.step(step);
            let in_force = region.in_force();
            let counts = in_force.iter().map(|booked| &booked.usage).chain(&region.late);
            prop_assert_eq!(Used::fold(counts), region.used(), "{:?}", step);
            let debited: Money = in_force.iter().map(|booked| booked.settled.payers.account).sum();
            prop_assert_eq!(region.book.person(&number()).account_balance, Money::from_yuan(500) - debited);
            for booked in &in_force {
                let (told, counts) = (&booked.settled.payers, booked.payers());
                let kept = |payers: &Payers| (payers.total(), payers.account, payers.hospital);
                prop_assert_eq!(kept(told), kept(counts));
                prop_assert_eq!(booked.usage.usage.sums.basic, counts.funds.of(Fund::Basic), "one goes with the other");
            }
        }
    }

    #[test]
    fn what_is_not_affected_comes_out_as_it_counts(steps in steps()) {
        let mut region = Region::new();
        steps.iter().for_each(|step| region.step(step));
        region.correct_everything();
        let left = region.affected();
        for booked in region.in_force() {
            let settlement = &booked.settled.settlement;
            let [worked_out] = &region.worked_out(std::slice::from_ref(settlement))[..] else { panic!("it is in force") };
            if left.contains(settlement) {
                prop_assert!(worked_out.now.is_err(), "only what would be refused cannot be corrected: {}", settlement);
            } else {
                prop_assert!(worked_out.is_unchanged(), "{}: {:?}", settlement, worked_out);
                prop_assert_eq!(&worked_out.usage, &booked.usage.usage);
            }
        }
    }

    #[test]
    fn a_batch_undone_at_once_leaves_nothing_behind(steps in steps()) {
        let mut region = Region::new();
        steps.iter().for_each(|step| region.step(step));
        let (used, affected) = (region.used(), region.affected());
        let corrections = region.batch_of(&affected);
        region.correct(corrections).expect("what was worked out just now");
        region.undo(region.batches.len() - 1).expect("nothing happened since");
        prop_assert_eq!((region.used(), region.affected()), (used, affected));
    }

    #[test]
    fn undoing_what_was_corrected_gives_back_what_it_used_up(steps in steps(), which in any::<prop::sample::Index>()) {
        let mut region = Region::new();
        steps.iter().for_each(|step| region.step(step));
        region.correct_everything();
        let in_force = region.in_force();
        if in_force.is_empty() {
            return Ok(());
        }
        let booked = &in_force[which.index(in_force.len())];
        let settlement = booked.settled.settlement.as_str();
        let before = region.used();
        let verdict = region.operate(&cancel("undo", settlement));
        let Verdict::New { decision, .. } = &verdict else { panic!("it is new") };
        let told = matches!(&decision.outcome, Outcome::Accepted { done: Done::Cancelled { original, .. }, .. }
            if **original == booked.settled);
        prop_assert!(told, "the hospital takes back what it was told");
        let mut without = before.clone();
        without.add(&booked.usage.counter());
        prop_assert_eq!(region.used(), without);
        region.operate(&reverse("again", "undo", "2305"));
        prop_assert_eq!(region.used(), before);
        let again = region.book.person(&number()).settlement(&booked.settled.settlement).expect("it is there");
        prop_assert_eq!((&again.standing, again.payers()), (&Standing::InForce, booked.payers()));
    }
}

/// The account pays what it can on the day: worked out again it would pay more, and that is cash.
#[test]
fn an_account_is_not_debited_again() {
    let mut region = Region::new();
    region.operate(&settle("m1", &stay("A", 1, 3)));
    region.operate(&settle("m2", &Care { account: AccountUse::Own, ..stay("B", 5, 7) }));
    region.operate(&cancel("m3", "s-m1"));
    let affected = region.affected();
    let corrections = region.batch_of(&affected);
    let told = corrections[0].told;
    assert_eq!((told.account, told.cash), (Money::from_yuan(190), Money::ZERO));
    assert_eq!((corrections[0].now.account, corrections[0].now.cash), (Money::from_yuan(190), Money::from_yuan(30)));
    region.correct(corrections).expect("it is taken");
    assert_eq!(region.book.person(&number()).account_balance, Money::from_yuan(310));
}
