//! One value of the cache.

use super::slots::Slots;

/// A number as the limiters keep it: native, so that it can be read and changed without Python.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An `int` that fits.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// A `str` of an integer in its canonical form, which a look-up reads as that `int`.
    Digits(i64),
    /// The same as `bytes`, as Redis gives it.
    Bytes(i64),
}

impl Number {
    /// What Python's `int(…)` makes of it; `None` where that raises or does not fit.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        match self {
            Self::Int(value) | Self::Digits(value) | Self::Bytes(value) => Some(value),
            // From 2^63 on a float does not fit; below, it is cut off at the point as Python does.
            #[expect(clippy::cast_possible_truncation, reason = "the range was judged")]
            Self::Float(value) if value.abs() < 9.2e18 => Some(value as i64),
            Self::Float(_) => None,
        }
    }

    /// `(self or 0) + more` as Python adds; `None` where the sum is no number of ours.
    #[must_use]
    pub fn plus(self, more: Self) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "Python rounds the same way")]
        let float = |number| match number {
            Self::Int(value) | Self::Digits(value) | Self::Bytes(value) => value as f64,
            Self::Float(value) => value,
        };
        match (self, more) {
            (_, Self::Digits(_) | Self::Bytes(_)) => None,
            // Python's `0.0 or 0` is the integer.
            (Self::Float(0.0), more) => Self::Int(0).plus(more),
            (Self::Int(value) | Self::Digits(value) | Self::Bytes(value), Self::Int(more)) => {
                value.checked_add(more).map(Self::Int)
            }
            (value, more) => Some(Self::Float(float(value) + float(more))),
        }
    }
}

/// A value: a number, the slots of a gauge, or whatever else a caller keeps.
#[derive(Debug)]
pub enum Cell<V> {
    /// A number.
    Number(Number),
    /// Slots in flight, a `dict` of slot and time to Python.
    Slots(Box<Slots>),
    /// Anything else.
    Object(V),
}

/// The integer that a text is the canonical form of (`-12`, not `+12`, `012` or `-0`); at most 18 digits.
#[must_use]
pub fn canonical_digits(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < 18 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}
