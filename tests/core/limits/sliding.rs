//! Sixty sub-buckets against a list of everything that was spent.

use _accel::core::limits::quota::Window;
use _accel::core::limits::sliding::Sliding;
use proptest::prelude::*;

use super::{NOW_MS, Step, assert_exact, quota, steps};

/// Everything spent, with its moment; what is counted follows from the moments alone.
#[derive(Default)]
struct Log(Vec<(u64, u64)>);

impl Log {
    /// What was spent within the last `window_ms`, exactly.
    fn within(&self, window_ms: u64, now_ms: u64) -> u64 {
        let recent = self.0.iter().filter(|(at, _)| at + window_ms > now_ms);
        recent.map(|(_, spent)| spent).sum()
    }

    /// The same by whole sub-buckets.
    fn counted(&self, window_ms: u64, width_ms: u64, now_ms: u64) -> u64 {
        let kept = window_ms / width_ms;
        let recent = self
            .0
            .iter()
            .filter(|(at, _)| at / width_ms + kept > now_ms / width_ms);
        recent.map(|(_, spent)| spent).sum()
    }
}

#[test]
fn a_full_window_frees_itself_sub_bucket_by_sub_bucket() {
    let quota = quota(3, 60_000, 0);
    let mut window = Sliding::default();
    let start = NOW_MS / 1_000 * 1_000;
    for after in [0, 1_500, 2_999] {
        assert!(window.weigh(&quota, 1, start + after).fits);
        window.charge(&quota, 1, start + after);
    }
    let full = window.weigh(&quota, 1, start + 3_000);
    assert_eq!((full.fits, full.remaining), (false, 0));
    assert_eq!((full.retry_after_ms, full.reset_after_ms), (57_000, 59_000));
    assert_eq!(
        window.weigh(&quota, 2, start + 3_000).retry_after_ms,
        58_000
    );
    assert_eq!(
        window.weigh(&quota, 4, start + 3_000).retry_after_ms,
        60_000
    );
    assert_eq!(window.weigh(&quota, 1, start + 60_000).remaining, 1);
}

#[test]
fn a_settlement_goes_where_the_cost_was_charged_or_nowhere() {
    let quota = quota(100, 60_000, 0);
    let start = NOW_MS / 1_000 * 1_000;
    let mut window = Sliding::default();
    let mark = window.charge(&quota, 90, start);
    assert!(window.settle(&quota, mark, -80, start + 30_000));
    assert_eq!(window.weigh(&quota, 1, start + 30_000).remaining, 90);
    assert!(window.settle(&quota, mark, -80, start + 30_000));
    assert_eq!(window.weigh(&quota, 1, start + 30_000).remaining, 100);
    // An emptied sub-bucket is as good as there, as long as it is in the window.
    assert!(!window.settle(&quota, mark, -1, start + 30_000));
    assert!(window.settle(&quota, mark, 7, start + 59_999));
    assert_eq!(window.weigh(&quota, 1, start + 59_999).remaining, 93);
    assert!(!window.settle(&quota, mark, 7, start + 60_000));
    assert_eq!(window.weigh(&quota, 1, start + 60_000).remaining, 100);
    // Of a future that has been forgotten, nothing comes back.
    assert!(!window.settle(&quota, mark + 1_000, -7, start + 60_000));
}

#[test]
fn a_clock_set_back() {
    let quota = quota(2, 60_000, 0);
    let mut window = Sliding::default();
    window.charge(&quota, 1, NOW_MS);
    window.charge(&quota, 1, NOW_MS - 30_000);
    assert!(
        !window.weigh(&quota, 1, NOW_MS).fits,
        "a little: counts as the later moment"
    );
    assert!(!window.weigh(&quota, 1, NOW_MS - 50_000).fits);
    assert!(
        window.weigh(&quota, 1, NOW_MS - 70_000).fits,
        "by more than a window: begins anew"
    );
    window.charge(&quota, 1, NOW_MS - 70_000);
    assert_eq!(window.weigh(&quota, 1, NOW_MS - 70_000).remaining, 1);
}

#[test]
fn another_length_begins_anew() {
    let (minute, hour) = (quota(1, 60_000, 0), quota(1, 3_600_000, 0));
    let mut window = Sliding::default();
    window.charge(&minute, 1, NOW_MS);
    assert!(!window.weigh(&minute, 1, NOW_MS).fits);
    assert!(window.weigh(&hour, 1, NOW_MS).fits);
    window.charge(&hour, 1, NOW_MS);
    assert!(!window.weigh(&hour, 1, NOW_MS + 3_500_000).fits);
}

#[test]
fn odd_lengths_and_limits() {
    for window_ms in [0, 1, 59, 60, 61, 1_000, 90_000, 86_400_000] {
        let mut window = Sliding::default();
        let quota = quota(1, window_ms, 0);
        window.charge(&quota, u64::MAX, NOW_MS);
        window.charge(&quota, u64::MAX, NOW_MS);
        assert!(!window.weigh(&quota, 1, NOW_MS).fits);
        assert!(
            window.weigh(&quota, 1, NOW_MS + window_ms.max(1)).fits,
            "{window_ms}"
        );
    }
    let none = Sliding::default().weigh(&quota(0, 60_000, 0), 0, NOW_MS);
    assert_eq!((none.fits, none.retry_after_ms), (false, 60_000));
}

proptest! {
    #[test]
    fn it_counts_what_the_log_counts(
        history in steps(9_000), limit in 0..40_u64, window_s in prop::sample::select(vec![1_u64, 7, 60, 90]),
    ) {
        let quota = quota(limit, window_s * 1_000, 0);
        let width = quota.window_ms.div_ceil(60);
        let (mut window, mut log, mut marks) = (Sliding::default(), Log::default(), Vec::new());
        let mut now = NOW_MS;
        for step in history {
            match step {
                Step::Wait { ms } => now += ms,
                Step::Ask { cost } => {
                    assert_exact(&window, &quota, cost, now);
                    let verdict = window.weigh(&quota, cost, now);
                    let counted = log.counted(quota.window_ms, width, now);
                    prop_assert_eq!(verdict.fits, counted + cost.max(1) <= limit);
                    prop_assert_eq!(verdict.remaining, limit.saturating_sub(counted));
                    // Whom an exact log would let in is let in.
                    prop_assert!(verdict.fits || log.within(quota.window_ms, now) + cost.max(1) > limit);
                    if verdict.fits {
                        marks.push((window.charge(&quota, cost, now), log.0.len()));
                        log.0.push((now, cost));
                        prop_assert!(log.within((quota.window_ms / width - 1) * width, now) <= limit);
                    }
                }
                Step::Settle { which, delta } => {
                    // Downwards: a log entry cannot become less than nothing, a sub-bucket of several can.
                    let Some((mark, entry)) = marks.get(which).copied() else { continue };
                    let (at, spent) = log.0[entry];
                    let delta = delta.max(-i64::try_from(spent).unwrap());
                    let counts = at / width + quota.window_ms / width > now / width;
                    let changed = window.settle(&quota, mark, delta, now);
                    prop_assert!(counts || !changed);
                    log.0[entry].1 = spent.saturating_add_signed(delta);
                }
            }
        }
    }
}
