//! How much longer than planned a run may take, to measure again what does not count.

use std::time::Duration;

/// The time that is left for it.
#[derive(Debug)]
pub struct Spare(Duration);

impl Spare {
    /// So much of it.
    pub fn of(time: Duration) -> Spare {
        Spare(time)
    }

    /// Takes what something lasts; false where there is not enough left.
    pub fn take(&mut self, time: Duration) -> bool {
        match self.0.checked_sub(time) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is() {
        let mut spare = Spare::of(Duration::from_secs(25));
        let taken: Vec<bool> = (0..3).map(|_| spare.take(Duration::from_secs(10))).collect();
        assert_eq!(taken, [true, true, false]);
        assert!(spare.take(Duration::from_secs(5)), "what is left is there for something shorter");
    }
}
