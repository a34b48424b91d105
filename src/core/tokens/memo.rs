//! Counts of texts that were counted before: a growing chat is the same texts again and again.
//!
//! No text is kept, only a 128-bit hash of it under a random key (`HighwayHash`, a keyed pseudo-random function by
//! Alakuijala, Cox and Wassenberg, 2017), so that nobody outside can make two texts meet. A slot is written without a
//! lock: both halves of the hash are stored combined with the count (the "lockless hashing" of Hyatt and Mann, 2002),
//! so what two threads wrote into each other is recognised as nobody's.

use highway::{HighwayHash, HighwayHasher, Key};
use std::sync::atomic::{AtomicU64, Ordering};

/// Shorter texts, in bytes, are counted faster than they are looked up.
pub const SHORTEST: usize = 48;

/// Bytes of one remembered count.
pub const SLOT_BYTES: usize = size_of::<Slot>();

/// A text's name in the memo, under one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    low: u64,
    high: u64,
}

impl Fingerprint {
    /// A number that is the same for the same text under the same counter, in this memo only.
    #[must_use]
    pub fn unit(self) -> u64 {
        self.low
    }
}

#[derive(Default)]
struct Slot {
    low: AtomicU64,
    high: AtomicU64,
    count: AtomicU64,
}

impl Slot {
    fn get(&self, of: Fingerprint) -> Option<u64> {
        let count = self.count.load(Ordering::Relaxed);
        let low = self.low.load(Ordering::Relaxed) ^ count;
        let high = self.high.load(Ordering::Relaxed) ^ count.rotate_left(32);
        (of == Fingerprint { low, high }).then_some(count)
    }

    fn set(&self, of: Fingerprint, count: u64) {
        self.low.store(of.low ^ count, Ordering::Relaxed);
        self.high
            .store(of.high ^ count.rotate_left(32), Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
    }

    fn copy_from(&self, other: &Self) {
        for (to, from) in [
            (&self.low, &other.low),
            (&self.high, &other.high),
            (&self.count, &other.count),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// Gives texts their names under one counter.
pub struct Naming {
    salted: HighwayHasher,
}

impl Naming {
    /// The name of `text`.
    #[must_use]
    pub fn fingerprint(&self, text: &str) -> Fingerprint {
        let mut hasher = self.salted.clone();
        hasher.append(text.as_bytes());
        let [low, high] = hasher.finalize128();
        Fingerprint { low, high }
    }
}

/// A bounded table; constant memory. Thread-safe, never waits.
pub struct Memo {
    key: [u64; 4],
    /// Pairs: the newer count first, the one that it displaced second.
    slots: Box<[[Slot; 2]]>,
}

impl Memo {
    /// A memo of `pairs` times two counts, rounded up to a power of two. `key` must be random and kept secret.
    #[must_use]
    pub fn new(key: [u64; 4], pairs: usize) -> Self {
        let slots = std::iter::repeat_with(Default::default).take(pairs.next_power_of_two());
        Self {
            key,
            slots: slots.collect(),
        }
    }

    /// Names texts as counted by the counter that `salt` stands for.
    ///
    /// The salt is hashed with the text: only because all the bits of two names are unrelated, those of one counter
    /// and another included, is a slot that two threads wrote into recognised.
    #[must_use]
    pub fn naming(&self, salt: u64) -> Naming {
        // A whole packet of the hash, so that what follows need not be moved.
        let packet = [salt, 0, 0, 0].map(u64::to_le_bytes);
        let mut salted = HighwayHasher::new(Key(self.key));
        salted.append(packet.as_flattened());
        Naming { salted }
    }

    /// The count, if it is remembered.
    #[must_use]
    pub fn get(&self, of: Fingerprint) -> Option<u64> {
        let [first, second] = self.pair(of)?;
        first.get(of).or_else(|| second.get(of))
    }

    /// Remembers a count; of three texts that fall on one pair the oldest is forgotten.
    pub fn put(&self, of: Fingerprint, count: u64) {
        if let Some([first, second]) = self.pair(of) {
            // A count that is put again must not push out its neighbour.
            if first.get(of).is_none() {
                second.copy_from(first);
            }
            first.set(of, count);
        }
    }

    /// Memory of the table.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.len() * 2 * SLOT_BYTES
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
    fn pair(&self, of: Fingerprint) -> Option<&[Slot; 2]> {
        self.slots.get(of.low as usize & (self.slots.len() - 1))
    }
}
