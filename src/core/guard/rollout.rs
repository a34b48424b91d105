//! Who takes part: shares in thousandths of a percent, and each unit's fixed place among them.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Buckets that a feature's units fall into, one per thousandth of a percent.
pub const BUCKETS: u32 = 100_000;

/// Salts the verify sample, so that it is no subset of the low rollout buckets.
const VERIFY_SALT: &[u8] = b"verify";

/// A share of all units, in steps of 0.001 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// No unit.
    pub const NONE: Self = Self(0);
    /// Every unit.
    pub const ALL: Self = Self(BUCKETS);

    /// A share of `thousandths` of a percent; `None` above 100,000.
    #[must_use]
    pub const fn from_thousandths(thousandths: u32) -> Option<Self> {
        if thousandths <= BUCKETS {
            Some(Self(thousandths))
        } else {
            None
        }
    }

    /// A share of `percent`; `None` outside 0..=100 and for anything finer than 0.001.
    ///
    /// Finer values are refused, not rounded: 0.0004 would silently become nobody, 99.9996 everybody.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        let thousandths = (percent * 1000.0).round();
        if !(0.0..=100.0).contains(&percent) || (percent * 1000.0 - thousandths).abs() > 1e-6 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in 0..=100,000, checked above"
        )]
        Self::from_thousandths(thousandths as u32)
    }

    /// In percent, 0.0..=100.0.
    #[must_use]
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// In thousandths of a percent, 0..=100,000.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Whether it is nobody.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether the bucket is inside; the bucket is not computed at 0 % and 100 %.
    fn holds(self, bucket: impl FnOnce() -> u32) -> bool {
        match self {
            Self::NONE => false,
            Self::ALL => true,
            Self(limit) => bucket() < limit,
        }
    }
}

/// Places the units of one feature. Equal seed and feature place them equally in every process.
#[derive(Clone, Copy, Debug)]
pub struct Rollout {
    seed: u64,
    verify_seed: u64,
}

impl Rollout {
    /// The places that `seed` gives to the units of `feature`.
    #[must_use]
    pub fn new(seed: u64, feature: &str) -> Self {
        // The feature salts the seed: else the same units would be first in every feature's rollout.
        let seed = xxh3_64_with_seed(feature.as_bytes(), seed);
        Self {
            seed,
            verify_seed: xxh3_64_with_seed(VERIFY_SALT, seed),
        }
    }

    /// The unit's bucket in `0..BUCKETS`: it takes part when its bucket is below the share, so a growing share
    /// keeps everybody who is in.
    #[must_use]
    pub fn bucket(&self, unit: u64) -> u32 {
        bucket(self.seed, unit)
    }

    /// Whether `share` of the units includes this one.
    #[must_use]
    pub fn admits(&self, share: Share, unit: u64) -> bool {
        share.holds(|| self.bucket(unit))
    }

    /// Whether `share` of the calls includes this one; independent of [`Self::admits`].
    #[must_use]
    pub fn verifies(&self, share: Share, call: u64) -> bool {
        share.holds(|| bucket(self.verify_seed, call))
    }
}

fn bucket(seed: u64, unit: u64) -> u32 {
    let hash = xxh3_64_with_seed(&unit.to_le_bytes(), seed);
    #[expect(clippy::cast_possible_truncation, reason = "below BUCKETS, a u32")]
    let bucket = (hash % u64::from(BUCKETS)) as u32;
    bucket
}
