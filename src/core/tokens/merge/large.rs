//! Merging with a heap of candidate pairs, for pieces whose every step must not read every part.

use super::{NO_RANK, Pairs};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Clone, Copy)]
struct Part {
    /// Rank of joining this part with the next one.
    rank: u32,
    previous: u32,
    next: u32,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "positions are below u32::MAX"
)]
pub fn merge(length: usize, pairs: &mut impl Pairs) -> usize {
    let rank = |at: usize| {
        if at + 1 < length {
            pairs.rank(at, at + 1, at + 2)
        } else {
            NO_RANK
        }
    };
    let part = |at: usize| Part {
        rank: rank(at),
        previous: at.wrapping_sub(1) as u32,
        next: (at + 1) as u32,
    };
    let mut parts: Vec<Part> = (0..length).map(part).collect();
    let entry = |at: usize, rank: u32| Reverse(u64::from(rank) << 32 | at as u64);
    let ranked = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.rank != NO_RANK);
    let mut heap: BinaryHeap<_> = ranked.map(|(at, part)| entry(at, part.rank)).collect();
    let mut remaining = length;
    while let Some(Reverse(lowest)) = heap.pop() {
        let (rank, at) = ((lowest >> 32) as u32, lowest as u32 as usize);
        // An entry whose part has since been joined, or got another rank, is stale.
        if parts.get(at).is_none_or(|part| part.rank != rank) {
            continue;
        }
        for (changed, rank) in join(&mut parts, pairs, at) {
            if rank != NO_RANK {
                heap.push(entry(changed, rank));
            }
        }
        remaining -= 1;
    }
    remaining
}

/// Joins the part at `at` with its right neighbour; answers the two parts whose ranks changed.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "positions are below u32::MAX"
)]
fn join(parts: &mut [Part], pairs: &mut impl Pairs, at: usize) -> [(usize, u32); 2] {
    let length = parts.len();
    let Some(&Part {
        rank,
        previous,
        next: right,
    }) = parts.get(at)
    else {
        return [(at, NO_RANK); 2];
    };
    pairs.joined(at, rank);
    let mut after = length;
    if let Some(joined) = parts.get_mut(right as usize) {
        after = joined.next as usize;
        joined.rank = NO_RANK;
    }
    let mut own_rank = NO_RANK;
    if let Some(follower) = parts.get_mut(after) {
        follower.previous = at as u32;
        own_rank = pairs.rank(at, after, follower.next as usize);
    }
    if let Some(part) = parts.get_mut(at) {
        part.next = after as u32;
        part.rank = own_rank;
    }
    let before = previous as usize;
    let mut rank_before = NO_RANK;
    if let Some(part) = parts.get_mut(before) {
        rank_before = pairs.rank(before, at, after);
        part.rank = rank_before;
    }
    [(at, own_rank), (before, rank_before)]
}
