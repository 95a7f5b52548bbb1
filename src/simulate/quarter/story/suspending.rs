//! A home member that pays nothing: once three months in a row are overdue the treatment member may suspend it, and no sooner. Then nobody of
//! it is settled there, and what was settled stays and can be undone; once it has paid, it is settled again, and the three
//! months close.

use anyhow::{Result, ensure};
use clearing::month::Month;
use jiff::civil::{Date, date};
use settlement::refusal::Reason;

use super::super::country::{DEBTOR, Person};
use super::super::hospital::Kind;
use super::super::payments::between;
use super::{Story, Told};

/// Somebody of it lies in hospital there, each month.
const OWED: [Date; 3] = [date(2025, 4, 14), date(2025, 5, 13), date(2025, 6, 12)];
/// Three months are due, and two of them overdue.
const TOO_EARLY: Date = date(2025, 8, 12);
const SUSPENDED: Date = date(2025, 9, 18);
/// In the evening it makes up its mind to pay.
const PAYS: Date = date(2025, 9, 21);
const RESUMED: Date = date(2025, 9, 24);
/// A stay of the first month is cancelled, which is closed by then.
const CANCELLED: Date = date(2025, 9, 26);
/// What each stay costs, in fen.
const A_STAY: i64 = 600_000;
const A_VISIT: i64 = 23_400;

impl Story {
    /// Three months unpaid, and what becomes of that.
    pub(super) async fn suspend(&mut self, day: Date) -> Result<()> {
        match day {
            _ if OWED.contains(&day) => {
                let before = self.counts.settled;
                self.see_for(self.of_debtor(), Kind::Stay, A_STAY, day).await?;
                ensure!(self.counts.settled == before + 1, "somebody whose region does not pay is settled on {day}");
                Ok(())
            }
            TOO_EARLY => self.owes_months(2, false).await,
            SUSPENDED => self.is_suspended().await,
            PAYS => {
                self.offices.payments.debtor_pays = true;
                Ok(())
            }
            RESUMED => self.is_resumed(day).await,
            CANCELLED => self.cancel_in_closed().await,
            _ => Ok(()),
        }
    }

    fn of_debtor(&self) -> Person {
        self.people(|person| person.by_hand && [person.member, person.goes_to] == DEBTOR).remove(0)
    }

    /// So many months of the quarter are unpaid and overdue, of this pair alone.
    async fn owes_months(&self, count: usize, may_suspend: bool) -> Result<()> {
        let unpaid = self.nation.clearing().unpaid(self.nation.now()).await?;
        let april = Month::of(OWED[0]);
        let months: Vec<Month> = std::iter::successors(april, |month| Some(month.next())).take(count).collect();
        let holds = unpaid.len() == 1
            && unpaid.get(&between(DEBTOR)).is_some_and(|held| {
                held.months == months && held.claimed.is_empty() && held.may_suspend == may_suspend
            });
        ensure!(holds, "{count} months are unpaid, and the treatment member may suspend: {may_suspend}; {unpaid:?}");
        Ok(())
    }

    async fn is_suspended(&mut self) -> Result<()> {
        self.owes_months(3, true).await?;
        self.set_suspended(true).await?;
        let visit = self.desks.treat(&self.of_debtor(), Kind::Outpatient, A_VISIT).await;
        let Some(visit) = visit else { anyhow::bail!("a desk registers who is suspended") };
        let told = self.desks.settle(&visit).await;
        let is_refused = matches!(told, Told::Refused(Reason::MemberSuspended) | Told::Later(Reason::MemberSuspended));
        ensure!(is_refused, "nobody of a suspended member is settled: {told:?}");
        self.counts.refused_suspended += 1;
        Ok(())
    }

    async fn is_resumed(&mut self, day: Date) -> Result<()> {
        let unpaid = self.nation.clearing().unpaid(self.nation.now()).await?;
        ensure!(unpaid.is_empty(), "everything is paid: {unpaid:?}");
        self.set_suspended(false).await?;
        let before = self.counts.settled;
        self.see_for(self.of_debtor(), Kind::Outpatient, A_VISIT, day).await?;
        ensure!(self.counts.settled == before + 1, "who is suspended no more is settled");
        self.counts.resumed += 1;
        Ok(())
    }

    async fn set_suspended(&self, is_suspended: bool) -> Result<()> {
        let (hub, by) = (self.nation.hub(), ("an operator".to_owned(), self.nation.now()));
        let reason = if is_suspended { "连续三个月未拨付" } else { "已拨付" };
        let set = hub.store.suspension_set(between(DEBTOR), is_suspended, reason.to_owned(), by).await?;
        ensure!(set, "it is set once");
        hub.suspensions.refresh(&hub.store).await?;
        self.nation.watch().decided("suspension").await;
        Ok(())
    }

    async fn cancel_in_closed(&mut self) -> Result<()> {
        let number = self.of_debtor().number;
        let stay = self.settled.iter_mut().find(|one| one.visit.person.number == number && one.on == OWED[0]);
        let Some(stay) = stay else { anyhow::bail!("{number} was settled on {}", OWED[0]) };
        let told = self.desks.cancel(&stay.visit, stay.id.as_str()).await;
        ensure!(matches!(told, Told::Done(_)), "what a closed month has is cancelled: {told:?}");
        stay.in_force = false;
        self.counts.cancelled_late += 1;
        self.counts.cancelled_in_closed += 1;
        Ok(())
    }
}
