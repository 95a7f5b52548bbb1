//! The treatment agencies' reviews in a simulated quarter: deductions lodged, objected to, agreed on before and after
//! the statement is made, withdrawn, and given back where the settlement is cancelled later. More than a fund paid is
//! tried each month, and refused.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use clearing::review::{Objection, Standing};
use jiff::civil::Date;
use ledger::hub::{Change, DeductionFault, DeductionLodging};
use proto::convert;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::{InstitutionCode, SettlementId};
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};

use super::nation::Nation;
use crate::verify;

/// What is reviewed.
#[derive(Debug, Default)]
pub struct Reviews {
    /// Settlements of which something was deducted this month; the first is cancelled later.
    pub deducted: Vec<SettlementId>,
    /// What was lodged this month.
    lodged: Vec<Lodged>,
}

/// A deduction that was lodged.
#[derive(Debug)]
struct Lodged {
    id: String,
    settlement: SettlementId,
    hospital: InstitutionCode,
    half: Money,
}

impl Reviews {
    /// A day's work. `candidates` are settlements of the month before that are in force.
    ///
    /// # Errors
    /// When the store fails, or takes what it must not, or not what it must.
    pub async fn work(&mut self, nation: &Nation, candidates: &[SettlementId]) -> Result<()> {
        let is_about_to = !self.lodged.is_empty() || nation.today().day() == 6 && !candidates.is_empty();
        self.work_today(nation, candidates).await?;
        if is_about_to && [6, 8, 10, 24].contains(&nation.today().day()) {
            nation.watch().decided("deduction").await;
        }
        Ok(())
    }

    async fn work_today(&mut self, nation: &Nation, candidates: &[SettlementId]) -> Result<()> {
        match nation.today().day() {
            6 => self.lodge(nation, candidates).await,
            8 => {
                self.change(nation, 0, |lodged| Change::Agree(basic(lodged.half), "超限定支付".into())).await?;
                self.change(nation, 1, |lodged| object(lodged, nation.today(), "用药有指征")).await?;
                self.change(nation, 2, |lodged| object(lodged, nation.today(), "已提供病历")).await
            }
            10 => {
                let half = |lodged: &Lodged| basic(Money::from_fen(lodged.half.fen() / 2));
                self.change(nation, 1, |lodged| Change::Agree(half(lodged), "双方认定".into())).await?;
                self.change(nation, 2, |_| Change::Withdraw("核实无误".into())).await
            }
            // The statement is made: what is agreed on now is taken off the open period.
            24 => self.change(nation, 3, |lodged| Change::Agree(basic(lodged.half), "重复收费".into())).await,
            _ => Ok(()),
        }
    }

    async fn lodge(&mut self, nation: &Nation, candidates: &[SettlementId]) -> Result<()> {
        self.lodged.clear();
        let paid = basic_paid(nation).await?;
        let worth = candidates.iter().filter_map(|one| Some((one, paid.get(one)?.clone())));
        let worth: Vec<(&SettlementId, (InstitutionCode, Money))> =
            worth.filter(|(_, (_, paid))| *paid >= Money::from_yuan(1)).take(4).collect();
        for (at, (settlement, (hospital, paid))) in worth.into_iter().enumerate() {
            let (id, half) = (format!("KK-{}-{at}", nation.today()), Money::from_fen(paid.fen() / 2));
            self.lodge_one(nation, &id, settlement, half).await??;
            self.lodge_one(nation, &id, settlement, half).await??;
            // Together they would take off more than the fund paid.
            let too_much = paid - half + Money::from_fen(1);
            let refused = self.lodge_one(nation, &format!("{id}-too-much"), settlement, too_much).await?;
            let what = "deductions are never above the payment does not hold for";
            ensure!(matches!(refused, Err(DeductionFault::Sums(_))), "{what} {settlement}: {refused:?}");
            self.lodged.push(Lodged { id, settlement: settlement.clone(), hospital, half });
        }
        Ok(())
    }

    async fn lodge_one(
        &self,
        nation: &Nation,
        id: &str,
        settlement: &SettlementId,
        amount: Money,
    ) -> Result<Result<(), DeductionFault>> {
        let (id, reason) = (id.to_owned(), "超限定支付".to_owned());
        let lodging = DeductionLodging { id, settlement: settlement.clone(), deducted: basic(amount), reason };
        Ok(nation.hub().store.deduction_lodge(lodging, ("agency".to_owned(), nation.now())).await?)
    }

    async fn change(&mut self, nation: &Nation, at: usize, change: impl Fn(&Lodged) -> Change) -> Result<()> {
        let Some(lodged) = self.lodged.get(at) else { return Ok(()) };
        let (change, Lodged { id, settlement, .. }) = (change(lodged), lodged);
        let agrees = matches!(change, Change::Agree(..));
        let by = ("agency".to_owned(), nation.now());
        let changed = nation.hub().store.deduction_change(id.clone(), change, by).await?;
        // Its settlement may have been undone meanwhile, and it with it.
        let was_undone =
            matches!(changed, Err(DeductionFault::StandsOtherwise(Standing::Released) | DeductionFault::Undone));
        if changed.is_ok() && agrees {
            self.deducted.push(settlement.clone());
        }
        if was_undone { Ok(()) } else { changed.map_err(|fault| anyhow!("deduction {id}: {fault}")) }
    }
}

pub(super) fn basic(amount: Money) -> FundShares {
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, amount);
    shares
}

/// What the hospital of a deduction says against it by a letter of a day.
fn object(lodged: &Lodged, written_on: Date, reason: &str) -> Change {
    let (hospital, letter) = (lodged.hospital.clone(), format!("异议函-{}", lodged.id));
    Change::Object(Objection { hospital, letter, written_on, reason: reason.to_owned() })
}

/// The hospital of each settlement that was ever accepted, and what the basic fund paid of it.
async fn basic_paid(nation: &Nation) -> Result<BTreeMap<SettlementId, (InstitutionCode, Money)>> {
    let mut paid = BTreeMap::new();
    for record in verify::records(&nation.hub().store).await? {
        let Some(answer) = &record.answer else { continue };
        if let Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } =
            convert::read_outcome(&answer.outcome)?
        {
            let hospital = convert::read_operation(&record.bytes)?.key.institution;
            paid.insert(settled.settlement.clone(), (hospital, settled.payers.funds.of(Fund::Basic)));
        }
    }
    Ok(paid)
}
