//! How members pay in a simulated quarter. Most pay some days after the notice, and the other side records the same two days
//! later. One that receives has a bank with a serial number and a day of its own: neither record is wrong, and the payment
//! ends by both accepting the two as one. One home member pays nothing for three months.

use anyhow::{Result, anyhow, ensure};
use broker::clearing::Standing;
use clearing::payment::{Apart, Payable, Records};
use clearing::period::{Pair, Payment, Side, Wanted};
use jiff::ToSpan as _;
use jiff::civil::Date;
use ledger::hub::{PaidPlace, PeriodNumber, StatementFault};

use super::country::{DEBTOR, MEMBERS, TWO_BANKS};
use super::nation::Nation;

/// Days from a notice to the payment, and from there to the other side's record of it.
const PAYS_AFTER: i64 = 5;
const RECEIVES_AFTER: i64 = 7;
/// Days from a notice until the first side accepts two records that differ, and until the second does.
const ACCEPTS_AFTER: [i64; 2] = [14, 16];
/// The month of which two banks have other records.
const RECORDED_TWICE: PeriodNumber = PeriodNumber(1);

/// What became of payments.
#[derive(Debug, Default)]
pub struct Payments {
    /// Payments of which both sides had recorded other facts, and that ended by both accepting these.
    pub accepted: usize,
    /// On how many days such a payment was told as open, and kept its period open.
    pub told_apart: usize,
    /// Whether the home member that does not pay does at last.
    pub debtor_pays: bool,
}

impl Payments {
    /// Pays what is due of a pair in a period, or records what came, where it is time.
    ///
    /// # Errors
    /// When the store fails, or something is refused that must not be.
    pub async fn work(&mut self, nation: &Nation, standing: &Standing, pair: Pair) -> Result<()> {
        let held = &standing.record.pairs[&pair];
        let owes = pair == between(DEBTOR);
        let Some(noticed_on) = held.noticed_on.filter(|_| !owes || self.debtor_pays) else { return Ok(()) };
        let today = nation.today();
        for (insurance, payable) in held.to_be_paid() {
            let Some(payer) = payable.payer() else { continue };
            let place = (standing.period, pair, insurance);
            let on = if owes { today } else { noticed_on.saturating_add(PAYS_AFTER.days()) };
            let serial = format!("{}{}{}{}", on.strftime("%Y%m%d"), pair.home, pair.treatment, insurance.code());
            let sent = Payment { serial, bank: "中国银行".into(), on, amount: payable.amount() };
            let (paid, received) = (payable.paid.is_none(), payable.received.is_none());
            let due_sides = [(payer, PAYS_AFTER, paid), (payer.other(), RECEIVES_AFTER, received)];
            for (side, after, _) in due_sides.into_iter().filter(|(_, _, is_open)| *is_open) {
                let comes_otherwise = side != payer && pair == between(TWO_BANKS) && place.0 == RECORDED_TWICE;
                let payment = if comes_otherwise { as_another_bank_has_it(&sent) } else { sent.clone() };
                if today >= noticed_on.saturating_add(after.days()) {
                    let by = (pair.member(side).to_string(), nation.now());
                    let recorded = nation.hub().store.payment_record(place, side, payment, by).await?;
                    recorded.map_err(|fault| anyhow!("{pair:?}: {fault}"))?;
                    nation.watch().acted(place.0, "payment").await;
                }
            }
            if let Some(apart) = payable.open_difference() {
                self.accept(nation, place, (payable, apart), noticed_on).await?;
            }
        }
        Ok(())
    }

    /// Two records that differ are told, and keep the period open, until a person of each side has accepted them.
    async fn accept(
        &mut self,
        nation: &Nation,
        place: PaidPlace,
        (payable, apart): (&Payable, Apart),
        noticed_on: Date,
    ) -> Result<()> {
        let (period, pair, insurance) = place;
        ensure!(apart == Apart { serial: true, on: true, amount: false }, "{pair:?}: {apart} differ");
        let first = payable.accepted.keys().next().copied();
        let (wanted, side, after) = match first {
            None => (Wanted::SameRecord(pair, insurance, apart), Side::Home, ACCEPTS_AFTER[0]),
            Some(first) => (Wanted::Acceptance(pair, insurance, first.other()), first.other(), ACCEPTS_AFTER[1]),
        };
        let waits = nation.clearing().plan(period, nation.now()).await?.waits;
        ensure!(waits.iter().any(|wait| wait.wanted == wanted), "{wanted} is not told: {waits:?}");
        self.told_apart += 1;
        if nation.today() < noticed_on.saturating_add(after.days()) {
            return Ok(());
        }
        if let Some(first) = first {
            let alone = say_accepted(nation, place, (side, payable.records), pair.member(first).to_string()).await?;
            ensure!(alone.is_err(), "one person accepts for both sides");
        }
        let said = say_accepted(nation, place, (side, payable.records), pair.member(side).to_string()).await?;
        said.map_err(|fault| anyhow!("{pair:?}: {fault}"))?;
        nation.watch().acted(period, "acceptance").await;
        let held = nation.clearing().pair_record(period, pair).await?;
        let is_over = held.payables.of(insurance).is_settled();
        ensure!(is_over == first.is_some(), "it takes both sides to accept, and no more: {held:?}");
        self.accepted += usize::from(is_over);
        Ok(())
    }
}

async fn say_accepted(
    nation: &Nation,
    place: PaidPlace,
    seen: (Side, Records),
    by: String,
) -> Result<Result<(), StatementFault>> {
    Ok(nation.hub().store.payment_accept(place, seen, "各行流水号".into(), (by, nation.now())).await?)
}

/// The same payment by the books of who receives it.
fn as_another_bank_has_it(sent: &Payment) -> Payment {
    let (serial, on) = (format!("R{}", sent.serial), sent.on.saturating_add(1.days()));
    Payment { serial, bank: "工商银行".into(), on, amount: sent.amount }
}

/// The pair of two members, by their numbers.
pub fn between([home, treatment]: [usize; 2]) -> Pair {
    Pair { home: MEMBERS[home].member(), treatment: MEMBERS[treatment].member() }
}
