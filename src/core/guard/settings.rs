//! What the operator has set for one feature, readable on every call without a lock.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, TryLockError};

use super::rollout::{Rollout, Share};
use super::tally::Reason;

/// How a feature's native path is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    #[default]
    Off,
    /// Python answers; native runs beside it and is compared.
    Shadow,
    /// Native answers.
    On,
}

impl Mode {
    /// The name in flags and in status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::On => "on",
        }
    }
}

impl FromStr for Mode {
    type Err = SettingsError;

    fn from_str(name: &str) -> Result<Self, SettingsError> {
        [Self::Off, Self::Shadow, Self::On]
            .into_iter()
            .find(|mode| mode.name() == name)
            .ok_or_else(|| SettingsError::Mode(name.to_owned()))
    }
}

/// A setting that is not allowed.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingsError {
    /// No such mode.
    Mode(String),
    /// Not a share: the setting's name and the value given, in percent.
    Share(&'static str, f64),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(name) => write!(
                formatter,
                "mode must be 'off', 'shadow' or 'on', not {name:?}"
            ),
            Self::Share(name, value) => write!(
                formatter,
                "{name} must be a number from 0 to 100 in steps of 0.001, not {value}"
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

/// One feature's settings. The default is off for everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How the native path is used.
    pub mode: Mode,
    /// The units that take part.
    pub percent: Share,
    /// Of the calls that go native, those that are compared with Python.
    pub verify: Share,
    /// Labels that take part whatever the percentage.
    pub include: Vec<String>,
    /// Labels that never take part; they win over `include`.
    pub exclude: Vec<String>,
}

impl Settings {
    /// Settings from the values of a flags file.
    ///
    /// # Errors
    /// Unknown mode, or a percentage that is no [`Share`].
    pub fn parse(
        mode: &str,
        percent: f64,
        verify_percent: f64,
        include: Vec<String>,
        exclude: Vec<String>,
    ) -> Result<Self, SettingsError> {
        let share =
            |name, value| Share::from_percent(value).ok_or(SettingsError::Share(name, value));
        Ok(Self {
            mode: mode.parse()?,
            percent: share("percent", percent)?,
            verify: share("verify_percent", verify_percent)?,
            include,
            exclude,
        })
    }
}

/// The settings' part that a call without targeting needs; fits one atomic word.
#[derive(Clone, Copy)]
struct Dial {
    mode: Mode,
    percent: Share,
    verify: Share,
    targeted: bool,
}

const SHARE_BITS: u32 = 17; // holds 0..=100,000
const SHARE_MASK: u64 = (1 << SHARE_BITS) - 1;
const TARGETED_BIT: u64 = 1 << 2;
const PERCENT_SHIFT: u32 = 3;
const VERIFY_SHIFT: u32 = PERCENT_SHIFT + SHARE_BITS;

impl Dial {
    fn of(settings: &Settings) -> Self {
        Self {
            mode: settings.mode,
            percent: settings.percent,
            verify: settings.verify,
            targeted: !(settings.include.is_empty() && settings.exclude.is_empty()),
        }
    }

    fn pack(self) -> u64 {
        self.mode as u64
            | if self.targeted { TARGETED_BIT } else { 0 }
            | u64::from(self.percent.thousandths()) << PERCENT_SHIFT
            | u64::from(self.verify.thousandths()) << VERIFY_SHIFT
    }

    fn unpack(word: u64) -> Self {
        let share =
            |bits: u64| Share::from_thousandths((bits & SHARE_MASK) as u32).unwrap_or_default();
        Self {
            mode: match word & 3 {
                1 => Mode::Shadow,
                2 => Mode::On,
                _ => Mode::Off,
            },
            percent: share(word >> PERCENT_SHIFT),
            verify: share(word >> VERIFY_SHIFT),
            targeted: word & TARGETED_BIT != 0,
        }
    }
}

/// What the settings say of a call that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Python answers and native is compared; else native answers.
    pub shadow: bool,
    /// The share of native answers to compare.
    pub verify: Share,
}

/// Settings that may be replaced while other threads ask. A call sees the old ones or the new ones, never a mix.
#[derive(Debug, Default)]
pub struct SharedSettings {
    dial: AtomicU64,
    full: RwLock<Settings>,
}

impl SharedSettings {
    /// Puts `settings` in force. Waits for calls that read the lists just now (nanoseconds).
    pub fn replace(&self, settings: Settings) {
        let dial = Dial::of(&settings).pack();
        let mut full = self.full.write().unwrap_or_else(PoisonError::into_inner);
        *full = settings;
        // Inside the lock, so that of two writers the same one wins both places.
        self.dial.store(dial, Ordering::Release);
    }

    /// A copy of the settings in force.
    #[must_use]
    pub fn get(&self) -> Settings {
        self.full
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the mode is off: one atomic load.
    #[must_use]
    pub fn is_off(&self) -> bool {
        Dial::unpack(self.dial.load(Ordering::Acquire)).mode == Mode::Off
    }

    /// The share of answers to compare, if native answers everybody whatever the labels: one atomic load.
    #[must_use]
    pub fn verified_of_all(&self) -> Option<Share> {
        let dial = Dial::unpack(self.dial.load(Ordering::Acquire));
        let all = dial.mode == Mode::On && dial.percent == Share::ALL && !dial.targeted;
        all.then_some(dial.verify)
    }

    /// Whether the call takes part. `labels` are only looked at if there are lists.
    ///
    /// # Errors
    /// The reason why it does not. [`Reason::Busy`]: the lists are being replaced; no call waits for that.
    pub fn choose<L: AsRef<str>>(
        &self,
        rollout: &Rollout,
        unit: u64,
        labels: impl IntoIterator<Item = L>,
    ) -> Result<Choice, Reason> {
        let mut dial = Dial::unpack(self.dial.load(Ordering::Acquire));
        let mut included = false;
        if dial.targeted && dial.mode != Mode::Off {
            let full = match self.full.try_read() {
                Ok(full) => full,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Err(Reason::Busy),
            };
            // From here on the lock's content alone counts: the word may be older than the lists.
            dial = Dial::of(&full);
            for label in labels {
                let is_label = |entry: &String| entry == label.as_ref();
                if full.exclude.iter().any(is_label) {
                    return Err(Reason::Excluded);
                }
                included |= full.include.iter().any(is_label);
            }
        }
        if dial.mode == Mode::Off {
            return Err(Reason::Off);
        }
        if !included && !rollout.admits(dial.percent, unit) {
            return Err(Reason::Percent);
        }
        Ok(Choice {
            shadow: dial.mode == Mode::Shadow,
            verify: dial.verify,
        })
    }
}
