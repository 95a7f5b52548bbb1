//! A set of places of the hub's book in few bytes: each as its distance from the one before, in groups of seven bits, the
//! lowest first, all but the last of a number with their first bit set. Neighbours in a day are near each other, so most
//! take two or three bytes. Called by [`super::breaks`] for what a certificate is about.

use super::Position;

const GROUP: u32 = 7;
const MORE: u8 = 1 << GROUP;

/// Writes places, whatever their order; one that is there twice is written once.
pub(super) fn write(positions: &[Position]) -> Vec<u8> {
    let mut numbers: Vec<u64> = positions.iter().map(|position| position.0.cast_unsigned()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (mut written, mut before) = (Vec::with_capacity(2 * numbers.len()), 0);
    for number in numbers {
        let mut rest = number - before;
        while rest >= u64::from(MORE) {
            written.push(rest.to_le_bytes()[0] | MORE);
            rest >>= GROUP;
        }
        written.push(rest.to_le_bytes()[0]);
        before = number;
    }
    written
}

/// Reads them back, in order; none where the bytes are no such set.
pub(super) fn read(written: &[u8]) -> Option<Vec<Position>> {
    let (mut positions, mut before) = (Vec::new(), 0_u64);
    for number in written.split_inclusive(|byte| byte & MORE == 0) {
        if number.last().is_none_or(|last| last & MORE != 0) {
            return None;
        }
        let mut distance = 0_u64;
        for byte in number.iter().rev() {
            let group = u64::from(byte & !MORE);
            distance = distance.checked_mul(MORE.into())?.checked_add(group)?;
        }
        before = before.checked_add(distance)?;
        positions.push(Position(before.cast_signed()));
    }
    Some(positions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::first_place;

    #[test]
    fn places_read_back_in_order_from_a_few_bytes_each() {
        let near = (1..=100).map(|number| first_place(7) + number * 300);
        let far = [first_place(9) + 1, first_place(12) + 127, first_place(12) + 128, i64::MAX];
        let all: Vec<Position> = near.chain(far).map(Position).collect();
        let written = write(&all.iter().rev().chain(&all[..3]).copied().collect::<Vec<_>>());
        assert_eq!(read(&written), Some(all));
        assert!(written.len() < 250, "{}", written.len());
        assert_eq!((write(&[]), read(&[])), (Vec::new(), Some(Vec::new())));
    }

    #[test]
    fn bytes_that_end_within_a_number_or_make_none_do_not_read() {
        for bytes in [&[0x01, 0x80][..], &[0xff; 12], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
