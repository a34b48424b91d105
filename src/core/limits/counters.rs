//! What the limiters need of a cache, with or without Python around it.

use super::cell::Number;
use super::slots::Slots;

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// Nothing, or something that had expired.
    Missing,
    /// A number.
    Number(Number),
    /// The slots of a gauge.
    Slots,
    /// What native code leaves to LiteLLM.
    Other,
}

impl Reading {
    /// Whether native code may go on with it as a number.
    #[must_use]
    pub fn is_countable(self) -> bool {
        match self {
            Self::Missing => true,
            Self::Number(number) => number.int().is_some_and(is_small),
            Self::Slots | Self::Other => false,
        }
    }

    /// The number as Python's `int` makes it.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        match self {
            Self::Number(number) => number.int(),
            _ => None,
        }
    }
}

/// Greater numbers are LiteLLM's, whose integers have no end.
pub const LARGE: i64 = 1 << 52;

/// Whether native code may reckon with a number.
#[must_use]
pub fn is_small(number: i64) -> bool {
    // The smallest number there is has no absolute value of its own kind.
    number.unsigned_abs() < LARGE.unsigned_abs()
}

/// A cache as the limiters use it: `get_cache` and `set_cache` of LiteLLM's `InMemoryCache`, at one moment.
pub trait Counters {
    /// `get_cache`: what has expired is taken out.
    fn read(&mut self, key: &str) -> Reading;

    /// `set_cache`: makes room first, and never replaces an expiry time that has not passed.
    fn write(&mut self, key: &str, value: Number, ttl_s: f64);

    /// Looks at the slots under a key for which [`Self::read`] said that they are there.
    fn slots<T>(&mut self, key: &str, look: impl FnOnce(&mut Slots) -> T) -> Option<T>;

    /// `set_cache` of the same slots after a change. Taken out meanwhile, so that making room can't lose them.
    fn write_slots(&mut self, key: &str, ttl_s: f64, change: impl FnOnce(&mut Slots));
}
