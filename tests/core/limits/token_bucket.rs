//! The bucket against virtual scheduling, the other form in which I.371 gives the algorithm.

use _accel::core::limits::quota::{Quota, Window};
use _accel::core::limits::token_bucket::TokenBucket;
use proptest::prelude::*;

use super::{NOW_MS, Step, assert_exact, quota, steps};

/// The theoretical arrival time, in milliseconds times the limit, so that it is a whole number.
struct VirtualSchedule {
    arrival: i128,
}

impl VirtualSchedule {
    fn admit(&mut self, quota: &Quota, cost: u64, now_ms: u64) -> bool {
        let [limit, window, now] = [quota.limit, quota.window_ms, now_ms].map(i128::from);
        let wanted = i128::from(cost.max(1));
        let burst = i128::from(quota.burst.max(1).min(quota.limit)).max(wanted);
        let arrival = self.arrival.max(now * limit);
        if wanted > limit || arrival + wanted * window - now * limit > burst * window {
            return false;
        }
        self.arrival = arrival + i128::from(cost) * window;
        true
    }
}

#[test]
fn a_burst_then_the_rate() {
    let quota = quota(60, 60_000, 6);
    let mut bucket = TokenBucket::default();
    for left in (0..6).rev() {
        assert!(bucket.weigh(&quota, 1, NOW_MS).fits);
        bucket.charge(&quota, 1, NOW_MS);
        assert_eq!(bucket.weigh(&quota, 1, NOW_MS).remaining, left);
    }
    let refused = bucket.weigh(&quota, 1, NOW_MS + 1);
    assert_eq!((refused.fits, refused.retry_after_ms), (false, 999));
    assert_eq!(refused.reset_after_ms, 5_999);
    assert!(bucket.weigh(&quota, 1, NOW_MS + 1_000).fits);
}

#[test]
fn a_cost_above_the_burst_fits_an_empty_bucket_and_is_owed() {
    let quota = quota(60, 60_000, 6);
    let mut bucket = TokenBucket::default();
    assert!(bucket.weigh(&quota, 30, NOW_MS).fits);
    bucket.charge(&quota, 30, NOW_MS);
    assert_eq!(bucket.weigh(&quota, 1, NOW_MS).retry_after_ms, 25_000);
    assert_eq!(bucket.weigh(&quota, 30, NOW_MS).retry_after_ms, 30_000);
    assert_eq!(bucket.weigh(&quota, 61, NOW_MS).retry_after_ms, 60_000);
    assert!(!bucket.weigh(&quota, 61, NOW_MS + 1_000_000).fits);
}

#[test]
fn a_settlement_never_goes_below_now_nor_beyond_its_window() {
    let quota = quota(60, 60_000, 60);
    let mut bucket = TokenBucket::default();
    let mark = bucket.charge(&quota, 60, NOW_MS);
    assert!(bucket.settle(&quota, mark, -50, NOW_MS + 5_000));
    assert_eq!(bucket.weigh(&quota, 1, NOW_MS + 5_000).remaining, 55);
    assert!(bucket.settle(&quota, mark, -50, NOW_MS + 5_000));
    assert_eq!(bucket.weigh(&quota, 1, NOW_MS + 5_000).remaining, 60);
    assert!(!bucket.settle(&quota, mark, -50, NOW_MS + 5_000));
    assert!(bucket.settle(&quota, mark, 10, NOW_MS + 59_999));
    assert_eq!(bucket.weigh(&quota, 1, NOW_MS + 59_999).remaining, 50);
    assert!(!bucket.settle(&quota, mark, -10, NOW_MS + 60_000));
    assert!(!bucket.settle(&quota, mark + 90_000, -10, NOW_MS + 60_000));
}

