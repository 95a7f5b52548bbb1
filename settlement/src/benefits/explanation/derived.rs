//! The steps that derive a value before it is applied: a level, a deductible, a ratio. Their encoding and their words
//! stand beside them.

use jiff::civil::Date;

use super::Language;
use super::encoding::Encoder;
use crate::encounter::HospitalLevel;
use crate::money::Money;
use crate::rulebook::clause::Clause;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::Above;

/// A value that a rule derives from others before another rule applies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// The institution is treated as of another level.
    LevelAs {
        /// The rule.
        clause: Clause,
        /// Its own level.
        level: HospitalLevel,
        /// The level that counts.
        counts_as: HospitalLevel,
    },
    /// The stay goes on from an earlier one, and both are one.
    Continues {
        /// The rule.
        clause: Clause,
        /// When the earlier one ended.
        discharged: Date,
        /// Where it was spent.
        level: HospitalLevel,
        /// The deductible that it, and those before it, bore.
        borne: Money,
        /// Whether nothing more is borne; else the difference is.
        free: bool,
    },
    /// A part of the stay was settled in another benefit year.
    CrossYear {
        /// The rule.
        clause: Clause,
        /// The deductible borne there.
        borne: Money,
        /// Whether it is due again.
        again: bool,
    },
    /// The cycle that runs.
    Cycle {
        /// The rule.
        clause: Clause,
        /// Its first day.
        from: Date,
        /// Its days.
        days: i64,
        /// The deductible borne in it.
        borne: Money,
    },
    /// A deductible that is a share of the bill.
    ShareOfBill {
        /// The rule.
        clause: Clause,
        /// The bill's total.
        total: Money,
        /// The share.
        share: Ratio,
        /// What it comes to within its bounds.
        amount: Money,
    },
    /// A deductible that falls with each further stay.
    Falls {
        /// The rule.
        clause: Clause,
        /// What the first stay bears.
        first: Money,
        /// Which stay it is.
        stay: i64,
        /// What this one bears.
        amount: Money,
    },
    /// A long stay that bears the deductible more than once.
    Again {
        /// The rule.
        clause: Clause,
        /// How long it lasted.
        days: i64,
        /// How often it is due.
        times: i64,
        /// What it comes to together.
        amount: Money,
    },
    /// The in-policy cost that a cap leaves unpaid.
    AboveCap {
        /// The cap.
        clause: Clause,
        /// The cost.
        cost: Money,
        /// Who is asked to bear it.
        by: Above,
    },
    /// What the catastrophic layer pays at most, where earlier bills took more of the benefit year's due than their part.
    YearDue {
        /// The rule about its base.
        clause: Clause,
        /// What the tiers come to for the whole year.
        due: Money,
        /// What was paid of it before.
        before: Money,
        /// What is left.
        left: Money,
    },
    /// What the catastrophic layer pays at most, where the benefit year owes more than the person bears of this bill.
    OwnBurden {
        /// The rule about its base.
        clause: Clause,
        /// What the year owes.
        due: Money,
        /// What the layer looks at of this bill.
        burden: Money,
    },
    /// A ratio that grows with age.
    ByAge {
        /// The rule.
        clause: Clause,
        /// The ratio at no age.
        ratio: Ratio,
        /// What each full year adds.
        per_year: Ratio,
        /// Age in full years.
        age: i64,
        /// The ratio at this age, within its bound.
        raised: Ratio,
    },
}

impl Derived {
    pub(super) fn clause(&self) -> Clause {
        match *self {
            Derived::LevelAs { clause, .. }
            | Derived::Continues { clause, .. }
            | Derived::CrossYear { clause, .. }
            | Derived::Cycle { clause, .. }
            | Derived::ShareOfBill { clause, .. }
            | Derived::Falls { clause, .. }
            | Derived::Again { clause, .. }
            | Derived::AboveCap { clause, .. }
            | Derived::YearDue { clause, .. }
            | Derived::OwnBurden { clause, .. }
            | Derived::ByAge { clause, .. } => clause,
        }
    }

    /// Tags 20 to 30 of [`Encoder`] are these steps'.
    pub(super) fn encode(&self, encoder: &mut Encoder) {
        match *self {
            Derived::LevelAs { clause, level, counts_as } => {
                encoder.tag(20).clause(clause).bytes(&[level as u8, counts_as as u8]);
            }
            Derived::Continues { clause, discharged, level, borne, free } => {
                encoder.tag(21).clause(clause).day(discharged).bytes(&[level as u8, u8::from(free)]).money([borne]);
            }
            Derived::CrossYear { clause, borne, again } => {
                encoder.tag(22).clause(clause).bytes(&[u8::from(again)]).money([borne]);
            }
            Derived::Cycle { clause, from, days, borne } => {
                encoder.tag(23).clause(clause).day(from).number(days).money([borne]);
            }
            Derived::ShareOfBill { clause, total, share, amount } => {
                encoder.tag(24).clause(clause).ratio(share).money([total, amount]);
            }
            Derived::Falls { clause, first, stay, amount } => {
                encoder.tag(25).clause(clause).number(stay).money([first, amount]);
            }
            Derived::Again { clause, days, times, amount } => {
                encoder.tag(26).clause(clause).number(days).number(times).money([amount]);
            }
            Derived::ByAge { clause, ratio, per_year, age, raised } => {
                encoder.tag(27).clause(clause).ratio(ratio).ratio(per_year).number(age).ratio(raised);
            }
            Derived::AboveCap { clause, cost, by } => {
                encoder.tag(28).clause(clause).number(by as i64).money([cost]);
            }
            Derived::YearDue { clause, due, before, left } => {
                encoder.tag(29).clause(clause).money([due, before, left]);
            }
            Derived::OwnBurden { clause, due, burden } => {
                encoder.tag(30).clause(clause).money([due, burden]);
            }
        }
    }

