//! Merging by reading every rank for the lowest: no allocation, best for the usual short piece.

use super::{NO_RANK, Pairs};

/// Up to this many parts this beats the heap (measured: English and code here, Chinese above).
pub const LIMIT: usize = 32;

/// Number of parts that remain of `length` single ones, `length` at most [`LIMIT`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "positions are at most LIMIT"
)]
pub fn merge(length: usize, pairs: &mut impl Pairs) -> usize {
    let mut ranks = [NO_RANK; LIMIT];
    let mut previous = [0_u8; LIMIT];
    let mut next = [0_u8; LIMIT];
    let links = previous.iter_mut().zip(next.iter_mut());
    for (at, (rank, (back, forth))) in ranks.iter_mut().zip(links).enumerate().take(length) {
        (*back, *forth) = ((at as u8).wrapping_sub(1), (at + 1) as u8);
        if at + 1 < length {
            *rank = pairs.rank(at, at + 1, at + 2);
        }
    }
    let mut remaining = length;
    loop {
        let mut lowest = NO_RANK;
        let mut at = 0;
        for (index, &rank) in ranks.iter().enumerate().take(length) {
            if rank < lowest {
                (lowest, at) = (rank, index);
            }
        }
        if lowest == NO_RANK {
            return remaining;
        }
        let right = entry(&next, at);
        let after = entry(&next, right);
        let before = entry(&previous, at);
        pairs.joined(at, lowest);
        let mut own_rank = NO_RANK;
        if after < length {
            set(&mut previous, after, at as u8);
            own_rank = pairs.rank(at, after, entry(&next, after));
        }
        set(&mut next, at, after as u8);
        set(&mut ranks, right, NO_RANK);
        set(&mut ranks, at, own_rank);
        if before < at {
            set(&mut ranks, before, pairs.rank(before, at, after));
        }
        remaining -= 1;
    }
}

#[inline]
fn entry(links: &[u8; LIMIT], at: usize) -> usize {
    links.get(at).map_or(usize::MAX, |&to| usize::from(to))
}

#[inline]
fn set<T>(array: &mut [T; LIMIT], at: usize, value: T) {
    if let Some(slot) = array.get_mut(at) {
        *slot = value;
    }
}
