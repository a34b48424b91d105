//! Token bytes to rank, laid out for look-ups that miss the cache.
//!
//! Most tokens are short, so a token of up to 7 bytes is its own key in a word, one of up to 15
//! bytes in two words; keys stand apart from ranks, because "is this piece a token" needs no rank.
//! A look-up is exact: keys hold the whole token and its length.

use rustc_hash::FxHashMap;

/// "No such token"; above every rank.
pub const NO_RANK: u32 = u32::MAX;

const SHORT: usize = 7;
const MEDIUM: usize = 15;

/// Bytes to rank; immutable after construction.
pub struct RankTable {
    pairs: Box<[u32; 1 << 16]>,
    short: Level<u64>,
    medium: Level<u128>,
    long: FxHashMap<Box<[u8]>, u32>,
    longest: usize,
}

impl RankTable {
    /// Builds the table from (bytes, rank) entries. Entries of one byte need no place: a counter
    /// asks only for two bytes and more. `None` if an entry repeats.
    pub fn new(entries: &[(&[u8], u32)]) -> Option<Self> {
        let sized = |low: usize, high: usize| {
            entries
                .iter()
                .copied()
                .filter(move |(bytes, _)| (low..=high).contains(&bytes.len()))
        };
        let mut table = Self {
            pairs: vec![NO_RANK; 1 << 16].into_boxed_slice().try_into().ok()?,
            short: Level::with_room_for(sized(3, SHORT).count()),
            medium: Level::with_room_for(sized(SHORT + 1, MEDIUM).count()),
            long: FxHashMap::default(),
            longest: 0,
        };
        for (bytes, rank) in sized(2, usize::MAX) {
            table.longest = table.longest.max(bytes.len());
            let fresh = match bytes {
                [first, second] => {
                    let slot = pair_entry_mut(&mut table.pairs, *first, *second);
                    std::mem::replace(slot, rank) == NO_RANK
                }
                _ if bytes.len() <= SHORT => table.short.insert(short_key(bytes), rank),
                _ if bytes.len() <= MEDIUM => table.medium.insert(medium_key(bytes), rank),
                _ => table.long.insert(bytes.into(), rank).is_none(),
            };
            if !fresh || rank == NO_RANK {
                return None;
            }
        }
        Some(table)
    }

    /// The rank of a two-byte token.
    #[inline]
    pub fn pair_rank(&self, first: u8, second: u8) -> u32 {
        pair_entry(&self.pairs, first, second)
    }

    /// The rank of `bytes` (two or more), or [`NO_RANK`].
    #[inline]
    pub fn rank(&self, bytes: &[u8]) -> u32 {
        match bytes {
            [] | [_] => NO_RANK,
            [first, second] => self.pair_rank(*first, *second),
            _ if bytes.len() <= SHORT => self.short.rank(short_key(bytes)),
            _ if bytes.len() <= MEDIUM => self.medium.rank(medium_key(bytes)),
            _ if bytes.len() <= self.longest => self.long.get(bytes).copied().unwrap_or(NO_RANK),
            _ => NO_RANK,
        }
    }

    /// Whether `bytes` (two or more) are a token; touches keys only.
    #[inline]
    pub fn contains(&self, bytes: &[u8]) -> bool {
        match bytes.len() {
            3..=SHORT => self.short.find(short_key(bytes)).is_some(),
            8..=MEDIUM => self.medium.find(medium_key(bytes)).is_some(),
            _ => self.rank(bytes) != NO_RANK,
        }
    }
}

#[inline]
#[expect(
    clippy::indexing_slicing,
    reason = "a u16 cannot reach past 65,536 entries"
)]
fn pair_entry(pairs: &[u32; 1 << 16], first: u8, second: u8) -> u32 {
    pairs[usize::from(u16::from_be_bytes([first, second]))]
}

#[inline]
#[expect(
    clippy::indexing_slicing,
    reason = "a u16 cannot reach past 65,536 entries"
)]
fn pair_entry_mut(pairs: &mut [u32; 1 << 16], first: u8, second: u8) -> &mut u32 {
    &mut pairs[usize::from(u16::from_be_bytes([first, second]))]
}

/// 3 to 7 bytes and their number in one word. The two halves may overlap; where they do, they agree.
#[inline]
fn short_key(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let packed = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
        (Some(head), Some(tail), _) => {
            u64::from(u32::from_le_bytes(*head))
                | u64::from(u32::from_le_bytes(*tail)) << (8 * (length - 4))
        }
        (_, _, [first, second, third]) => {
            u64::from(u32::from_le_bytes([*first, *second, *third, 0]))
        }
        _ => 0,
    };
    packed | (length as u64) << 56
}

/// 8 to 15 bytes and their number in two words.
#[inline]
fn medium_key(bytes: &[u8]) -> u128 {
    let length = bytes.len();
    let packed = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(head), Some(tail)) => {
            u128::from(u64::from_le_bytes(*head))
                | u128::from(u64::from_le_bytes(*tail)) << (8 * (length - 8))
        }
        _ => 0,
    };
    packed | (length as u128) << 120
}

/// A key that knows where to start looking; zero is never a key, for a key holds its length.
trait Key: Copy + Eq + Default {
    fn start(self) -> usize;
}

impl Key for u64 {
    #[inline]
    fn start(self) -> usize {
        // Fibonacci hashing (Knuth 6.4) with the high bits folded in.
        let mixed = self.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ (mixed >> 32)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 24) as usize
    }
}

impl Key for u128 {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
    fn start(self) -> usize {
        (self as u64 ^ ((self >> 64) as u64).rotate_left(29)).start()
    }
}

/// Open addressing, linear probing, at most half full.
struct Level<K> {
    keys: Box<[K]>,
    ranks: Box<[u32]>,
    mask: usize,
}

impl<K: Key> Level<K> {
    fn with_room_for(entries: usize) -> Self {
        let slots = (entries * 2).next_power_of_two();
        Self {
            keys: vec![K::default(); slots].into_boxed_slice(),
            ranks: vec![NO_RANK; slots].into_boxed_slice(),
            mask: slots - 1,
        }
    }

    /// False if the key was there already.
    fn insert(&mut self, key: K, rank: u32) -> bool {
        let mut at = key.start() & self.mask;
        while let Some(&held) = self.keys.get(at) {
            if held == key {
                return false;
            }
            if held == K::default() {
                break;
            }
            at = (at + 1) & self.mask;
        }
        if let (Some(slot), Some(value)) = (self.keys.get_mut(at), self.ranks.get_mut(at)) {
            (*slot, *value) = (key, rank);
        }
        true
    }

    #[inline]
    fn find(&self, key: K) -> Option<usize> {
        let mut at = key.start() & self.mask;
        loop {
            let held = *self.keys.get(at)?;
            if held == key {
                return Some(at);
            }
            if held == K::default() {
                return None;
            }
            at = (at + 1) & self.mask;
        }
    }

    #[inline]
    fn rank(&self, key: K) -> u32 {
        self.find(key)
            .and_then(|at| self.ranks.get(at).copied())
            .unwrap_or(NO_RANK)
    }
}
