//! Light admission: it passes only what the ordinary protocol would have sent to native, and its account is the same.

use _accel::core::guard::light::{Light, Scopes};
use _accel::core::guard::ticket::{Path, Ticket};

use super::{Bench, settings, targeting};

fn ask(bench: &Bench) -> Light {
    bench.guard.admit_lightly(&Scopes::default())
}

#[test]
fn the_common_case_passes_and_is_tallied_in_both_accounts() {
    let bench = Bench::on();
    let branch = bench.guard.branch();
    assert_eq!(branch.admit_lightly(&Scopes::default()), Light::Passed);
    assert_eq!(ask(&bench), Light::Passed);
    assert_eq!(branch.status().calls.native, 1);
    assert_eq!(bench.guard.status().calls.native, 2);
    assert_eq!(bench.guard.status().native_latency.count, 0);
}

#[test]
fn everything_else_is_left_undecided_and_untallied() {
    for bench in [
        Bench::new(settings("off", 100.0, 0.0)),
        Bench::new(settings("shadow", 100.0, 0.0)),
        Bench::new(settings("on", 99.999, 0.0)),
        Bench::new(targeting(100.0, &["a"], &[])),
        Bench::new(targeting(100.0, &[], &["a"])),
    ] {
        assert_eq!(ask(&bench), Light::Undecided);
        assert_eq!(bench.guard.status().calls, Bench::on().guard.status().calls);
    }
}

#[test]
fn nobody_passes_while_a_scope_is_open() {
    let (bench, scopes) = (Bench::on(), Scopes::default());
    scopes.enter();
    scopes.enter();
    scopes.leave();
    assert_eq!(bench.guard.admit_lightly(&scopes), Light::Undecided);
    scopes.leave();
    assert_eq!(bench.guard.admit_lightly(&scopes), Light::Passed);
}

#[test]
fn nobody_passes_a_breaker_that_is_not_closed() {
    let bench = Bench::on();
    bench.fail_times(10);
    assert_eq!(ask(&bench), Light::Undecided);
    bench.wait_s(30);
    assert_eq!(ask(&bench), Light::Undecided);
    bench.guard.reset_errors();
    assert_eq!(ask(&bench), Light::Passed);
}

#[test]
fn the_share_to_verify_is_verified() {
    let bench = Bench::new(settings("on", 100.0, 10.0));
    let tickets: Vec<Ticket> = (0..10_000)
        .filter_map(|_| match ask(&bench) {
            Light::Verify(ticket) => Some(ticket),
            Light::Passed => None,
            Light::Undecided => panic!("undecided"),
        })
        .collect();
    assert!((850..1150).contains(&tickets.len()), "{}", tickets.len());
    assert!(tickets.iter().all(|ticket| ticket.path() == Path::Verify));
    let native = bench.guard.status().calls.native;
    assert_eq!(native + tickets.len() as u64, 10_000);
}

#[test]
fn a_call_that_was_withdrawn_is_told_otherwise() {
    let bench = Bench::on();
    assert_eq!(ask(&bench), Light::Passed);
    bench.guard.declined(bench.guard.withdraw(), "odd");
    assert_eq!(bench.guard.status().calls.native, 0);
    assert_eq!(bench.python("declined: odd"), 1);
    for _ in 0..10 {
        assert_eq!(ask(&bench), Light::Passed);
        bench
            .guard
            .failed(bench.guard.withdraw(), "ValueError", false, true);
    }
    assert_eq!((bench.state(), bench.python("failed")), ("open", 10));
}
