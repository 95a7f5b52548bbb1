//! Which parts of the person's burden earlier payments were taken off first, told once where what a later layer looks at
//! depends on it.

use super::{Language, Step};
use crate::adjudication::Fund;
use crate::benefits::burden::{BELOW_CAP, RELIEVED_FIRST};
use crate::rulebook::RuleBook;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::Part;

/// The payments so far, as a result is read step by step.
pub(super) struct Relief<'a> {
    book: &'a RuleBook,
    /// The parts that each payment could be taken off.
    paid_of: Vec<Cases>,
    /// The layers of which it was told.
    told: Vec<(Fund, bool)>,
}

impl<'a> Relief<'a> {
    /// Before anybody pays.
    pub(super) fn of(book: &'a RuleBook) -> Relief<'a> {
        Relief { book, paid_of: Vec::new(), told: Vec::new() }
    }

    /// Takes note of a step. What is to be said of the order at it; nothing where it makes no difference.
    pub(super) fn told_at(&mut self, step: &Step, tilted: bool, language: Language) -> String {
        if let Some(paid_of) = self.paid_of(step, tilted) {
            self.paid_of.push(paid_of);
        }
        let Some(layer) = looks(step, tilted).filter(|layer| !self.told.contains(layer)) else { return String::new() };
        self.told.push(layer);
        let Some(looks_at) = self.parts(layer) else { return String::new() };
        let before = self.paid_of.iter().filter(|paid_of| splits(**paid_of, looks_at));
        let parts = Cases::at(before.flat_map(|paid_of| of(*paid_of)).map(|part| part as usize));
        let names: Vec<&str> = of(parts).map(|part| name(part, language)).collect();
        if names.is_empty() {
            return String::new();
        }
        match language {
            Language::Chinese => format!("此前各层支付依次抵减{}，本层按余下部分计。", names.join("、")),
            Language::English => {
                format!(" Earlier payments were taken off {}; this layer looks at what is left.", names.join(", then "))
            }
        }
    }

    fn paid_of(&self, step: &Step, tilted: bool) -> Option<Cases> {
        if let Step::Floor { .. } = step {
            return Some(Cases::at(BELOW_CAP.map(|part| part as usize)));
        }
        let Step::Paid { fund, before: _, paid } = *step else { return None };
        if paid.is_zero() { None } else { self.parts((fund, tilted)) }
    }

    /// The parts that a layer looks at, and is taken off.
    fn parts(&self, (fund, tilted): (Fund, bool)) -> Option<Cases> {
        match fund {
            Fund::Basic | Fund::LargeSum => None,
            Fund::Catastrophic => self.book.catastrophic.rules().map(|rules| rules.base.includes),
            Fund::CivilServant => self.book.civil_servant.rules().map(|rules| rules.base.includes),
            Fund::Assistance => {
                let rules = self.book.assistance.rules()?;
                let tilt = rules.tilt.as_ref().filter(|_| tilted);
                Some(tilt.map_or(rules.base.includes, |tilt| tilt.base.includes))
            }
        }
    }
}

/// The layer whose base a step tells, and whether it is tilted assistance.
fn looks(step: &Step, tilted: bool) -> Option<(Fund, bool)> {
    if let Step::Share { fund, .. } | Step::LayerSegment { fund, .. } = *step {
        return Some((fund, tilted));
    }
    if let Step::AssistanceStart { .. } | Step::TiltStart { .. } = step {
        return Some((Fund::Assistance, tilted));
    }
    matches!(step, Step::CatastrophicBase { .. }).then_some((Fund::Catastrophic, false))
}

/// Whether a payment could be taken off some parts that a layer looks at, and off others that it does not.
fn splits(paid_of: Cases, looks_at: Cases) -> bool {
    paid_of.meets(looks_at) && paid_of.both(looks_at) != paid_of
}

/// Some parts in the order in which they are relieved.
fn of(parts: Cases) -> impl Iterator<Item = Part> {
    RELIEVED_FIRST.into_iter().filter(move |part| parts.has(*part as usize))
}

fn name(part: Part, language: Language) -> &'static str {
    let [chinese, english] = match part {
        Part::AboveCapApart => ["不计合规的封顶线以上费用", "what is above a cap and not compliant"],
        Part::AboveCap => ["封顶线以上费用", "what is above a cap"],
        Part::RatioShare => ["按比例自付", "the ratio share"],
        Part::Deductible => ["起付线", "the deductible"],
        Part::PreDeduction => ["异地先自付", "the pre-deduction"],
        Part::FirstSelfPay => ["先行自付", "the first self-pay"],
        Part::OverLimit => ["超限价", "what is over limit"],
        Part::SelfPaid => ["自费", "what is self-paid"],
    };
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}
