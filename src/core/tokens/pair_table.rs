//! (token, token) to merged token, for tokenizers that list their merges.

/// "These two do not merge."
pub const NO_MERGE: u32 = u32::MAX;

const EMPTY: u64 = u64::MAX;

/// Open addressing, linear probing, at most half full; one word a merge. Token ids are below 65,535.
pub struct PairTable {
    slots: Box<[u64]>,
    mask: usize,
}

impl PairTable {
    /// Builds the table from (left, right, merged).
    pub fn new(merges: &[(u16, u16, u16)]) -> Self {
        let count = (merges.len() * 2).next_power_of_two();
        let mut table = Self {
            slots: vec![EMPTY; count].into_boxed_slice(),
            mask: count - 1,
        };
        for &(left, right, merged) in merges {
            let key = key(left, right);
            let mut at = start(key) & table.mask;
            while table.slots.get(at).is_some_and(|&slot| slot != EMPTY) {
                at = (at + 1) & table.mask;
            }
            if let Some(slot) = table.slots.get_mut(at) {
                *slot = u64::from(key) << 32 | u64::from(merged);
            }
        }
        table
    }

    /// The merged token, or [`NO_MERGE`].
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    pub fn merged(&self, left: u16, right: u16) -> u32 {
        let key = key(left, right);
        let mut at = start(key) & self.mask;
        loop {
            match self.slots.get(at) {
                Some(&slot) if slot != EMPTY => {
                    if (slot >> 32) as u32 == key {
                        return slot as u32;
                    }
                }
                _ => return NO_MERGE,
            }
            at = (at + 1) & self.mask;
        }
    }
}

#[inline]
fn key(left: u16, right: u16) -> u32 {
    u32::from(left) << 16 | u32::from(right)
}

/// Fibonacci hashing (Knuth 6.4).
#[inline]
fn start(key: u32) -> usize {
    (u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}
