//! Counters and histograms, alone and under many threads.

use std::thread;

use _accel::core::guard::latency::{Histogram, Latency};
use _accel::core::guard::tally::{NAMES, OTHER, Tally};
use _accel::core::guard::ticket::Path;
use proptest::prelude::*;

use super::{Bench, settings};

#[test]
fn names_are_bounded() {
    let tally = Tally::default();
    for number in 0..10_000 {
        tally.declined(&format!("reason {number}"));
    }
    tally.declined("reason 0");
    let python = tally.calls().python;
    assert_eq!(python.len(), NAMES + 1);
    assert_eq!(python["declined: reason 0"], 2);
    assert_eq!(python[&format!("declined: {OTHER}")], 10_000 - NAMES as u64);
}

#[test]
fn long_names_are_other() {
    let tally = Tally::default();
    tally.failed(&"x".repeat(65));
    assert_eq!(tally.calls().failed[OTHER], 1);
}

#[test]
fn an_empty_histogram_is_all_zero() {
    assert_eq!(Histogram::default().latency(), Latency::default());
}

#[test]
fn quantiles_of_a_known_distribution() {
    let histogram = Histogram::default();
    (1..=1_000).for_each(|microseconds| histogram.record(microseconds * 1_000));
    let latency = histogram.latency();
    assert_eq!((latency.count, latency.mean_ns), (1_000, 500_500));
    assert!(
        latency.p50_ns.abs_diff(500_000) <= 500_000 / 16,
        "{latency:?}"
    );
    assert!(
        latency.p99_ns.abs_diff(990_000) <= 990_000 / 16,
        "{latency:?}"
    );
}

proptest! {
    #[test]
    fn quantiles_are_within_a_sixteenth(
        mut durations_ns in prop::collection::vec(prop_oneof![0..100_u64, 0..1_u64 << 40], 1..300),
    ) {
        let histogram = Histogram::default();
        for duration_ns in &durations_ns {
            histogram.record(*duration_ns);
        }
        durations_ns.sort_unstable();
        let latency = histogram.latency();
        let count = durations_ns.len();
        prop_assert_eq!(latency.count, count as u64);
        prop_assert_eq!(latency.mean_ns, durations_ns.iter().sum::<u64>() / count as u64);
        for (quantile_ns, rank) in [(latency.p50_ns, count.div_ceil(2)), (latency.p99_ns, count - count / 100)] {
            let exact_ns = durations_ns[rank - 1];
            prop_assert!(quantile_ns.abs_diff(exact_ns) <= exact_ns / 16, "{} for {}", quantile_ns, exact_ns);
        }
    }

    #[test]
    fn any_duration_has_a_bucket(duration_ns: u64) {
        let histogram = Histogram::default();
        histogram.record(duration_ns);
        let p50_ns = histogram.latency().p50_ns;
        prop_assert!(p50_ns.abs_diff(duration_ns) <= duration_ns / 16);
    }
}

/// Every call is in the account exactly once, whatever the threads do to settings and breaker meanwhile.
#[test]
fn many_threads_keep_one_account() {
    const THREADS: u64 = 8;
    const CALLS: u64 = 20_000;
    let bench = Bench::new(settings("on", 50.0, 10.0));
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (guard, clock) = (&bench.guard, &bench.clock);
            scope.spawn(move || {
                for call in 0..CALLS {
                    clock.advance_ns(1_000_000);
                    if call % 5_000 == seed {
                        guard.configure(settings(
                            ["on", "shadow"][usize::from(seed % 2 == 0)],
                            50.0,
                            10.0,
                        ));
                        guard.reset_errors();
                    }
                    let ticket = guard.admit(guard.next_unit(), super::NO_LABELS);
                    match (ticket.path(), call % 100) {
                        (Path::Python, _) => guard.answered_by_python(ticket),
                        (_, 0) => guard.failed(ticket, "ValueError", call % 200 == 0, true),
                        (_, 1) => guard.declined(ticket, "tools"),
                        (_, 2) => guard.abandoned(ticket),
                        (Path::Verify | Path::Shadow, _) => guard.compared(ticket, true),
                        (Path::Native, _) => guard.handled(ticket),
                    }
                }
            });
        }
    });
    let status = bench.guard.status();
    let python: u64 = status.calls.python.values().sum();
    let answered = status.calls.native + python + status.calls.abandoned;
    assert_eq!(answered, THREADS * CALLS, "{status:?}");
    for side in ["percent", "breaker", "shadow", "declined: tools"] {
        assert!(bench.python(side) > 0, "{side}: {status:?}");
    }
}

#[test]
fn the_breaker_recovers_after_the_storm() {
    let bench = Bench::on();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    bench.clock.advance_ns(50_000_000);
                    let ticket = bench.admit();
                    if ticket.path() != Path::Python {
                        bench.guard.failed(ticket, "ValueError", false, true);
                    }
                }
            });
        }
    });
    assert!(bench.guard.status().breaker.times_opened > 0);
    bench.wait_s(600);
    for _ in 0..3 {
        let ticket = bench.admit();
        assert!(ticket.is_trial());
        bench.guard.handled(ticket);
    }
    assert_eq!(bench.state(), "closed");
}
