//! What the settlements of a simulated month are: who insures, who treats, what for, how much and when, each drawn from
//! its number and a seed, so that the same seed gives the same month. It writes nothing; [`super::messages`] puts it into
//! operations.
//!
//! The kinds follow the published yearly figures: about 240 million settlements a year and so 650,000 a day, of which
//! one in twenty is a stay and one in four a purchase at a pharmacy (design.md section 10). What those figures do not say
//! is assumed, and only meant to be plausible: how the rest divides into ordinary and chronic outpatient care, the sizes
//! of bills by care (a stay 22,000 yuan on average, a visit 300), how many are employees, and that one province in six
//! draws most of those who travel.

use anyhow::{Context, Result, ensure};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use settlement::beijing;
use settlement::encounter::CareKind;
use settlement::ids::{MemberCode, PoolCode};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

/// Settlements of a day, nationally.
pub const A_DAY: u64 = 650_000;
/// Of a thousand settlements: stays, purchases, chronic care; the rest is ordinary outpatient care.
const STAYS: u64 = 50;
const PURCHASES: u64 = 250;
const CHRONIC: u64 = 100;
/// Where many go to be treated, most first, each with how many for one that goes elsewhere.
const DESTINATIONS: [(&str, u64); 6] =
    [("310000", 5), ("110000", 4), ("320000", 3), ("330000", 3), ("440000", 3), ("120000", 2)];
/// Of a thousand settlements, those within one member: booked, and owed by nobody.
const WITHIN: u64 = 20;
/// Of a thousand settlements: cancelled later, reversed at once, and answered with no.
const CANCELLED: u64 = 10;
const REVERSED: u64 = 3;
const REFUSED: u64 = 5;
/// Desks are open so many hours from seven on.
const OPEN_SECONDS: u64 = 13 * 3_600;

/// Who takes part, and when it is.
#[derive(Clone, Debug)]
pub struct Shape {
    members: Vec<Member>,
    seed: u64,
    count: u64,
    first_day: Date,
    days: u64,
}

#[derive(Clone, Debug)]
struct Member {
    code: MemberCode,
    /// In order of their codes: the capital's first.
    pools: Vec<PoolCode>,
    /// How many are treated there for one that is treated elsewhere.
    draws: u64,
}

/// Which pools of a member take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pools {
    /// All.
    All,
    /// The first: the capital, or the municipality itself.
    Capital,
}

/// One settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The how manieth, from 0.
    pub number: u64,
    /// Who insures.
    pub home: PoolCode,
    /// Who clears for that pool.
    pub home_member: MemberCode,
    /// Who holds the institution's contract.
    pub treatment: PoolCode,
    /// Who clears for that pool.
    pub treatment_member: MemberCode,
    /// Whose money.
    pub insurance: Insurance,
    /// What for.
    pub care: CareKind,
    /// The charge.
    pub total: Money,
    /// What is decided on it.
    pub at: Timestamp,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Stands,
    /// The desk cancels it.
    Cancelled,
    /// Its answer was lost, and the desk reverses it.
    Reversed,
    /// The home region says no.
    Refused,
}

impl Shape {
    /// The shape of so many settlements between so many members of a table, over so many days from one on.
    ///
    /// # Errors
    /// When there are not so many members, or fewer than two are asked for.
    pub fn new(
        regions: &RegionTable,
        (members, pools): (usize, Pools),
        (count, seed): (u64, u64),
        (first_day, days): (Date, u64),
    ) -> Result<Shape> {
        ensure!(members >= 2, "clearing needs two members or more");
        let all = members_of(regions, pools);
        ensure!(members <= all.len(), "the table of regions has {} members", all.len());
        let members = all.into_iter().take(members).collect();
        Ok(Shape { members, seed, count, first_day, days: days.max(1) })
    }

    /// How many settlements.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The members.
    pub fn members(&self) -> impl Iterator<Item = MemberCode> {
        self.members.iter().map(|member| member.code)
    }

    /// The how manieth day of the month a settlement is on, and the month's first day.
    fn day_of(&self, number: u64) -> u64 {
        number.saturating_mul(self.days) / self.count.max(1)
    }

