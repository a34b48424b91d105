//! Limits against slow, obvious references, those of LiteLLM's cells written from its Python.

mod admission;
mod cell;
mod detached;
mod gauge;
mod keyed;
mod lease;
mod program;
mod reference;
mod reserved;
mod shelf;
mod sliding;
mod slots;
mod store;
mod token_bucket;
mod window;

use _accel::core::limits::quota::{Quota, Window};
use proptest::prelude::*;

/// A moment far from zero, as the clock of a machine.
pub const NOW_MS: u64 = 1_795_242_099_123;

pub fn quota(limit: u64, window_ms: u64, burst: u64) -> Quota {
    Quota {
        limit,
        window_ms,
        burst,
    }
}

/// One step of a random history.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Ask { cost: u64 },
    Settle { which: usize, delta: i64 },
    Wait { ms: u64 },
}

pub fn steps(longest_ms: u64) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..12_u64).prop_map(|cost| Step::Ask { cost }),
        2 => (0..8_usize, -12..12_i64).prop_map(|(which, delta)| Step::Settle { which, delta }),
        4 => (0..longest_ms).prop_map(|ms| Step::Wait { ms }),
    ];
    prop::collection::vec(step, 0..120)
}

/// What a refusal says of time is exact: one millisecond before, the cost does not fit, and then it does.
pub fn assert_exact<W: Window>(window: &W, quota: &Quota, cost: u64, now_ms: u64) {
    let verdict = window.weigh(quota, cost, now_ms);
    if cost.max(1) > quota.limit {
        assert!(!verdict.fits);
        assert_eq!(verdict.retry_after_ms, quota.window_ms);
    } else {
        assert_eq!(verdict.fits, verdict.retry_after_ms == 0);
        let then = now_ms + verdict.retry_after_ms;
        assert!(window.weigh(quota, cost, then).fits);
        assert!(verdict.fits || !window.weigh(quota, cost, then - 1).fits);
    }
    let free = now_ms + verdict.reset_after_ms;
    assert_eq!(window.weigh(quota, 0, free).reset_after_ms, 0);
    if verdict.reset_after_ms > 0 {
        assert_ne!(window.weigh(quota, 0, free - 1).reset_after_ms, 0);
        assert_eq!(window.expires_ms(), free);
    }
}
