//! Seams of one feature: they decide as one, and each keeps its own account.

use std::thread;

use _accel::core::guard::Guard;
use _accel::core::guard::ticket::Path;

use super::{Bench, NO_LABELS, settings};

fn admit(guard: &Guard) -> _accel::core::guard::ticket::Ticket {
    guard.admit(guard.next_unit(), NO_LABELS)
}

#[test]
fn settings_are_the_features_whoever_sets_them() {
    let bench = Bench::on();
    let branch = bench.guard.branch();
    assert_eq!(branch.feature(), "feature");
    assert_eq!(branch.status().settings, bench.guard.status().settings);
    bench.guard.configure(settings("off", 100.0, 0.0));
    assert!(branch.bypassed());
    branch.configure(settings("shadow", 100.0, 0.0));
    assert_eq!(bench.path(), Path::Shadow);
    let later = bench.guard.branch();
    assert_eq!(admit(&later).path(), Path::Shadow);
}

#[test]
fn units_and_buckets_are_the_features() {
    let bench = Bench::on();
    let (first, second) = (bench.guard.branch(), bench.guard.branch());
    let units = [
        bench.guard.next_unit(),
        first.next_unit(),
        second.next_unit(),
        first.branch().next_unit(),
    ];
    assert_eq!(units, [0, 1, 2, 3]);
    for unit in 0..100 {
        assert_eq!(first.bucket(unit), bench.guard.bucket(unit));
    }
}

#[test]
fn what_one_branch_breaks_is_closed_to_all() {
    let bench = Bench::on();
    let (first, second) = (bench.guard.branch(), bench.guard.branch());
    for _ in 0..5 {
        first.failed(admit(&first), "ValueError", false, true);
        second.failed(admit(&second), "ValueError", false, true);
    }
    for guard in [&bench.guard, &first, &second] {
        assert_eq!(guard.status().breaker.state, "open");
        assert_eq!(admit(guard).path(), Path::Python);
    }
    bench.wait_s(30);
    // Trials of one branch and of the trunk close it for all.
    first.handled(admit(&first));
    bench.guard.handled(bench.admit());
    assert_eq!(second.status().breaker.trials.unwrap().succeeded, 2);
    first.handled(admit(&first));
    assert_eq!(second.status().breaker.state, "closed");
    second.failed(admit(&second), "ValueError", true, true);
    assert_eq!(bench.state(), "open");
    first.reset_errors();
    assert_eq!(bench.state(), "closed");
}

#[test]
fn accounts_are_apart_and_summed_in_the_trunk() {
    let bench = Bench::new(settings("on", 100.0, 100.0));
    let (first, second) = (bench.guard.branch(), bench.guard.branch());
    first.compared(admit(&first), true);
    first.declined(admit(&first), "tools");
    first.abandoned(admit(&first));
    second.declined(admit(&second), "tools");
    second.failed(admit(&second), "ValueError", false, true);
    second.handled(admit(&second));
    bench.guard.declined(bench.admit(), "tools");
    bench.guard.configure(settings("off", 100.0, 0.0));
    assert!(second.bypassed());
    assert_eq!(admit(&first).path(), Path::Python);

    let [whole, first, second] = [&bench.guard, &first, &second].map(|guard| guard.status().calls);
    assert_eq!((first.native, second.native, whole.native), (1, 1, 2));
    assert_eq!((first.verified, second.verified, whole.verified), (1, 0, 1));
    assert_eq!(
        (first.abandoned, second.abandoned, whole.abandoned),
        (1, 0, 1)
    );
    assert_eq!(
        (
            first.failed.len(),
            second.failed["ValueError"],
            whole.failed["ValueError"]
        ),
        (0, 1, 1)
    );
    let python = |reason: &str| {
        [&first, &second, &whole].map(|calls| calls.python.get(reason).copied().unwrap_or(0))
    };
    assert_eq!(python("declined: tools"), [1, 1, 3]);
    assert_eq!(python("failed"), [0, 1, 1]);
    assert_eq!(python("off"), [1, 1, 2]);
}

#[test]
fn a_mismatch_is_in_both_accounts() {
    let bench = Bench::new(settings("on", 100.0, 100.0));
    let branch = bench.guard.branch();
    branch.compared(admit(&branch), false);
    for guard in [&bench.guard, &branch] {
        let calls = guard.status().calls;
        assert_eq!((calls.mismatched, calls.python["mismatch"]), (1, 1));
    }
    assert_eq!(bench.guard.branch().status().calls.mismatched, 0);
}

#[test]
fn latencies_are_apart_and_together_in_the_trunk() {
    let bench = Bench::on();
    let (first, second) = (bench.guard.branch(), bench.guard.branch());
    for (guard, elapsed_ns) in [(&first, 1_000), (&second, 3_000), (&bench.guard, 8_000)] {
        let ticket = admit(guard);
        bench.clock.advance_ns(elapsed_ns);
        guard.handled(ticket);
    }
    bench.guard.configure(settings("off", 100.0, 0.0));
    let ticket = admit(&second);
    bench.clock.advance_ns(500);
    second.answered_by_python(ticket);

    let native = |guard: &Guard| {
        let latency = guard.status().native_latency;
        (latency.count, latency.mean_ns)
    };
    assert_eq!(native(&first), (1, 1_000));
    assert_eq!(native(&second), (1, 3_000));
    assert_eq!(native(&bench.guard), (3, 4_000));
    let python = |guard: &Guard| guard.status().python_latency.mean_ns;
    assert_eq!(
        (python(&first), python(&second), python(&bench.guard)),
        (0, 500, 500)
    );
}

#[test]
fn a_branch_of_a_branch_is_one_more_branch_of_the_trunk() {
    let bench = Bench::on();
    let branch = bench.guard.branch();
    let twig = branch.branch();
    let leaf = twig.branch();
    for guard in [&twig, &leaf, &leaf] {
        guard.handled(admit(guard));
    }
    let native = |guard: &Guard| guard.status().calls.native;
    assert_eq!((native(&leaf), native(&twig), native(&branch)), (2, 1, 0));
    assert_eq!(native(&bench.guard), 3);
    assert_eq!(bench.guard.status().native_latency.count, 3);
}

#[test]
fn a_branch_outlives_its_trunk() {
    let branch = Bench::on().guard.branch();
    branch.handled(admit(&branch));
    assert_eq!(branch.status().calls.native, 1);
}

#[test]
fn branches_on_many_threads_add_up() {
    const CALLS: u64 = 5_000;
    let bench = Bench::new(settings("on", 50.0, 0.0));
    let branches: Vec<Guard> = (0..4).map(|_| bench.guard.branch()).collect();
    thread::scope(|scope| {
        for branch in &branches {
            scope.spawn(move || {
                for _ in 0..CALLS {
                    branch.handled(admit(branch));
                }
            });
        }
    });
    let calls: Vec<_> = branches
        .iter()
        .map(|branch| branch.status().calls)
        .collect();
    for calls in &calls {
        assert_eq!(calls.native + calls.python["percent"], CALLS);
    }
    let whole = bench.guard.status().calls;
    assert_eq!(
        whole.native,
        calls.iter().map(|calls| calls.native).sum::<u64>()
    );
    assert_eq!(whole.native + whole.python["percent"], 4 * CALLS);
}
