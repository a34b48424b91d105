//! Latencies of a deployment, and which deployments are as good as the fastest.

/// An integer or a float of Python's, as far as both are exact in a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Within `EXACT`.
    Int(i64),
    /// Any.
    Float(f64),
}

/// Integers up to this are exact in a float, and so is the sum of two.
pub const EXACT: i64 = 1 << 52;

impl Number {
    /// As a float; exact.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "integers are within EXACT")]
    pub fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// `sum(samples) / len(samples)` as CPython adds before 3.12.
pub struct Average {
    total: Number,
    samples: i64,
}

impl Default for Average {
    fn default() -> Self {
        Self {
            total: Number::Int(0),
            samples: 0,
        }
    }
}

impl Average {
    /// `None`: integers too large for this.
    #[must_use]
    pub fn with(self, sample: Number) -> Option<Self> {
        let total = match (self.total, sample) {
            (Number::Int(total), Number::Int(sample)) => Number::Int(
                total
                    .checked_add(sample)
                    .filter(|sum| (-EXACT..=EXACT).contains(sum))?,
            ),
            (total, sample) => Number::Float(total.float() + sample.float()),
        };
        Some(Self {
            total,
            samples: self.samples + 1,
        })
    }

    /// 0.0 of nothing.
    #[must_use]
    pub fn get(&self) -> f64 {
        if self.samples == 0 {
            return 0.0;
        }
        self.total.float() / Number::Int(self.samples).float()
    }
}

/// Which of the samples is the percentile: the place in the list, not in the sorted one. `None`: NaN among them, or
/// no such place.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list that fits into memory; a place before the first is refused"
)]
pub fn percentile(samples: &[f64], percentile: f64) -> Option<usize> {
    if samples.iter().any(|sample| sample.is_nan()) {
        return None;
    }
    let rank = (samples.len() as f64 * percentile).ceil() - 1.0;
    if rank.is_nan() || rank < 0.0 {
        return None;
    }
    let mut places: Vec<(f64, usize)> = samples.iter().copied().zip(0..).collect();
    places.sort_by(|(one, _), (other, _)| {
        one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal)
    });
    places.get(rank as usize).map(|(_, place)| *place)
}

/// Up to which latency a deployment is as good as the fastest. `None`: there is no fastest, for one is NaN, or not even
/// the fastest is as good.
#[must_use]
pub fn threshold(latencies: impl Iterator<Item = f64>, buffer: f64) -> Option<f64> {
    let mut lowest = f64::INFINITY;
    for latency in latencies {
        if latency.is_nan() {
            return None;
        }
        lowest = lowest.min(latency);
    }
    let threshold = lowest + buffer * lowest;
    (lowest <= threshold).then_some(threshold)
}