#[test]
fn a_clock_set_back_and_another_length() {
    let (minute, hour) = (quota(1, 60_000, 1), quota(1, 3_600_000, 1));
    let mut bucket = TokenBucket::default();
    bucket.charge(&minute, 1, NOW_MS);
    assert!(bucket.weigh(&hour, 1, NOW_MS).fits);
    let early = bucket.weigh(&minute, 1, NOW_MS - 30_000);
    assert_eq!((early.fits, early.retry_after_ms), (false, 90_000));
    assert!(bucket.weigh(&minute, 1, NOW_MS - 70_000).fits);
}

#[test]
fn large_numbers_saturate_and_nothing_is_admitted_by_a_limit_of_nothing() {
    let large = quota(u64::MAX, 86_400_000, u64::MAX);
    let mut bucket = TokenBucket::default();
    bucket.charge(&large, u64::MAX, NOW_MS);
    assert!(bucket.settle(&large, NOW_MS, i64::MIN, NOW_MS));
    assert!(bucket.settle(&large, NOW_MS, i64::MAX, NOW_MS));
    assert_exact(
        &TokenBucket::default(),
        &quota(1_000_000_000_000, 60_000, 100_000_000_000),
        5,
        NOW_MS,
    );
    let nothing = TokenBucket::default().weigh(&quota(0, 60_000, 1), 0, NOW_MS);
    assert_eq!(
        (nothing.fits, nothing.remaining, nothing.retry_after_ms),
        (false, 0, 60_000)
    );
    let _ = TokenBucket::default().weigh(&quota(1, 0, 1), 1, NOW_MS);
}

proptest! {
    #[test]
    fn it_admits_what_virtual_scheduling_admits(
        history in steps(4_000), limit in 0..40_u64, burst in 0..60_u64, window_s in prop::sample::select(vec![1_u64, 7, 60]),
    ) {
        let quota = quota(limit, window_s * 1_000, burst);
        let (mut bucket, mut schedule, mut marks) =
            (TokenBucket::default(), VirtualSchedule { arrival: 0 }, Vec::new());
        let (mut now, mut admitted) = (NOW_MS, Vec::new());
        for step in history {
            match step {
                Step::Wait { ms } => now += ms,
                Step::Ask { cost } => {
                    assert_exact(&bucket, &quota, cost, now);
                    let fits = bucket.weigh(&quota, cost, now).fits;
                    prop_assert_eq!(fits, schedule.admit(&quota, cost, now));
                    if fits {
                        marks.push(bucket.charge(&quota, cost, now));
                        admitted.push((now, cost));
                    }
                }
                Step::Settle { which, delta } => {
                    let Some(mark) = marks.get(which) else { continue };
                    let counts = mark + quota.window_ms > now;
                    prop_assert!(counts || !bucket.settle(&quota, *mark, delta, now));
                    if counts {
                        bucket.settle(&quota, *mark, delta, now);
                        let floor = i128::from(now) * i128::from(limit);
                        let moved = schedule.arrival.max(floor) + i128::from(delta) * i128::from(quota.window_ms);
                        schedule.arrival = moved.max(floor);
                    }
                }
            }
        }
    }

    /// In any stretch of time: the burst, or one larger cost, and what the rate gives.
    #[test]
    fn what_it_admits_is_the_burst_and_the_rate(
        waits in prop::collection::vec((0..700_u64, 0..9_u64), 0..150), limit in 1..50_u64, burst in 1..20_u64,
    ) {
        let quota = quota(limit, 10_000, burst);
        let (mut bucket, mut now, mut admitted) = (TokenBucket::default(), NOW_MS, Vec::new());
        for (wait, cost) in waits {
            now += wait;
            if bucket.weigh(&quota, cost, now).fits {
                bucket.charge(&quota, cost, now);
                admitted.push((now, cost));
            }
        }
        let largest = admitted.iter().map(|(_, cost)| *cost).max().unwrap_or(0);
        for (place, (from, _)) in admitted.iter().enumerate() {
            let mut spent = 0;
            for (until, cost) in &admitted[place..] {
                spent += cost;
                let allowed = burst.min(limit).max(largest) * quota.window_ms + (until - from) * limit;
                prop_assert!(spent * quota.window_ms <= allowed);
            }
        }
    }
}
