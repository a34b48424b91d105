//! The lane's account: each request once, under one reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use _accel::core::clock::ManualClock;
use _accel::core::guard::Guard;
use _accel::core::guard::settings::Settings;
use _accel::lane::admission::Admission;
use _accel::lane::reason::Reason;

struct Bench {
    guard: Arc<Guard>,
    clock: Arc<ManualClock>,
    admission: Admission,
}

impl Bench {
    fn new(mode: &str, percent: f64) -> Self {
        let clock = Arc::new(ManualClock::at(1));
        let guard = Arc::new(Guard::new("request_lane", 1, clock.clone()));
        guard.configure(Settings::parse(mode, percent, 0.0, vec![], vec![]).unwrap());
        let admission = Admission::new(Arc::clone(&guard));
        Self {
            guard,
            clock,
            admission,
        }
    }

    fn python(&self) -> BTreeMap<String, u64> {
        self.guard.status().calls.python
    }

    fn state(&self) -> &'static str {
        self.guard.status().breaker.state
    }

    fn panic(&self) {
        self.admission.panicked(self.admission.enter(), true);
    }
}

fn counts(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected
        .iter()
        .map(|&(reason, count)| (reason.to_owned(), count))
        .collect()
}

#[test]
fn off_nothing_is_read() {
    let bench = Bench::new("off", 100.0);
    assert!(bench.admission.enter().is_none());
    bench.admission.kept();
    assert_eq!(bench.python(), counts(&[("off", 2)]));
}

#[test]
fn each_hand_over_has_its_reason() {
    let bench = Bench::new("on", 100.0);
    for reason in [Reason::NoPlan, Reason::NoPlan, Reason::Slow] {
        bench
            .admission
            .hand_over(bench.admission.enter().unwrap(), reason, Some(1));
    }
    bench.admission.kept();
    let expected = [
        ("declined: no plan", 2),
        ("declined: slow request", 1),
        ("declined: connection kept", 1),
    ];
    assert_eq!(bench.python(), counts(&expected));
    assert_eq!(bench.guard.status().calls.native, 0);
}

#[test]
fn a_key_is_in_the_percentage_or_not() {
    let bench = Bench::new("on", 50.0);
    let inside = |unit: u64| bench.guard.bucket(unit) < 50_000;
    let units: Vec<_> = (0..200).collect();
    let expected = units.iter().filter(|&&unit| inside(unit)).count() as u64;
    assert!((50..150).contains(&expected));
    for _ in 0..2 {
        for &unit in &units {
            let entry = bench.admission.enter().unwrap();
            bench.admission.hand_over(entry, Reason::NoPlan, Some(unit));
        }
    }
    let expected = [
        ("declined: no plan", 2 * expected),
        ("percent", 2 * (200 - expected)),
    ];
    assert_eq!(bench.python(), counts(&expected));
}

#[test]
fn a_panic_opens_the_breaker_and_nothing_is_read() {
    let bench = Bench::new("on", 100.0);
    bench.panic();
    assert_eq!(bench.state(), "open");
    let calls = bench.guard.status().calls;
    assert_eq!(calls.failed.get("panic"), Some(&1));
    assert!(bench.admission.enter().is_none());
    assert_eq!(bench.python(), counts(&[("failed", 1), ("breaker", 1)]));
    bench.guard.reset_errors();
    assert!(bench.admission.enter().is_some());
}

#[test]
fn later_a_few_are_read_on_trial_and_a_hand_over_gives_the_place_back() {
    let bench = Bench::new("on", 100.0);
    bench.panic();
    bench.clock.advance_ns(30_000_000_000);
    for _ in 0..300 {
        let entry = bench.admission.enter().expect("a trial");
        assert_eq!(bench.state(), "half_open");
        bench.admission.hand_over(entry, Reason::Route, None);
    }
    let entries: Vec<_> = std::iter::from_fn(|| bench.admission.enter())
        .take(1000)
        .collect();
    assert!((1..1000).contains(&entries.len()), "{}", entries.len());
    for entry in entries {
        bench.admission.hand_over(entry, Reason::Route, None);
    }
    assert!(bench.admission.enter().is_some());
}

#[test]
fn a_trial_that_panics_latches() {
    let bench = Bench::new("on", 100.0);
    bench.panic();
    bench.clock.advance_ns(30_000_000_000);
    bench.panic();
    assert_eq!(bench.state(), "latched");
}

#[test]
fn a_panic_outside_a_request_counts_too() {
    let bench = Bench::new("on", 100.0);
    bench.admission.panicked(None, false);
    assert_eq!(bench.state(), "open");
    assert_eq!(bench.python(), counts(&[]), "nobody was answered");
}

#[test]
fn names_are_distinct_and_what_is_ambiguous_never_returns() {
    use Reason::*;
    let all = [
        Malformed,
        BareNewline,
        Http10,
        TooManyHeaders,
        Target,
        Upgrade,
        Expect,
        Pipelined,
        Length,
        TransferEncoding,
        Host,
        Credentials,
        Slow,
        LargeHead,
        LargeBody,
        Memory,
        Chunked,
        Route,
        ContentType,
        HalfClosed,
        Stopping,
        Unread,
        Failed,
        NoPlan,
    ];
    let names: std::collections::BTreeSet<_> = all.iter().map(|reason| reason.name()).collect();
    assert_eq!(names.len(), all.len());
    let returning: Vec<_> = all
        .into_iter()
        .filter(|reason| reason.may_return())
        .collect();
    let expected = [
        Slow,
        LargeHead,
        LargeBody,
        Memory,
        Chunked,
        Route,
        ContentType,
        NoPlan,
    ];
    assert_eq!(returning, expected);
}
