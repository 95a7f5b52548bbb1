//! The steps of a calculation in English.

use super::render::{Context, Left};
use super::{Language, Standing, Step, Together};
use crate::adjudication::Fund;
use crate::encounter::CareKind;
use crate::money::Money;
use crate::rulebook::admission::StayEntitlement;
use crate::rulebook::conditions::identity_word;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::Per;

/// Says a step of a result.
pub(super) fn say(step: &Step, context: &Context<'_>) -> String {
    let Context { result, left: Left { own_share, self_paid, over_limit, to_pay }, by_fund_paid, tilted } = *context;
    match *step {
        Step::Gate { person, level, care, footing, standing, identity, age, stay, year } => {
            let standing = match standing {
                Standing::Filed => "",
                Standing::Committed => ", by commitment",
                Standing::Deemed => " (deemed)",
                Standing::Unfiled => ", not filed",
            };
            let nth = if care == CareKind::Inpatient { format!(", stay {stay}") } else { String::new() };
            format!(
                "{}, identity {}, aged {age}; {} care at level {}, footing {}{standing}; benefit year {}{nth}.",
                person.word(),
                identity_word(identity),
                care.word(),
                level.word(),
                footing.word(),
                year.0
            )
        }
        Step::Unfiled { clause: _, footing } => {
            format!("No filing covers the visit; the region treats it as {}.", footing.word())
        }
        Step::Died { day } => format!("The person died on {day}, which is the day that decides."),
        Step::StayEntitlement { clause: _, on, day } => match on {
            StayEntitlement::Decision => format!("Entitled on {day}."),
            StayEntitlement::Admission => {
                format!("Entitled on admission, {day}, and therefore to the end of the stay.")
            }
            StayEntitlement::Whole => format!("Entitled on every day of the stay up to {day}."),
        },
        Step::Waited { clause: _, began, first } => {
            format!("The waiting period from {began} is over; benefits since {first}.")
        }
        Step::Place { clause: _ } => "The treatment place is one that the region's rules name.".to_owned(),
        Step::DeemedFiled { clause: _, footing } => {
            format!("No filing is needed there; it counts as {}.", footing.word())
        }
        Step::Commitment { clause: _, class } => {
            format!(
                "The long-term filing is by commitment and its proof is not handed in; it counts as {}.",
                class.word()
            )
        }
        Step::FilingEnded { clause: _, last } => format!("The filing ended on {last}, before the admission."),
        Step::BackHome { clause: _, footing } => {
            format!("Care at home during a long-term filing counts as {}.", footing.word())
        }
        Step::BestIdentity { clause: _, identity, among } => {
            format!("Of {among} identities the best for the person is {}.", identity.word())
        }
        Step::UsedBeforeChange { clause: _, in_policy } => {
            format!("What was used before a change of insurance counts: benefit base {in_policy}.")
        }
        Step::Outside { fund, self_paid, over_limit } => format!(
            "Of what lies outside the policy the {} pays self-paid {self_paid}, over limit {over_limit}.",
            name(fund)
        ),
        Step::Floor { clause: _, of, base, share, before, raised } => {
            let of = of.word().replace('_', " ");
            let due = Money::round(share.of(base));
            let cut = if due == raised { String::new() } else { format!(" = {due}, of which {raised} at most") };
            format!("Guaranteed share: {base} ({of}) × {share}{cut}; the basic fund pays {raised}, not {before}.")
        }
        Step::Split(split) => format!(
            "Total {}: self-paid {}, over limit {}, first self-pay {}, in policy {}.",
            split.total(),
            split.self_paid,
            split.over_limit,
            split.first_self_pay,
            split.in_policy
        ),
        Step::FirstSelfPay { clause: _, class_b, ratio, sent, amount } => {
            format!("First self-pay by the home region's share: class B {class_b} × {ratio} = {amount} (sent: {sent}).")
        }
        Step::PreDeduction { clause: _, in_policy, ratio, amount } => {
            format!("Off-site pre-deduction: {in_policy} × {ratio} = {amount}; benefit base {}.", in_policy - amount)
        }
        Step::Deductible { clause: _, amount, factor, per, before, base, borne } => {
            let due = due(amount, factor.map(|(_, factor)| factor), per, before);
            format!("{due}; {}; {} is paid by ratio.", borne_of(borne, result.deductible), base - borne)
        }
        Step::Segment { clause: _, change, from, cost, ratio, effective } => {
            let changed = changed(change.is_some(), ratio, effective);
            if by_fund_paid {
                format!("Where the fund has paid {from} this year: of {cost} of cost it pays {effective}{changed}.")
            } else {
                format!("Of {cost} from {from} on, the basic fund pays {effective}{changed}.")
            }
        }
        Step::Cap { clause: _, cap, used, left } => format!("Cap {cap}, used this year {used}, left {left}."),
        Step::CapGrowth { clause: _, amount, years, claim_free_years, plus } => format!(
            "Cap {amount} grows by {plus} to {}: {years} years of enrolment count, {claim_free_years} without a claim.",
            amount + plus
        ),
        Step::MonthlyCap { clause: _, month, cap, available, used, left } => {
            let carried =
                if available == cap { String::new() } else { format!(", with what is carried on {available}") };
            format!("Cap of a month {cap}{carried}; used in {month} {used}, left {left}.")
        }
        Step::Together { clause: _, what, diseases } => match what {
            Together::HighestCap => format!("{diseases} diseases share the highest of their caps."),
            Together::TopTwoCaps => format!("{diseases} diseases share the two highest of their caps, added up."),
            Together::HighestRatio => format!("{diseases} diseases are paid at the highest of their ratios."),
        },
        Step::LayerSegment { fund, clause: _, from, cost, ratio } => {
            format!("Of {cost} from {from} on, the {} pays {ratio}.", name(fund))
        }
        Step::TierSlice { clause: _, change, from, cost, ratio, effective } => {
            let changed = changed(change.is_some(), ratio, effective);
            format!("Of {cost} from {from} on, the catastrophic layer pays {effective}{changed} (of this bill).")
        }
        Step::TiltStart { clause: _, start, so_far, burden } => format!(
            "Tilted assistance starts at {start}; borne this year after assistance {so_far}, of this bill {burden}."
        ),
        Step::Share { fund, clause: _, base, ratio } => {
            format!("Share of the {}: {base} × {ratio}.", if tilted { "tilted assistance" } else { name(fund) })
        }
        Step::CatastrophicBase { clause: _, threshold: _, so_far, now, deductible } => format!(
            "Catastrophic layer: {so_far} so far this year + {now} now = {}; its deductible {deductible} is {}.",
            so_far + now,
            if so_far + now > deductible { "passed" } else { "not passed" }
        ),
        Step::Tier { clause: _, from, cost, ratio } => {
            format!("Of {cost} from {from} on, the catastrophic layer pays {ratio} (over the year).")
        }
        Step::AssistanceStart { clause: _, start, so_far, burden } => {
            format!("Assistance starts at {start}; borne this year {so_far}, of this bill {burden}.")
        }
        Step::Paid { fund, before, paid } => {
            let after = before + paid;
            if tilted {
                format!(
                    "Tilted assistance pays {paid} (assistance fund, year to date {before} → {after}); {own_share} of the \
                     own share is left."
                )
            } else {
                format!(
                    "The {} pays {paid} (year to date {before} → {after}); {own_share} of the own share is left.",
                    name(fund)
                )
            }
        }
        Step::Account { clause: _, open, balance, paid } => {
            format!("The personal account may pay {open}, holds {balance}, pays {paid}; {to_pay} is still to pay.")
        }
        Step::Family { clause: _, share, pool, insurance, open, balance, paid } => {
            let owner = result.family().get(share).map_or("", |share| share.account.owner.as_str());
            let ledger = insurance.word();
            format!(
                "The account of relative {owner} ({pool}, {ledger}) may pay {open}, holds {balance}, pays {paid}; \
                 {to_pay} is still to pay."
            )
        }
        Step::FamilyElsewhere { clause: _, pool, insurance } => {
            format!("A relative's account ({pool}, {}) is kept by another node and cannot pay.", insurance.word())
        }
        Step::Cash { amount } => {
            let (total, all) = (result.coverage().total(), own_share + over_limit + self_paid);
            format!(
                "The person bears {all}: own share {own_share}, over limit {over_limit}, self-paid {self_paid}; in cash: \
                 total {total} − funds {} − accounts {} = {amount}.",
                total - all,
                all - amount
            )
        }
        Step::Derived(derived) => derived.say(Language::English),
    }
}

