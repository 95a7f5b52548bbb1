//! A step taken apart: what kind it is, what went in, what came out, each under a name. For programs that read an
//! explanation; people read the words of `chinese.rs` and `english.rs`.

use jiff::civil::Date;

use super::{Derived, Step, Together};
use crate::bill::Coverage;
use crate::money::Money;
use crate::rulebook::conditions::identity_word;
use crate::rulebook::ratio::Ratio;

/// A value in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// An amount.
    Money(Money),
    /// A share or a factor.
    Ratio(Ratio),
    /// A count: years, stays.
    Number(i64),
    /// A day.
    Day(Date),
    /// A word of rule books.
    Word(String),
}

/// A step taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// What kind of step it is.
    pub kind: &'static str,
    /// What went in, in the order in which the step says it.
    pub inputs: Vec<(&'static str, Datum)>,
    /// What came out; none where the step only says what is so.
    pub result: Option<(&'static str, Datum)>,
}

impl Step {
    /// The step taken apart. Its clauses are told by [`super::clauses`].
    pub fn parts(&self) -> Parts {
        match *self {
            Step::Gate { person, level, care, footing, standing, identity, age, stay, year } => of("gate")
                .word("person", person.word())
                .word("level", level.word())
                .word("care", care.word())
                .word("standing", standing.word())
                .word("identity", identity_word(identity))
                .number("age", age)
                .number("stay", stay)
                .number("benefit_year", year.0.into())
                .gives("footing", Datum::Word(footing.word().to_owned())),
            Step::Unfiled { clause: _, footing } => {
                of("unfiled").gives("footing", Datum::Word(footing.word().to_owned()))
            }
            Step::Died { day } => of("died").gives("day", Datum::Day(day)),
            Step::StayEntitlement { clause: _, on, day } => {
                of("stay_entitlement").word("on", on.word()).gives("day", Datum::Day(day))
            }
            Step::Waited { clause: _, began, first } => {
                of("waited").day("began", began).gives("first_day", Datum::Day(first))
            }
            Step::Place { clause: _ } => of("place"),
            Step::DeemedFiled { clause: _, footing } => {
                of("deemed_filed").gives("footing", Datum::Word(footing.word().to_owned()))
            }
            Step::Commitment { clause: _, class } => {
                of("commitment").gives("class", Datum::Word(class.word().to_owned()))
            }
            Step::FilingEnded { clause: _, last } => of("filing_ended").gives("last_day", Datum::Day(last)),
            Step::BackHome { clause: _, footing } => {
                of("back_home").gives("footing", Datum::Word(footing.word().to_owned()))
            }
            Step::BestIdentity { clause: _, identity, among } => {
                of("best_identity").number("among", among).gives("identity", Datum::Word(identity.word().to_owned()))
            }
            Step::UsedBeforeChange { clause: _, in_policy } => {
                of("used_before_change").gives("in_policy", Datum::Money(in_policy))
            }
            Step::Outside { fund, self_paid, over_limit } => of("outside")
                .word("fund", fund.word())
                .money("over_limit", over_limit)
                .gives("self_paid", Datum::Money(self_paid)),
            Step::Floor { clause: _, of: base_of, base, share, before, raised } => of("floor")
                .word("of", base_of.word())
                .money("base", base)
                .ratio("share", share)
                .money("due", Money::round(share.of(base)))
                .money("before", before)
                .gives("raised", Datum::Money(raised)),
            Step::Split(split) => {
                let Coverage { self_paid, over_limit, first_self_pay, in_policy } = split;
                of("split")
                    .money("total", split.total())
                    .money("self_paid", self_paid)
                    .money("over_limit", over_limit)
                    .money("first_self_pay", first_self_pay)
                    .gives("in_policy", Datum::Money(in_policy))
            }
            Step::FirstSelfPay { clause: _, class_b, ratio, sent, amount } => of("first_self_pay")
                .money("class_b", class_b)
                .ratio("ratio", ratio)
                .money("sent", sent)
                .gives("first_self_pay", Datum::Money(amount)),
            Step::PreDeduction { clause: _, in_policy, ratio, amount } => of("pre_deduction")
                .money("in_policy", in_policy)
                .ratio("ratio", ratio)
                .gives("pre_deduction", Datum::Money(amount)),
            Step::Deductible { clause: _, amount, factor, per, before, base, borne } => {
                let parts = of("deductible").money("amount", amount);
                let parts = factor.map_or(parts.clone(), |(_, factor)| parts.ratio("factor", factor));
                parts
                    .word("per", per.word())
                    .money("before", before)
                    .money("base", base)
                    .gives("deductible", Datum::Money(borne))
            }
            Step::Segment { clause: _, change: _, from, cost, ratio, effective } => of("segment")
                .money("from", from)
                .money("cost", cost)
                .ratio("home_ratio", ratio)
                .gives("ratio", Datum::Ratio(effective)),
            Step::Cap { clause: _, cap, used, left } => {
                of("cap").money("cap", cap).money("used", used).gives("left", Datum::Money(left))
            }
            Step::CapGrowth { clause: _, amount, years, claim_free_years, plus } => of("cap_growth")
                .money("amount", amount)
                .number("years", years)
                .number("claim_free_years", claim_free_years)
                .gives("plus", Datum::Money(plus)),
            Step::MonthlyCap { clause: _, month, cap, available, used, left } => of("monthly_cap")
                .word("month", &month.to_string())
                .money("cap", cap)
                .money("available", available)
                .money("used", used)
                .gives("left", Datum::Money(left)),
            Step::Together { clause: _, what, diseases } => {
                of("together").number("diseases", diseases).gives("what", Datum::Word(together(what).to_owned()))
            }
            Step::LayerSegment { fund, clause: _, from, cost, ratio } => of("layer_segment")
                .word("fund", fund.word())
                .money("from", from)
                .money("cost", cost)
                .gives("ratio", Datum::Ratio(ratio)),
            Step::TierSlice { clause: _, change: _, from, cost, ratio, effective } => of("tier_slice")
                .money("from", from)
                .money("cost", cost)
                .ratio("home_ratio", ratio)
                .gives("ratio", Datum::Ratio(effective)),
            Step::TiltStart { clause: _, start, so_far, burden } => {
                of("tilt_start").money("so_far", so_far).money("burden", burden).gives("start", Datum::Money(start))
            }
            Step::Share { fund, clause: _, base, ratio } => {
                of("share").word("fund", fund.word()).money("base", base).gives("ratio", Datum::Ratio(ratio))
            }
            Step::CatastrophicBase { clause: _, threshold: _, so_far, now, deductible } => of("catastrophic_base")
                .money("so_far", so_far)
                .money("now", now)
                .money("deductible", deductible)
                .gives("base", Datum::Money(so_far + now)),
            Step::Tier { clause: _, from, cost, ratio } => {
                of("tier").money("from", from).money("cost", cost).gives("ratio", Datum::Ratio(ratio))
            }
            Step::AssistanceStart { clause: _, start, so_far, burden } => of("assistance_start")
                .money("so_far", so_far)
                .money("burden", burden)
                .gives("start", Datum::Money(start)),
            Step::Paid { fund, before, paid } => {
                of("paid").word("fund", fund.word()).money("before", before).gives("paid", Datum::Money(paid))
            }
            Step::Account { clause: _, open, balance, paid } => {
                of("account").money("open", open).money("balance", balance).gives("paid", Datum::Money(paid))
            }
            Step::Family { clause: _, share, pool, insurance, open, balance, paid } => of("family")
                .number("share", share as i64)
                .word("pool", &pool.to_string())
                .word("insurance", insurance.word())
                .money("open", open)
                .money("balance", balance)
                .gives("paid", Datum::Money(paid)),
            Step::FamilyElsewhere { clause: _, pool, insurance } => {
                of("family_elsewhere").word("pool", &pool.to_string()).word("insurance", insurance.word())
            }
            Step::Derived(derived) => derived_parts(derived),
            Step::Cash { amount } => of("cash").gives("cash", Datum::Money(amount)),
        }
    }
}

/// A value that a rule derives before another applies it.
fn derived_parts(derived: Derived) -> Parts {
    match derived {
        Derived::LevelAs { clause: _, level, counts_as } => {
            of("level_as").word("level", level.word()).gives("counts_as", Datum::Word(counts_as.word().to_owned()))
        }
        Derived::Continues { clause: _, discharged, level, borne, free } => of("continues")
            .day("discharged", discharged)
            .word("level", level.word())
            .money("borne", borne)
            .gives("more_is_borne", Datum::Word(if free { "none" } else { "difference" }.to_owned())),
        Derived::CrossYear { clause: _, borne, again } => of("cross_year")
            .money("borne", borne)
            .gives("deductible", Datum::Word(if again { "again" } else { "once" }.to_owned())),
        Derived::Cycle { clause: _, from, days, borne } => {
            of("cycle").day("from", from).number("days", days).gives("borne", Datum::Money(borne))
        }
        Derived::ShareOfBill { clause: _, total, share, amount } => {
            of("share_of_bill").money("total", total).ratio("share", share).gives("amount", Datum::Money(amount))
        }
        Derived::Falls { clause: _, first, stay, amount } => {
            of("falls").money("first", first).number("stay", stay).gives("amount", Datum::Money(amount))
        }
        Derived::Again { clause: _, days, times, amount } => {
            of("again").number("days", days).number("times", times).gives("amount", Datum::Money(amount))
        }
        Derived::ByAge { clause: _, ratio, per_year, age, raised } => of("by_age")
            .ratio("ratio", ratio)
            .ratio("per_year", per_year)
            .number("age", age)
            .gives("raised", Datum::Ratio(raised)),
        Derived::AboveCap { clause: _, cost, by } => {
            of("above_cap").word("by", by.word()).gives("cost", Datum::Money(cost))
        }
        Derived::YearDue { clause: _, due, before, left } => {
            of("year_due").money("due", due).money("before", before).gives("left", Datum::Money(left))
        }
        Derived::OwnBurden { clause: _, due, burden } => {
            of("own_burden").money("due", due).gives("burden", Datum::Money(burden))
        }
    }
}

fn together(what: Together) -> &'static str {
    match what {
        Together::HighestCap => "highest_cap",
        Together::TopTwoCaps => "top_two_caps",
        Together::HighestRatio => "highest_ratio",
    }
}

/// A step of a kind, with nothing in it yet.
fn of(kind: &'static str) -> Parts {
    Parts { kind, inputs: Vec::new(), result: None }
}

impl Parts {
    fn input(mut self, name: &'static str, datum: Datum) -> Parts {
        self.inputs.push((name, datum));
        self
    }

    fn money(self, name: &'static str, amount: Money) -> Parts {
        self.input(name, Datum::Money(amount))
    }

    fn ratio(self, name: &'static str, ratio: Ratio) -> Parts {
        self.input(name, Datum::Ratio(ratio))
    }

    fn number(self, name: &'static str, number: i64) -> Parts {
        self.input(name, Datum::Number(number))
    }

    fn day(self, name: &'static str, day: Date) -> Parts {
        self.input(name, Datum::Day(day))
    }

    fn word(self, name: &'static str, word: &str) -> Parts {
        self.input(name, Datum::Word(word.to_owned()))
    }

    fn gives(self, name: &'static str, datum: Datum) -> Parts {
        Parts { result: Some((name, datum)), ..self }
    }
}
