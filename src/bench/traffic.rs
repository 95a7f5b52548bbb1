//! Who sends the how manieth operation and whose it is: hospitals, treatment pools and people drawn from its number, so
//! that a book's trees are touched everywhere at once, as in service, and not only where they end. Drawing costs a few
//! nanoseconds, and what a book is filled with is drawn as what is measured.

/// Hospitals that send; each one's operations rise with time.
pub const HOSPITALS: u64 = 400;
/// Treatment sides of all the land, each of which numbers its settlements upwards.
const POOLS: u64 = 350;
/// The share of a circle that goes round it most evenly, as a fraction of 2^64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is drawn for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Which of the hospitals.
    pub hospital: u64,
    /// Which of the treatment pools numbered the settlement.
    pub pool: u64,
    /// Which of the home region's people.
    pub person: u64,
}

/// The draw among so many people.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    people: Shuffle,
}

impl Traffic {
    /// A draw that comes to everybody before it comes to anybody again.
    pub fn among(people: u64) -> Traffic {
        Traffic { people: Shuffle::of(people) }
    }

    /// How many people there are.
    pub fn people(self) -> u64 {
        self.people.count
    }

    /// What is drawn for operation `number`.
    pub fn draw(self, number: u64) -> Drawn {
        let mixed = mix(number);
        Drawn { hospital: mixed % HOSPITALS, pool: (mixed >> 32) % POOLS, person: self.people.at(number) }
    }
}

/// An order of so many things in which neighbours come far apart; after the last it begins again.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle {
    count: u64,
    stride: u64,
}

impl Shuffle {
    /// The order of so many things; at least one, and fewer than 2^32.
    pub fn of(count: u64) -> Shuffle {
        let count = count.max(1);
        let golden = u64::try_from((u128::from(count) * u128::from(GOLDEN)) >> 64).unwrap_or(count);
        let stride = (golden.max(1)..).find(|stride| shared_divisor(*stride, count) == 1).unwrap_or(1);
        Shuffle { count, stride }
    }

    /// Which of them has this place.
    pub fn at(self, place: u64) -> u64 {
        place % self.count * self.stride % self.count
    }
}

fn shared_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { shared_divisor(other, one % other) }
}

/// `SplitMix64`'s mixer.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(GOLDEN);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_drawn_before_anybody_is_drawn_again() {
        for people in [1, 2, 6, 1_000, 9_973] {
            let traffic = Traffic::among(people);
            let drawn: BTreeSet<u64> = (700..700 + people).map(|number| traffic.draw(number).person).collect();
            assert_eq!(drawn, (0..people).collect(), "{people} people");
        }
    }

    #[test]
    fn a_batch_touches_trees_in_many_places() {
        let traffic = Traffic::among(1_000_000);
        let batch: Vec<Drawn> = (5_000_000..5_000_128).map(|number| traffic.draw(number)).collect();
        let different = |part: fn(&Drawn) -> u64| batch.iter().map(part).collect::<BTreeSet<u64>>().len();
        assert!(different(|drawn| drawn.hospital) > 90, "hospitals");
        assert!(different(|drawn| drawn.pool) > 90, "pools");
        // No two people of a batch are neighbours in the tree: a leaf of it holds fewer than 200.
        assert_eq!(different(|drawn| drawn.person / 200), batch.len());
    }
}