/// How an off-site rule changes a ratio.
fn changed(off_site: bool, ratio: Ratio, effective: Ratio) -> String {
    match off_site {
        true if ratio == effective => " (as at home)".to_owned(),
        true => format!(" (home {ratio}, changed for off-site care)"),
        false => String::new(),
    }
}

fn name(fund: Fund) -> &'static str {
    match fund {
        Fund::Basic => "basic fund",
        Fund::LargeSum => "large-sum layer",
        Fund::Catastrophic => "catastrophic layer",
        Fund::CivilServant => "civil-servant supplement",
        Fund::Assistance => "assistance fund",
    }
}

fn due(amount: Money, factor: Option<Ratio>, per: Per, before: Money) -> String {
    let factor = factor.map_or(String::new(), |factor| format!(" × {factor}"));
    let before = match per {
        Per::Stay if before.is_zero() => String::new(),
        Per::Stay => format!(", borne earlier in this stay {before}"),
        Per::Year => format!(", borne this year {before}"),
        Per::Cycle => format!(", borne in this cycle {before}"),
    };
    format!("Deductible {amount}{factor}{before}")
}

/// What is borne in the end of a deductible that was counted.
fn borne_of(counted: Money, borne: Money) -> String {
    if counted == borne {
        return format!("borne now {borne}");
    }
    format!("counted now {counted}, of which funds pay {} later on and {borne} is borne", counted - borne)
}
