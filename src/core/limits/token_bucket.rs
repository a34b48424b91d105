//! A token bucket: the Generic Cell Rate Algorithm (ITU-T Recommendation I.371, annex A; ATM Forum TM 4.1, 4.4.2).
//!
//! Kept as its "continuous-state leaky bucket", which the recommendation proves equal to virtual scheduling: a debt that
//! is worked off at the limit's rate. The theoretical arrival time is `at_ms + debt / limit`. In units of a token times
//! a millisecond of the window all of it is whole numbers, so that no rounding adds up.
//!
//! A cost above the burst fits an empty bucket alone, and is owed: else a prompt larger than the burst would never fit.

use super::quota::{Quota, Verdict, Window};

/// One key's bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenBucket {
    window_ms: u64,
    /// In tokens times `window_ms`; worked off by `rate` each millisecond.
    debt: u64,
    at_ms: u64,
    /// The limit when the debt was made: a debt ends when it was said to, whatever the limit is now.
    rate: u64,
}

impl TokenBucket {
    fn advanced(self, quota: &Quota, now_ms: u64) -> Self {
        let mut bucket = self;
        if self.window_ms != quota.window_ms || self.at_ms > now_ms.saturating_add(quota.window_ms)
        {
            bucket = Self {
                window_ms: quota.window_ms,
                at_ms: now_ms,
                ..Self::default()
            };
        }
        let at_ms = now_ms.max(bucket.at_ms);
        let passed_ms = at_ms - bucket.at_ms;
        bucket.debt = if passed_ms >= worked_off_in_ms(bucket.rate, bucket.window_ms, bucket.debt) {
            0
        } else {
            bucket
                .debt
                .saturating_sub(passed_ms.saturating_mul(bucket.rate))
        };
        bucket.at_ms = at_ms;
        bucket
    }

    fn owing(self, quota: &Quota, debt: u64) -> Self {
        Self {
            debt,
            rate: quota.limit,
            ..self
        }
    }
}

/// How long a debt takes to be worked off. At a rate of 0 nothing is: a window, as for all that never fits.
fn worked_off_in_ms(rate: u64, window_ms: u64, debt: u64) -> u64 {
    match (debt, rate) {
        (0, _) => 0,
        (_, 0) => window_ms,
        (debt, rate) => debt.div_ceil(rate),
    }
}

impl Window for TokenBucket {
    fn weigh(&self, quota: &Quota, cost: u64, now_ms: u64) -> Verdict {
        let bucket = self.advanced(quota, now_ms);
        let units = |tokens: u64| tokens.saturating_mul(quota.window_ms);
        let wanted = cost.max(1);
        let burst = quota.burst.max(1).min(quota.limit);
        let excess = bucket
            .debt
            .saturating_add(units(wanted))
            .saturating_sub(units(burst.max(wanted)));
        let possible = wanted <= quota.limit;
        let late_ms = bucket.at_ms - now_ms;
        let room = units(burst).saturating_sub(bucket.debt);
        Verdict {
            fits: possible && excess == 0,
            remaining: room.checked_div(quota.window_ms).unwrap_or(0),
            retry_after_ms: match (possible, excess) {
                (false, _) => quota.window_ms,
                (true, 0) => 0,
                (true, excess) => late_ms + worked_off_in_ms(bucket.rate, quota.window_ms, excess),
            },
            reset_after_ms: match bucket.debt {
                0 => 0,
                debt => late_ms + worked_off_in_ms(bucket.rate, quota.window_ms, debt),
            },
            mark: 0,
        }
    }

    fn charge(&mut self, quota: &Quota, cost: u64, now_ms: u64) -> u64 {
        let bucket = self.advanced(quota, now_ms);
        let debt = bucket
            .debt
            .saturating_add(cost.saturating_mul(quota.window_ms));
        *self = bucket.owing(quota, debt);
        self.at_ms
    }

    fn settle(&mut self, quota: &Quota, mark: u64, delta: i64, now_ms: u64) -> bool {
        let bucket = self.advanced(quota, now_ms);
        if mark.saturating_add(quota.window_ms) <= bucket.at_ms || mark > bucket.at_ms {
            return false;
        }
        let units = delta.unsigned_abs().saturating_mul(quota.window_ms);
        // Never below nothing: the theoretical arrival time does not go back beyond now.
        let debt = if delta < 0 {
            bucket.debt.saturating_sub(units)
        } else {
            bucket.debt.saturating_add(units)
        };
        if debt == bucket.debt {
            return false;
        }
        *self = bucket.owing(quota, debt);
        true
    }

    fn expires_ms(&self) -> u64 {
        let free_in_ms = worked_off_in_ms(self.rate, self.window_ms, self.debt);
        self.at_ms.saturating_add(free_in_ms)
    }
}
