//! Several limits at once: all or nothing.

use _accel::core::limits::admission::{Check, Limits};
use _accel::core::limits::quota::Window;
use _accel::core::limits::sliding::Sliding;
use _accel::core::limits::token_bucket::TokenBucket;

use super::{NOW_MS, quota};

fn check(key: &str, limit: u64, cost: u64) -> Check<'_> {
    Check {
        key,
        quota: quota(limit, 60_000, limit),
        cost,
    }
}

fn remaining<W: Window>(limits: &Limits<W>, key: &str, limit: u64) -> u64 {
    limits.weigh(&[check(key, limit, 0)], NOW_MS)[0].remaining
}

fn a_refusal_charges_nothing<W: Window>() {
    let mut limits = Limits::<W>::new(10);
    let both = [check("requests", 10, 1), check("tokens", 100, 60)];
    let first = limits.admit(&both, NOW_MS);
    assert!(first.iter().all(|verdict| verdict.fits));
    assert_eq!([first[0].remaining, first[1].remaining], [9, 40]);
    for order in [both, [both[1], both[0]]] {
        let refused = limits.admit(&order, NOW_MS);
        assert_eq!(refused.iter().filter(|verdict| verdict.fits).count(), 1);
        assert!(refused.iter().any(|verdict| verdict.retry_after_ms > 0));
    }
    assert_eq!(remaining(&limits, "requests", 10), 9);
    assert_eq!(remaining(&limits, "tokens", 100), 40);
    let mark = Some(first[1].mark);
    let tokens = both[1].quota;
    assert!(limits.settle("tokens", &tokens, mark, -50, NOW_MS));
    assert!(
        limits
            .admit(&both, NOW_MS)
            .iter()
            .all(|verdict| verdict.fits)
    );
}

#[test]
fn a_refusal_charges_nothing_in_any_window() {
    a_refusal_charges_nothing::<Sliding>();
    a_refusal_charges_nothing::<TokenBucket>();
}

#[test]
fn looking_makes_no_key() {
    let mut limits = Limits::<Sliding>::new(10);
    let _ = limits.weigh(&[check("a", 10, 1)], NOW_MS);
    limits.admit(&[check("a", 10, 1), check("b", 0, 1)], NOW_MS);
    assert!(!limits.settle("a", &quota(10, 60_000, 0), Some(0), -1, NOW_MS));
    assert_eq!(limits.keys(), 0);
    assert!(limits.admit(&[], NOW_MS).is_empty());
}

#[test]
fn what_was_not_reserved_is_charged_when_it_is_known() {
    let mut limits = Limits::<Sliding>::new(10);
    let tokens = quota(100, 60_000, 0);
    assert!(limits.settle("tokens", &tokens, None, 120, NOW_MS));
    assert!(!limits.settle("tokens", &tokens, None, -120, NOW_MS));
    assert_eq!(remaining(&limits, "tokens", 100), 0);
    assert!(!limits.weigh(&[check("tokens", 100, 0)], NOW_MS)[0].fits);
}
