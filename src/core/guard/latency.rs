//! A latency histogram that any thread may add to without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each power of two is cut into this many buckets, so that a quantile is off by 1/16 at most.
const STEPS: u64 = 8;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Enough for every `u64`.
const BUCKETS: usize = 62 * 8;

/// Counts durations in buckets that are an eighth of their power of two wide.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

/// What a histogram holds. All zero when it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Durations recorded.
    pub count: u64,
    /// Half of them took no longer, within 1/16.
    pub p50_ns: u64,
    /// 99 of 100 took no longer, within 1/16.
    pub p99_ns: u64,
    /// Their mean, exact.
    pub mean_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            sum_ns: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Adds one duration.
    pub fn record(&self, duration_ns: u64) {
        if let Some(bucket) = self.buckets.get(index(duration_ns)) {
            bucket.fetch_add(1, Ordering::Relaxed);
            self.sum_ns.fetch_add(duration_ns, Ordering::Relaxed);
        }
    }

    /// What was recorded; durations that are added meanwhile may be in it or not.
    #[must_use]
    pub fn latency(&self) -> Latency {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .collect();
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return Latency::default();
        }
        Latency {
            count,
            p50_ns: quantile(&counts, count.div_ceil(2)),
            p99_ns: quantile(&counts, count - count / 100),
            mean_ns: self.sum_ns.load(Ordering::Relaxed) / count,
        }
    }
}

/// The middle of the bucket that holds the `rank`-th smallest duration, counted from 1.
fn quantile(counts: &[u64], rank: u64) -> u64 {
    let mut seen = 0;
    let index = counts.iter().position(|count| {
        seen += count;
        seen >= rank
    });
    index.map_or(0, middle_ns)
}

/// Below [`STEPS`] each nanosecond is a bucket; above, the three bits after the leading one choose the step.
fn index(duration_ns: u64) -> usize {
    let shift = (64 - STEP_BITS - 1).saturating_sub(duration_ns.leading_zeros());
    let steps = u64::from(shift) * STEPS + (duration_ns >> shift);
    usize::try_from(steps).unwrap_or(usize::MAX)
}

fn middle_ns(index: usize) -> u64 {
    let index = index as u64;
    let shift = (index / STEPS).saturating_sub(1);
    let low = (index - shift * STEPS) << shift;
    low + (1 << shift) / 2
}
