//! Shares and buckets.

use _accel::core::guard::rollout::{BUCKETS, Rollout, Share};
use _accel::core::guard::ticket::Path;
use proptest::prelude::*;

use super::{Bench, settings};

const UNITS: u64 = 100_000;

fn share(percent: f64) -> Share {
    Share::from_percent(percent).unwrap()
}

fn members(feature: &str, percent: f64) -> Vec<u64> {
    let rollout = Rollout::new(1, feature);
    (0..UNITS)
        .filter(|unit| rollout.admits(share(percent), *unit))
        .collect()
}

/// Five standard deviations around the expected number.
fn assert_near(count: usize, probability: f64) {
    let expected = 100_000.0 * probability;
    let deviation = (expected * (1.0 - probability)).sqrt();
    let off = (f64::from(u32::try_from(count).unwrap()) - expected).abs();
    assert!(off <= 5.0 * deviation, "{count} for {expected}");
}

#[test]
fn shares_hold_their_part_of_the_units() {
    assert_eq!(members("a", 0.0).len(), 0);
    assert_eq!(members("a", 100.0).len(), 100_000);
    assert_near(members("a", 0.001).len(), 0.000_01);
    assert_near(members("a", 25.0).len(), 0.25);
    assert_near(members("a", 99.999).len(), 0.999_99);
}

#[test]
fn every_bucket_is_reachable() {
    let rollout = Rollout::new(1, "a");
    let mut seen = vec![false; BUCKETS as usize];
    for unit in 0..20 * u64::from(BUCKETS) {
        seen[rollout.bucket(unit) as usize] = true;
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn features_and_seeds_are_independent() {
    let both = |left: &[u64], right: &[u64]| {
        left.iter()
            .filter(|unit| right.binary_search(unit).is_ok())
            .count()
    };
    assert_near(both(&members("a", 25.0), &members("b", 25.0)), 0.0625);

    let (one, two) = (Rollout::new(1, "a"), Rollout::new(2, "a"));
    let quarter = share(25.0);
    let count = (0..UNITS)
        .filter(|unit| one.admits(quarter, *unit) && two.admits(quarter, *unit))
        .count();
    assert_near(count, 0.0625);
}

#[test]
fn the_verified_are_independent_of_the_admitted() {
    let rollout = Rollout::new(1, "a");
    let quarter = share(25.0);
    let count = (0..UNITS)
        .filter(|unit| rollout.admits(quarter, *unit) && rollout.verifies(quarter, *unit))
        .count();
    assert_near(count, 0.0625);
}

/// Other processes, versions and machines must agree; a change here moves every user's traffic.
#[test]
fn buckets_are_pinned() {
    let rollout = Rollout::new(20_261_121, "token_counting");
    assert_eq!(
        [0, 1, u64::MAX].map(|unit| rollout.bucket(unit)),
        [61_693, 60_612, 45_624]
    );
}

#[test]
fn a_key_is_verified_by_the_call_not_for_ever() {
    let bench = Bench::new(settings("on", 100.0, 10.0));
    let verified = (0..10_000)
        .filter(|_| {
            bench.clock.advance_ns(1_003);
            bench.guard.admit(42, super::NO_LABELS).path() == Path::Verify
        })
        .count();
    assert!((800..1_200).contains(&verified), "{verified}");
}

#[test]
fn shares_finer_than_a_thousandth_are_refused() {
    assert_eq!(share(0.001).thousandths(), 1);
    assert_eq!(share(33.333).thousandths(), 33_333);
    for refused in [-0.001, 100.001, 0.000_4, 99.999_6, f64::NAN, f64::INFINITY] {
        assert_eq!(Share::from_percent(refused), None, "{refused}");
    }
}

proptest! {
    #[test]
    fn growing_keeps_everybody(
        seed: u64, feature: String, unit: u64, small in 0..=BUCKETS, large in 0..=BUCKETS,
    ) {
        let (small, large) = (small.min(large), small.max(large));
        let rollout = Rollout::new(seed, &feature);
        let admits = |thousandths| rollout.admits(Share::from_thousandths(thousandths).unwrap(), unit);
        prop_assert!(!admits(small) || admits(large));
        prop_assert!(rollout.bucket(unit) < BUCKETS);
    }

    #[test]
    fn places_are_sticky(seed: u64, feature: String, unit: u64) {
        prop_assert_eq!(
            Rollout::new(seed, &feature).bucket(unit),
            Rollout::new(seed, &feature).bucket(unit)
        );
    }

    #[test]
    fn every_thousandth_survives_percent(thousandths in 0..=BUCKETS) {
        let share = Share::from_thousandths(thousandths).unwrap();
        prop_assert_eq!(Share::from_percent(share.percent()), Some(share));
    }
}
