//! Leases: what one says, and what many instances do with one window.

use std::fmt::Write;

use _accel::core::limits::lease::{Decision, Lease, size};
use proptest::prelude::*;

#[test]
fn it_lasts_as_long_as_its_window() {
    let mut lease = Lease::default();
    assert_eq!(lease.weigh(1_000), Decision::Ask);
    lease.add(Lease::of(1_000, 60, 2, 0), 1_000);
    lease.take();
    assert_eq!(lease.weigh(1_059), Decision::Left);
    lease.take();
    assert_eq!(lease.weigh(1_059), Decision::Ask);
    lease.add(Lease::of(1_000, 60, 0, 0), 1_059);
    assert_eq!(lease.weigh(1_059), Decision::Spent { until_s: 1_060 });
    assert_eq!(lease.weigh(1_060), Decision::Ask);
    assert_eq!(lease.weigh(999), Decision::Ask, "the clock was set back");
}

#[test]
fn two_grants_of_one_window_add_up_and_a_late_one_of_another_does_not() {
    let after = |grants: &[(u64, u64, u64)]| {
        let mut lease = Lease::of(1_000, 60, 2, 0);
        for (start_s, granted, now_s) in grants {
            lease.add(Lease::of(*start_s, 60, *granted, 0), *now_s);
        }
        lease.end(grants[grants.len() - 1].2)
    };
    assert_eq!(after(&[(1_000, 3, 1_001)]), Some((1_000, 5)));
    assert_eq!(after(&[(940, 9, 1_001)]), Some((1_000, 2)));
    assert_eq!(after(&[(1_060, 1, 1_060)]), Some((1_060, 1)));
    assert_eq!(
        after(&[(500, 1, 510)]),
        Some((500, 1)),
        "the clock was set back"
    );
}

#[test]
fn what_is_left_is_given_back_once_and_only_within_its_window() {
    let mut lease = Lease::of(1_000, 60, 5, 0);
    lease.take();
    assert_eq!(lease.end(1_010), Some((1_000, 4)));
    assert_eq!(lease.end(1_010), None);
    assert_eq!(Lease::of(1_000, 60, 5, 0).end(1_060), None);
    assert_eq!(Lease::of(1_000, 60, 0, 0).end(1_010), None);
}

#[test]
fn its_size() {
    let sizes = [0, 1, 7, 8, 15, 16, 100, 1_000, u64::MAX].map(|remains| size(remains, u64::MAX));
    assert_eq!(sizes, [0, 1, 1, 1, 1, 2, 12, 125, u64::MAX / 8]);
    let wanted = [0, 1, 2, 100, 200].map(|wants| size(1_000, wants));
    assert_eq!(wanted, [1, 1, 2, 100, 125]);
}

#[test]
fn it_grows_with_use_and_begins_small_in_each_window() {
    let mut lease = Lease::default();
    let mut wanted = Vec::new();
    for now_s in [1_000, 1_000, 1_001, 1_002, 1_060, 1_061] {
        let start_s = if now_s < 1_060 { 1_000 } else { 1_060 };
        wanted.push(lease.wants(now_s));
        lease.add(
            Lease::of(start_s, 60, size(64, lease.wants(now_s)), 0),
            now_s,
        );
    }
    assert_eq!(wanted, [1, 2, 4, 8, 1, 2]);
    assert_eq!(lease.wants(2_000), 1);
}

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[derive(Debug, Default)]
struct Outcome {
    trips: u64,
    admitted: u64,
    most_in_a_window: u64,
}

/// `instances` with one counter over ten windows of a minute; `skew`: seven of ten requests go to the first.
fn simulate(instances: u64, limit: u64, demand: u64, skew: bool) -> Outcome {
    let mut chance = Chance(2);
    let mut outcome = Outcome::default();
    let mut leases = vec![Lease::default(); usize::try_from(instances).unwrap()];
    for window in 0..10 {
        let start_s = window * 60;
        let (mut spent, mut admitted) = (0, 0);
        let mut moments: Vec<u64> = (0..demand).map(|_| start_s + chance.below(60)).collect();
        moments.sort_unstable();
        for now_s in moments {
            let first = skew && chance.below(10) < 7;
            let instance = if first {
                0
            } else {
                usize::try_from(chance.below(instances)).unwrap()
            };
            let lease = &mut leases[instance];
            if lease.weigh(now_s) == Decision::Ask {
                let granted = size(limit - spent, lease.wants(now_s));
                spent += granted;
                outcome.trips += 1;
                lease.add(Lease::of(start_s, 60, granted, 0), now_s);
            }
            if lease.weigh(now_s) == Decision::Left {
                lease.take();
                admitted += 1;
            }
        }
        outcome.admitted += admitted;
        outcome.most_in_a_window = outcome.most_in_a_window.max(admitted);
    }
    outcome
}

/// At a limit of 1,000 a minute; "skew": seven of ten requests go to one instance. Usable: of what a limit that one
/// instance keeps would have admitted.
const TABLE: &str = "
instances  demand  skew   trips per 1,000 admitted  usable
        2    2000  false                        62  100.0 %
        2    2000  true                         61  100.0 %
        2    1000  false                        60  100.0 %
        4    2000  false                        75  100.0 %
        4    2000  true                         73  100.0 %
        4    1000  false                        71  100.0 %
       16    2000  false                       142  100.0 %
       16    2000  true                        129   99.9 %
       16    1000  false                       135   98.6 %
";

#[test]
fn hardly_a_trip_for_each_request_and_never_one_too_many() {
    let mut table = String::from("\ninstances  demand  skew   trips per 1,000 admitted  usable\n");
    for instances in [2, 4, 16] {
        for (demand, skew) in [(2_000, false), (2_000, true), (1_000, false)] {
            let outcome = simulate(instances, 1_000, demand, skew);
            assert!(outcome.most_in_a_window <= 1_000);
            let trips = outcome.trips * 1_000 / outcome.admitted;
            let (whole, tenths) = (outcome.admitted / 100, outcome.admitted / 10 % 10);
            writeln!(
                table,
                "{instances:9}  {demand:6}  {skew:5}  {trips:24}  {whole:3}.{tenths} %"
            )
            .unwrap();
        }
    }
    assert_eq!(table, TABLE, "{table}");
}

proptest! {
    /// Several instances that take, give back and end as they like: together at most the limit of each window.
    #[test]
    fn never_too_many(acts in prop::collection::vec((0..5_usize, 0..8_u8, 0..9_u64), 0..400), limit in 0..90_u64) {
        let (mut start_s, mut now_s, mut spent, mut admitted) = (0, 1_000, 0, 0);
        let mut leases = [Lease::default(); 5];
        for (instance, act, wait_s) in acts {
            now_s += if act == 7 { wait_s } else { 0 };
            if now_s - start_s >= 60 {
                (start_s, spent, admitted) = (now_s, 0, 0);
            }
            let lease = &mut leases[instance];
            if act == 0 {
                if let Some((of, left)) = lease.end(now_s) && of == start_s {
                    spent -= left;
                }
            } else if act < 7 {
                if lease.weigh(now_s) == Decision::Ask {
                    let granted = size(limit - spent, lease.wants(now_s));
                    spent += granted;
                    lease.add(Lease::of(start_s, 60, granted, 0), now_s);
                }
                if lease.weigh(now_s) == Decision::Left {
                    lease.take();
                    admitted += 1;
                    if act == 1 {
                        lease.put_back(lease.start_s());
                        admitted -= 1;
                    }
                }
            }
            prop_assert!(admitted <= spent && spent <= limit);
        }
    }
}