    pub(super) fn say(&self, language: Language) -> String {
        match language {
            Language::Chinese => self.chinese(),
            Language::English => self.english(),
        }
    }

    fn chinese(&self) -> String {
        match *self {
            Derived::LevelAs { clause: _, level, counts_as } => {
                format!("{}医疗机构按{}医疗机构的待遇计算。", level.name(), counts_as.name())
            }
            Derived::Continues { clause: _, discharged, level, borne, free } => format!(
                "本次住院接续{discharged}从{}医疗机构出院的住院，视同一次住院，此前已承担起付线{borne}，{}。",
                level.name(),
                if free { "不再计起付线" } else { "只补差额" }
            ),
            Derived::CrossYear { clause: _, borne, again } => format!(
                "跨年度住院：另一年度结算的部分已承担起付线{borne}，{}。",
                if again { "本年度重新计算" } else { "不再重复计算" }
            ),
            Derived::Cycle { clause: _, from, days, borne } => {
                format!("起付线结算周期自{from}起{days}天，本周期内已承担{borne}。")
            }
            Derived::ShareOfBill { clause: _, total, share, amount } => {
                format!("起付线按总费用比例计：{total} × {share}，在上下限内为{amount}。")
            }
            Derived::Falls { clause: _, first, stay, amount } => {
                format!("起付线逐次降低：首次{first}，第{stay}次为{amount}。")
            }
            Derived::Again { clause: _, days, times, amount } => {
                format!("住院{days}天，起付线计{times}次，共{amount}。")
            }
            Derived::ByAge { clause: _, ratio, per_year, age, raised } => {
                format!("支付比例随年龄提高：{ratio} + {per_year} × {age}岁，为{raised}。")
            }
            Derived::AboveCap { clause: _, cost, by } => match by {
                Above::LargeSum => format!("该限额付不到的医疗费{cost}，由大额补助分担。"),
                Above::Person => format!("该限额付不到的医疗费{cost}由个人负担。"),
                Above::PersonApart | Above::Unknown => {
                    format!("该限额付不到的医疗费{cost}由个人负担，不计入合规费用。")
                }
            },
            Derived::YearDue { clause: _, due, before, left } => {
                format!("大病保险全年应付{due}，此前已付{before}，本次至多支付{left}。")
            }
            Derived::OwnBurden { clause: _, due, burden } => {
                format!("按年度累计大病保险应付{due}，本次个人负担{burden}，支付以此为限。")
            }
        }
    }

    fn english(&self) -> String {
        match *self {
            Derived::LevelAs { clause: _, level, counts_as } => {
                format!("An institution of level {} counts as {}.", level.word(), counts_as.word())
            }
            Derived::Continues { clause: _, discharged, level, borne, free } => format!(
                "The stay goes on from one at level {} that ended on {discharged}: one stay, which bore {borne} of a \
                 deductible; {}.",
                level.word(),
                if free { "none is due" } else { "only the difference is due" }
            ),
            Derived::CrossYear { clause: _, borne, again } => format!(
                "Part of the stay was settled in another benefit year and bore {borne} of a deductible, which is {}.",
                if again { "due again this year" } else { "not due again" }
            ),
            Derived::Cycle { clause: _, from, days, borne } => {
                format!("The cycle of {days} days began on {from}; borne in it {borne}.")
            }
            Derived::ShareOfBill { clause: _, total, share, amount } => {
                format!("Deductible as a share of the bill: {total} × {share}, within its bounds {amount}.")
            }
            Derived::Falls { clause: _, first, stay, amount } => {
                format!("The deductible falls from {first} for the first stay to {amount} for stay {stay}.")
            }
            Derived::Again { clause: _, days, times, amount } => {
                format!("A stay of {days} days bears the deductible {times} times: {amount}.")
            }
            Derived::ByAge { clause: _, ratio, per_year, age, raised } => {
                format!("The ratio grows with age: {ratio} + {per_year} × {age} years = {raised}.")
            }
            Derived::AboveCap { clause: _, cost, by } => match by {
                Above::LargeSum => {
                    format!("The large-sum layer is asked to share the {cost} that this cap leaves unpaid.")
                }
                Above::Person => format!("The person bears the {cost} that this cap leaves unpaid."),
                Above::PersonApart | Above::Unknown => {
                    format!("The person bears the {cost} that this cap leaves unpaid; it is no compliant cost.")
                }
            },
            Derived::YearDue { clause: _, due, before, left } => format!(
                "The catastrophic layer owes {due} for the whole year and has paid {before}: now at most {left}."
            ),
            Derived::OwnBurden { clause: _, due, burden } => format!(
                "The catastrophic layer owes {due} over the year; the person bears {burden} of this bill, and no more is paid."
            ),
        }
    }
}
