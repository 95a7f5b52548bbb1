//! Lines meeting what the visit already holds: numbers that are taken, batches that are settled, lines that are taken
//! back. Works inside the transaction that keeps them.

use std::collections::{HashMap, HashSet};

use ledger::treatment::{Charge, Session, StoredCharge, StoredEncounter};
use rust_decimal::Decimal;
use settlement::bill::FeeCategory;
use settlement::ids::{BatchNumber, ChargeNumber, PoolCode};
use settlement::refusal::{Reason, Refusal};

use super::line::UploadedLine;
use crate::catalogue::Catalogue;
use crate::coverage::split::{Charged, split};
use crate::coverage::take_back::{Remaining, take_back};
use crate::stop::Stop;
use crate::visit::{self, Covered};

/// See the file.
pub struct Posting<'a, 's, 'c> {
    session: &'a Session<'s, 'c>,
    encounter: &'a StoredEncounter,
    catalogue: &'a Catalogue,
    pool: PoolCode,
    /// The visit's lines with what is left of them; filled only where a line takes another back.
    held: HashMap<ChargeNumber, Held>,
    /// Numbers that a line has already, there or in this message.
    taken: HashSet<ChargeNumber>,
    settled: HashMap<BatchNumber, bool>,
    covered: Covered,
    unlisted: Vec<ChargeNumber>,
}

struct Held {
    charge: Charge,
    line: i64,
    remaining: Remaining,
}

impl<'a, 's, 'c> Posting<'a, 's, 'c> {
    /// Begins to post lines to a visit.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open(
        session: &'a Session<'s, 'c>,
        encounter: &'a StoredEncounter,
        catalogue: &'a Catalogue,
        pool: PoolCode,
        lines: &[UploadedLine],
    ) -> Result<Posting<'a, 's, 'c>, Stop> {
        let mut posting = Posting {
            session,
            encounter,
            catalogue,
            pool,
            held: HashMap::new(),
            taken: session.charge_known(&encounter.id, lines.iter().map(|line| &line.number))?.into_iter().collect(),
            settled: HashMap::new(),
            covered: Covered::default(),
            unlisted: Vec::new(),
        };
        if lines.iter().any(|line| line.takes_back.is_some()) {
            posting.covered = visit::covered(session, &encounter.id)?;
            for StoredCharge { line, charge } in session.charge_list(&encounter.id)? {
                posting.hold(charge, line);
            }
        }
        Ok(posting)
    }

    /// A line that is there, or comes: it can be taken back, or takes back.
    fn hold(&mut self, charge: Charge, line: i64) {
        match charge.takes_back.as_ref().and_then(|number| self.held.get_mut(number)) {
            Some(original) => {
                original.remaining.quantity += charge.quantity;
                original.remaining.coverage = original.remaining.coverage + charge.coverage;
            }
            None => {
                let remaining = Remaining { quantity: charge.quantity, coverage: charge.coverage };
                self.held.insert(charge.number.clone(), Held { charge, line, remaining });
            }
        }
    }

    /// Splits a line.
    ///
    /// # Errors
    /// When the store fails. A fault of the line is a value.
    pub fn split(&mut self, line: &UploadedLine) -> Result<Result<Charge, Refusal>, Stop> {
        if !self.taken.insert(line.number.clone()) {
            return Ok(Err(fault(line, Reason::DuplicateCharge, "流水号已存在")));
        }
        if let Some(batch) = &line.batch
            && self.batch_is_settled(batch)?
        {
            return Ok(Err(fault(line, Reason::AlreadySettled, &format!("批次{batch}已结算"))));
        }
        let charge = match &line.takes_back {
            Some(original) if line.quantity.is_sign_negative() => self.negative(line, original),
            Some(_) | None => Ok(self.positive(line)),
        };
        if let Ok(charge) = &charge {
            self.hold(charge.clone(), i64::MAX);
        }
        Ok(charge)
    }

    fn batch_is_settled(&mut self, batch: &BatchNumber) -> Result<bool, Stop> {
        if let Some(settled) = self.settled.get(batch) {
            return Ok(*settled);
        }
        let settled = !visit::in_force(self.session, &self.encounter.id, Some(batch))?.is_empty();
        self.settled.insert(batch.clone(), settled);
        Ok(settled)
    }

    fn positive(&mut self, line: &UploadedLine) -> Charge {
        let item = self.catalogue.find(self.pool, &line.item, line.charged_on);
        if item.is_none() {
            self.unlisted.push(line.number.clone());
        }
        let charged =
            Charged { total: line.total, quantity: line.quantity, price: line.price, approval: line.approval };
        let split = split(&charged, item);
        Charge {
            number: line.number.clone(),
            takes_back: None,
            batch: line.batch.clone(),
            item: line.item.clone(),
            charged_on: line.charged_on,
            item_class: split.item_class,
            class: split.class,
            category: item.map_or(other_charges(), |item| item.category),
            share: split.share,
            quantity: line.quantity,
            coverage: split.coverage,
            disease: line.disease.clone(),
        }
    }

    /// A line that takes another back, in that one's proportions. A line that a settlement in force covers stays as it is
    /// for outpatients; a stay's goes on, and the difference shows in its next settlement.
    fn negative(&self, line: &UploadedLine, original: &ChargeNumber) -> Result<Charge, Refusal> {
        let beyond = |why: &str| fault(line, Reason::NegativeBeyondOriginal, why);
        let held = self.held.get(original).ok_or_else(|| beyond(&format!("没有原明细{original}")))?;
        if held.charge.batch != line.batch || held.charge.item != line.item {
            return Err(beyond(&format!("与原明细{original}的批次或项目不同")));
        }
        if line.batch.is_some() && self.covered.holds(line.batch.as_ref(), held.line) {
            return Err(fault(line, Reason::UndoFirst, &format!("原明细{original}已结算")));
        }
        let coverage = take_back(&held.remaining, line.quantity.abs(), -line.total).map_err(|left| {
            let quantity: Decimal = left.left_quantity.normalize();
            beyond(&format!("原明细{original}只余数量{quantity}、金额{}", left.left_total))
        })?;
        Ok(Charge {
            number: line.number.clone(),
            takes_back: Some(original.clone()),
            charged_on: line.charged_on,
            quantity: line.quantity,
            coverage,
            ..held.charge.clone()
        })
    }

    /// The warning for items that the catalogue does not have.
    pub fn warning(&self, most_named: usize) -> Option<String> {
        if self.unlisted.is_empty() {
            return None;
        }
        let named: Vec<&str> = self.unlisted.iter().take(most_named).map(ChargeNumber::as_str).collect();
        let more = if self.unlisted.len() > most_named { "等" } else { "" };
        Some(format!("{}条明细不在就医地目录内,按丙类全自费:{}{more}", self.unlisted.len(), named.join("、")))
    }
}

/// 14 其他费, for what the catalogue does not have.
fn other_charges() -> FeeCategory {
    FeeCategory::new(14).expect("14 is a fee category")
}

fn fault(line: &UploadedLine, reason: Reason, why: &str) -> Refusal {
    Refusal::new(reason).of_field(format!("feedetail[feedetl_sn={}]", line.number)).because(why)
}