    /// A settlement by its number. Later ones are on later days, in any order within a day.
    ///
    /// # Errors
    /// When the day is beyond any calendar.
    pub fn visit(&self, number: u64) -> Result<Visit> {
        let mut dice = Dice::of(self.seed, number);
        let care = match dice.below(1_000) {
            drawn if drawn < STAYS => CareKind::Inpatient,
            drawn if drawn < STAYS + PURCHASES => CareKind::Purchase,
            drawn if drawn < STAYS + PURCHASES + CHRONIC => CareKind::Chronic,
            _ => CareKind::Outpatient,
        };
        let insurance = if dice.below(1_000) < employees(care) { Insurance::Employee } else { Insurance::Resident };
        let home = self.home(&mut dice)?;
        let treatment = if dice.below(1_000) < WITHIN { home } else { self.away_from(home.code, &mut dice)? };
        // Half of those who travel go to the capital.
        let ward = if dice.below(2) == 0 { 0 } else { dice.below(treatment.pools.len() as u64) };
        let fate = match dice.below(1_000) {
            drawn if drawn < CANCELLED => Fate::Cancelled,
            drawn if drawn < CANCELLED + REVERSED => Fate::Reversed,
            drawn if drawn < CANCELLED + REVERSED + REFUSED => Fate::Refused,
            _ => Fate::Stands,
        };
        Ok(Visit {
            number,
            home: pool(home, dice.below(home.pools.len() as u64))?,
            home_member: home.code,
            treatment: pool(treatment, ward)?,
            treatment_member: treatment.code,
            insurance,
            care,
            total: size(care, &mut dice),
            at: self.instant(number)?,
            fate,
        })
    }

    /// Within a day settlements come evenly, while desks are open.
    fn instant(&self, number: u64) -> Result<Timestamp> {
        let day = self.day_of(number);
        let begun = (day * self.count).div_ceil(self.days);
        let on_the_day = (self.count / self.days).max(1) + 1;
        let micros = (number - begun.min(number)) * OPEN_SECONDS * 1_000_000 / on_the_day;
        let day = self.first_day.checked_add(SignedDuration::from_hours(24 * i64::try_from(day)?))?;
        let opening = beijing::instant_of(day.at(7, 0, 0, 0)).context("a day beyond any calendar")?;
        Ok(opening + SignedDuration::from_micros(i64::try_from(micros)?))
    }

    /// A member with many pools has many people.
    fn home(&self, dice: &mut Dice) -> Result<&Member> {
        weighted(self.members.iter(), |member| 4 + member.pools.len() as u64, dice)
    }

    fn away_from(&self, home: MemberCode, dice: &mut Dice) -> Result<&Member> {
        weighted(self.members.iter().filter(|member| member.code != home), |member| member.draws, dice)
    }
}

fn members_of(regions: &RegionTable, pools: Pools) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let mut rows: Vec<_> = regions.iter().filter(|row| row.pool == Some(PoolCode(row.code))).collect();
    rows.sort_by_key(|row| (row.member, row.code));
    for row in rows {
        match members.last_mut().filter(|last| last.code == row.member) {
            Some(last) if pools == Pools::All => last.pools.push(PoolCode(row.code)),
            Some(_) => {}
            None => {
                let destination = DESTINATIONS.iter().find(|(code, _)| *code == row.member.0.as_str());
                let draws = destination.map_or(1, |(_, draws)| *draws);
                members.push(Member { code: row.member, pools: vec![PoolCode(row.code)], draws });
            }
        }
    }
    // So that a few members are those that matter.
    members.sort_by_key(|member| std::cmp::Reverse(member.draws));
    members
}

fn weighted<'m>(
    members: impl Iterator<Item = &'m Member> + Clone,
    weight: impl Fn(&Member) -> u64,
    dice: &mut Dice,
) -> Result<&'m Member> {
    let mut left = dice.below(members.clone().map(&weight).sum());
    for member in members {
        match left.checked_sub(weight(member)) {
            Some(rest) => left = rest,
            None => return Ok(member),
        }
    }
    anyhow::bail!("there is no member to choose from")
}

