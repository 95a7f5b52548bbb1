//! The digest of an explanation: what a stored settlement keeps of its steps. No words; those are made on demand.

use jiff::civil::Date;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::Step;
use crate::bill::Coverage;
use crate::money::Money;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::{footing_position, identity_position};
use crate::rulebook::ratio::Ratio;

/// A digest of the steps. It depends on their values alone, in an encoding written out here, so it stays the same
/// under any compiler and on any machine.
pub fn digest(steps: &[Step]) -> [u8; 32] {
    let mut encoder = Encoder(Sha256::new());
    steps.iter().for_each(|step| encoder.step(step));
    encoder.0.finalize().into()
}

/// Every step begins with a tag of its own. Tags are never given to another step, and a step's fields never change
/// their order: stored digests would no longer match.
pub(super) struct Encoder(Sha256);

impl Encoder {
    fn step(&mut self, step: &Step) {
        match *step {
            // What the footing rests on has a step of its own wherever it is no filing; a row that asks for the proof is
            // named by what it decides.
            Step::Gate { person, level, care, footing, standing: _, identity, age, stay, year } => {
                let positions = [person as u8, level as u8, care as u8];
                self.tag(1).bytes(&positions);
                self.bytes(&[footing_position(footing) as u8, identity_position(identity) as u8]);
                self.number(age).number(stay).number(year.0.into());
            }
            Step::Unfiled { clause, footing } => {
                self.tag(2).clause(clause).bytes(&[footing_position(footing) as u8]);
            }
            Step::Split(Coverage { self_paid, over_limit, first_self_pay, in_policy }) => {
                self.tag(3).money([self_paid, over_limit, first_self_pay, in_policy]);
            }
            Step::FirstSelfPay { clause, class_b, ratio, sent, amount } => {
                self.tag(4).clause(clause).ratio(ratio).money([class_b, sent, amount]);
            }
            Step::PreDeduction { clause, in_policy, ratio, amount } => {
                self.tag(5).clause(clause).ratio(ratio).money([in_policy, amount]);
            }
            Step::Deductible { clause, amount, factor, per, before, base, borne } => {
                self.tag(6).clause(clause).bytes(&[per as u8]).money([amount, before, base, borne]);
                self.bytes(&[u8::from(factor.is_some())]);
                if let Some((clause, ratio)) = factor {
                    self.clause(clause).ratio(ratio);
                }
            }
            Step::Segment { clause, change, from, cost, ratio, effective } => {
                self.tag(7).clause(clause).clause(change.unwrap_or(Clause(u32::MAX)));
                self.money([from, cost]).ratio(ratio).ratio(effective);
            }
            Step::Cap { clause, cap, used, left } => {
                self.tag(8).clause(clause).money([cap, used, left]);
            }
            Step::Share { fund, clause, base, ratio } => {
                self.tag(9).bytes(&[fund as u8]).clause(clause).money([base]).ratio(ratio);
            }
            Step::CatastrophicBase { clause, threshold, so_far, now, deductible } => {
                self.tag(10).clause(clause).clause(threshold).money([so_far, now, deductible]);
            }
            Step::Tier { clause, from, cost, ratio } => {
                self.tag(11).clause(clause).money([from, cost]).ratio(ratio);
            }
            Step::AssistanceStart { clause, start, so_far, burden } => {
                self.tag(12).clause(clause).money([start, so_far, burden]);
            }
            Step::Paid { fund, before, paid } => {
                self.tag(13).bytes(&[fund as u8]).money([before, paid]);
            }
            Step::Account { clause, open, balance, paid } => {
                self.tag(14).clause(clause).money([open, balance, paid]);
            }
            Step::Cash { amount } => {
                self.tag(15).money([amount]);
            }
            Step::Died { day } => {
                self.tag(60).day(day);
            }
            Step::StayEntitlement { clause, on, day } => {
                self.tag(61).clause(clause).bytes(&[on as u8]).day(day);
            }
            Step::Waited { clause, began, first } => {
                self.tag(62).clause(clause).day(began).day(first);
            }
            Step::Place { clause } => {
                self.tag(63).clause(clause);
            }
            Step::DeemedFiled { clause, footing } => {
                self.tag(64).clause(clause).bytes(&[footing_position(footing) as u8]);
            }
            Step::Commitment { clause, class } => {
                self.tag(72).clause(clause).bytes(&[class as u8]);
            }
            Step::FilingEnded { clause, last } => {
                self.tag(65).clause(clause).day(last);
            }
            Step::BackHome { clause, footing } => {
                self.tag(66).clause(clause).bytes(&[footing_position(footing) as u8]);
            }
            Step::BestIdentity { clause, identity, among } => {
                self.tag(67).clause(clause).bytes(&[identity_position(Some(identity)) as u8]).number(among);
            }
            Step::UsedBeforeChange { clause, in_policy } => {
                self.tag(68).clause(clause).money([in_policy]);
            }
            Step::Outside { fund, self_paid, over_limit } => {
                self.tag(70).bytes(&[fund as u8]).money([self_paid, over_limit]);
            }
            Step::Floor { clause, of, base, share, before, raised } => {
                self.tag(69).clause(clause).bytes(&[of as u8]).ratio(share).money([base, before, raised]);
            }
            Step::Family { clause, share, pool, insurance, open, balance, paid } => {
                self.tag(46).clause(clause).number(share as i64).bytes(pool.0.as_str().as_bytes());
                self.bytes(&[insurance as u8]).money([open, balance, paid]);
            }
            Step::FamilyElsewhere { clause, pool, insurance } => {
                self.tag(47).clause(clause).bytes(pool.0.as_str().as_bytes()).bytes(&[insurance as u8]);
            }
            Step::CapGrowth { clause, amount, years, claim_free_years, plus } => {
                self.tag(40).clause(clause).money([amount, plus]).number(years).number(claim_free_years);
            }
            Step::MonthlyCap { clause, month, cap, available, used, left } => {
                self.tag(41).clause(clause).number(month.year().into()).number(month.number().into());
                self.money([cap, available, used, left]);
            }
            Step::Together { clause, what, diseases } => {
                self.tag(42).clause(clause).bytes(&[what as u8]).number(diseases);
            }
            Step::LayerSegment { fund, clause, from, cost, ratio } => {
                self.tag(43).bytes(&[fund as u8]).clause(clause).money([from, cost]).ratio(ratio);
            }
            Step::TierSlice { clause, change, from, cost, ratio, effective } => {
                self.tag(44).clause(clause).clause(change.unwrap_or(Clause(u32::MAX)));
                self.money([from, cost]).ratio(ratio).ratio(effective);
            }
            Step::TiltStart { clause, start, so_far, burden } => {
                self.tag(45).clause(clause).money([start, so_far, burden]);
            }
            Step::Derived(derived) => derived.encode(self),
        }
    }

    pub(super) fn tag(&mut self, tag: u8) -> &mut Encoder {
        self.bytes(&[tag])
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Encoder {
        self.0.update(bytes);
        self
    }

    pub(super) fn clause(&mut self, clause: Clause) -> &mut Encoder {
        self.bytes(&clause.0.to_le_bytes())
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Encoder {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) fn day(&mut self, day: Date) -> &mut Encoder {
        self.number(i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day()))
    }

    pub(super) fn money<const N: usize>(&mut self, amounts: [Money; N]) -> &mut Encoder {
        amounts.into_iter().fold(self, |encoder, amount| encoder.number(amount.fen()))
    }

    /// Equal ratios have equal digits, whatever trailing zeros a product left.
    pub(super) fn ratio(&mut self, ratio: Ratio) -> &mut Encoder {
        let value: Decimal = ratio.value().normalize();
        self.bytes(&value.mantissa().to_le_bytes()).bytes(&value.scale().to_le_bytes())
    }
}
