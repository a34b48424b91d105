//! The note that a call carries from its admission to its outcome, in one non-negative 63-bit number.
//!
//! Bits from the lowest: path (2), trial (1), breaker epoch (12), start in nanoseconds (48). Start and epoch are
//! the low bits of the real values: both are read back relative to "now", which is right for calls of less than
//! 78 hours during which the breaker opened less than 4,096 times.

const PATH_BITS: u32 = 2;
const TRIAL_BIT: u64 = 1 << PATH_BITS;
const EPOCH_SHIFT: u32 = PATH_BITS + 1;
const EPOCH_MASK: u64 = (1 << 12) - 1;
const START_SHIFT: u32 = EPOCH_SHIFT + 12;
const START_MASK: u64 = (1 << 48) - 1;

/// The bits of a packed ticket that hold its [`Path`].
pub const PATH_MASK: u64 = (1 << PATH_BITS) - 1;

/// Which way a call goes. The discriminant is the value of the [`PATH_MASK`] bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Answered natively.
    Native = 0,
    /// Answered natively and compared with Python, which wins a difference.
    Verify = 1,
    /// Answered by Python and compared with native.
    Shadow = 2,
    /// Answered by Python; the reason is tallied already.
    Python = 3,
}

/// One admitted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    /// A ticket for a call that starts at `now_ns`; `trial`: it holds one of the breaker's trial slots.
    #[must_use]
    pub const fn new(path: Path, trial: bool, epoch: u64, now_ns: u64) -> Self {
        let trial = if trial { TRIAL_BIT } else { 0 };
        Self(
            path as u64
                | trial
                | (epoch & EPOCH_MASK) << EPOCH_SHIFT
                | (now_ns & START_MASK) << START_SHIFT,
        )
    }

    /// The ticket as a number in `0..2^63`.
    #[must_use]
    pub const fn pack(self) -> i64 {
        self.0.cast_signed()
    }

    /// The ticket that [`Self::pack`] made into `packed`; `None` for a negative number.
    #[must_use]
    pub const fn unpack(packed: i64) -> Option<Self> {
        if packed < 0 {
            None
        } else {
            Some(Self(packed.cast_unsigned()))
        }
    }

    /// Which way the call goes.
    #[must_use]
    pub const fn path(self) -> Path {
        match self.0 & PATH_MASK {
            0 => Path::Native,
            1 => Path::Verify,
            2 => Path::Shadow,
            _ => Path::Python,
        }
    }

    /// Whether the call is one of a half-open breaker's trials.
    #[must_use]
    pub const fn is_trial(self) -> bool {
        self.0 & TRIAL_BIT != 0
    }

    /// The breaker's epoch at admission, given its epoch now.
    #[must_use]
    pub const fn epoch(self, current: u64) -> u64 {
        current.saturating_sub(current.wrapping_sub(self.0 >> EPOCH_SHIFT) & EPOCH_MASK)
    }

    /// Nanoseconds since admission.
    #[must_use]
    pub const fn elapsed_ns(self, now_ns: u64) -> u64 {
        now_ns.wrapping_sub(self.0 >> START_SHIFT) & START_MASK
    }
}