fn pool(member: &Member, index: u64) -> Result<PoolCode> {
    member.pools.get(usize::try_from(index)?).copied().context("a member has no such pool")
}

/// Of a thousand. Only employees have accounts to buy from.
fn employees(care: CareKind) -> u64 {
    match care {
        CareKind::Inpatient => 420,
        CareKind::Chronic => 650,
        CareKind::Outpatient => 700,
        CareKind::Purchase => 1_000,
    }
}

/// The charge. Nine in ten are of middling size, one in ten is several times as large.
fn size(care: CareKind, dice: &mut Dice) -> Money {
    let mean_fen = match care {
        CareKind::Inpatient => 2_200_000,
        CareKind::Chronic => 90_000,
        CareKind::Outpatient => 30_000,
        CareKind::Purchase => 12_000,
    };
    let per_mille = if dice.below(10) < 9 { 200 + dice.below(1_000) } else { 1_200 + dice.below(5_000) };
    Money::from_fen(i64::try_from(mean_fen * per_mille / 1_000).unwrap_or(mean_fen.cast_signed()))
}

/// Draws that a seed and a number decide: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn of(seed: u64, number: u64) -> Dice {
        let mut dice = Dice(seed.rotate_left(32) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.draw();
        dice
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;

    use super::*;

    fn shape(members: usize, pools: Pools) -> Shape {
        let regions = RegionTable::from_csv(include_str!("../../../deploy/regions.csv")).expect("a table");
        Shape::new(&regions, (members, pools), (20_000, 1), (date(2025, 6, 1), 30)).expect("a shape")
    }

    #[test]
    fn the_kinds_of_care_come_as_the_yearly_figures_have_them() {
        let shape = shape(32, Pools::All);
        let mut kinds: BTreeMap<CareKind, u64> = BTreeMap::new();
        let (mut pairs, mut within) = (std::collections::BTreeSet::new(), 0);
        for number in 0..shape.count() {
            let visit = shape.visit(number).expect("a visit");
            *kinds.entry(visit.care).or_default() += 1;
            within += u64::from(visit.home_member == visit.treatment_member);
            pairs.insert((visit.home_member, visit.treatment_member));
            assert!(visit.care != CareKind::Purchase || visit.insurance == Insurance::Employee);
        }
        assert!((850..1_150).contains(&kinds[&CareKind::Inpatient]), "{kinds:?}");
        assert!((4_700..5_300).contains(&kinds[&CareKind::Purchase]), "{kinds:?}");
        assert!((200..600).contains(&within), "{within}");
        assert!(pairs.len() > 900, "{} pairs", pairs.len());
    }

    #[test]
    fn settlements_come_in_the_order_of_their_numbers_within_the_month() {
        let shape = shape(5, Pools::Capital);
        let mut before = Timestamp::MIN;
        for number in 0..shape.count() {
            let visit = shape.visit(number).expect("a visit");
            assert!(visit.at > before, "{number}");
            before = visit.at;
            let day = beijing::day_of(visit.at);
            assert!((date(2025, 6, 1)..=date(2025, 6, 30)).contains(&day), "{day}");
        }
        assert_eq!(beijing::day_of(before), date(2025, 6, 30));
    }

    #[test]
    fn another_seed_is_another_month() {
        let regions = RegionTable::from_csv(include_str!("../../../deploy/regions.csv")).expect("a table");
        let total = |seed| {
            let shape = Shape::new(&regions, (5, Pools::All), (100, seed), (date(2025, 6, 1), 30)).expect("a shape");
            (0..100).map(|number| shape.visit(number).expect("a visit").total).sum::<Money>()
        };
        assert_eq!(total(1), total(1));
        assert_ne!(total(1), total(2));
    }

    #[test]
    fn fewer_than_two_members_or_more_than_there_are_cannot_clear() {
        let regions = RegionTable::from_csv(include_str!("../../../deploy/regions.csv")).expect("a table");
        for members in [0, 1, 99] {
            assert!(Shape::new(&regions, (members, Pools::All), (10, 1), (date(2025, 6, 1), 30)).is_err());
        }
    }
}
