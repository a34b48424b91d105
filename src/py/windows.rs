//! The windows of limits, as Python's engines use them. The lock is held for microseconds, and never while Python runs.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::core::limits::admission::{Check, Limits};
use crate::core::limits::quota::{Quota, Verdict};
use crate::core::limits::sliding::Sliding;
use crate::core::limits::token_bucket::TokenBucket;

/// Key, limit, window in milliseconds, burst, cost.
type Asked = (String, u64, u64, u64, u64);
/// Key, limit, window in milliseconds, mark, delta.
type Correction = (String, u64, u64, Option<u64>, i64);
/// Fits, remaining, retry after, reset after (milliseconds), mark.
type Answer = (bool, u64, u64, u64, u64);

enum Algorithm {
    Sliding(Limits<Sliding>),
    Bucket(Limits<TokenBucket>),
}

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Windows(Mutex<Algorithm>);

fn checks(asked: &[Asked]) -> Vec<Check<'_>> {
    asked
        .iter()
        .map(|(key, limit, window_ms, burst, cost)| Check {
            key,
            quota: Quota {
                limit: *limit,
                window_ms: *window_ms,
                burst: *burst,
            },
            cost: *cost,
        })
        .collect()
}

fn answers(verdicts: Vec<Verdict>) -> Vec<Answer> {
    verdicts
        .into_iter()
        .map(|verdict| {
            (
                verdict.fits,
                verdict.remaining,
                verdict.retry_after_ms,
                verdict.reset_after_ms,
                verdict.mark,
            )
        })
        .collect()
}

#[pymethods]
impl Windows {
    #[new]
    fn new(algorithm: &str, capacity: usize) -> PyResult<Self> {
        let made = match algorithm {
            "sliding" => Algorithm::Sliding(Limits::new(capacity)),
            "bucket" => Algorithm::Bucket(Limits::new(capacity)),
            _ => {
                return Err(PyValueError::new_err(
                    "algorithm must be 'sliding' or 'bucket'",
                ));
            }
        };
        Ok(Self(Mutex::new(made)))
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn weigh(&self, now_ms: u64, checks: Vec<Asked>) -> Vec<Answer> {
        let checks = self::checks(&checks);
        let algorithm = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers(match &*algorithm {
            Algorithm::Sliding(limits) => limits.weigh(&checks, now_ms),
            Algorithm::Bucket(limits) => limits.weigh(&checks, now_ms),
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn admit(&self, now_ms: u64, checks: Vec<Asked>) -> Vec<Answer> {
        let checks = self::checks(&checks);
        let mut algorithm = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers(match &mut *algorithm {
            Algorithm::Sliding(limits) => limits.admit(&checks, now_ms),
            Algorithm::Bucket(limits) => limits.admit(&checks, now_ms),
        })
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn settle(&self, now_ms: u64, corrections: Vec<Correction>) -> Vec<bool> {
        let mut algorithm = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Vec::with_capacity(corrections.len());
        for (key, limit, window_ms, mark, delta) in &corrections {
            let quota = Quota {
                limit: *limit,
                window_ms: *window_ms,
                burst: *limit,
            };
            changed.push(match &mut *algorithm {
                Algorithm::Sliding(limits) => limits.settle(key, &quota, *mark, *delta, now_ms),
                Algorithm::Bucket(limits) => limits.settle(key, &quota, *mark, *delta, now_ms),
            });
        }
        changed
    }

    fn __len__(&self) -> usize {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Algorithm::Sliding(limits) => limits.keys(),
            Algorithm::Bucket(limits) => limits.keys(),
        }
    }
}
