//! Byte-pair merging: join the adjacent pair of lowest rank, leftmost first, until none is left.
//!
//! The order is that of tiktoken's `_byte_pair_merge` and of Hugging Face's `Word::merge_all`; only
//! the number of parts that remain is wanted here. Parts form a linked list over the positions of
//! the piece; a part is named by where it starts.

mod large;
mod small;

pub use super::rank_table::NO_RANK;

/// What a vocabulary says of two adjacent parts.
pub trait Pairs {
    /// Rank of joining the part that starts at `left` with the one at `right`, which ends before
    /// `end`; [`NO_RANK`] if they do not join.
    fn rank(&self, left: usize, right: usize, end: usize) -> u32;
    /// The part at `left` was joined with its right neighbour at `rank`.
    fn joined(&mut self, left: usize, rank: u32);
}

/// Number of parts that remain of `length` single ones. `length` is below `u32::MAX`.
pub fn parts_after_merging(length: usize, pairs: &mut impl Pairs) -> usize {
    if length <= small::LIMIT {
        small::merge(length, pairs)
    } else {
        large::merge(length, pairs)
    }
}
