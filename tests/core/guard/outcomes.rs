//! Each outcome lands in the account as what the caller got.

use _accel::core::guard::ticket::{PATH_MASK, Path, Ticket};
use proptest::prelude::*;

use super::{Bench, settings};

#[test]
fn native_answers() {
    let bench = Bench::on();
    let ticket = bench.admit();
    bench.clock.advance_ns(1_000);
    bench.guard.handled(ticket);
    let status = bench.guard.status();
    assert_eq!(status.calls.native, 1);
    assert!(status.calls.python.is_empty());
    assert_eq!(
        (status.native_latency.count, status.native_latency.mean_ns),
        (1, 1_000)
    );
}

#[test]
fn a_decline_is_pythons_answer_under_its_own_name() {
    let bench = Bench::on();
    bench.guard.declined(bench.admit(), "percent");
    assert_eq!(
        (bench.python("declined: percent"), bench.python("percent")),
        (1, 0)
    );
    assert_eq!(bench.guard.status().calls.native, 0);
}

#[test]
fn a_failure_is_pythons_answer_only_where_python_answered() {
    let bench = Bench::on();
    bench.guard.failed(bench.admit(), "ValueError", false, true);
    bench.guard.failed(bench.admit(), "OSError", false, false);
    assert_eq!(bench.python("failed"), 1);
    let failed = bench.guard.status().calls.failed;
    assert_eq!((failed["ValueError"], failed["OSError"]), (1, 1));
}

#[test]
fn a_verified_call_counts_for_the_side_whose_value_was_used() {
    let bench = Bench::new(settings("on", 100.0, 100.0));
    bench.guard.compared(bench.admit(), true);
    bench.guard.compared(bench.admit(), false);
    let status = bench.guard.status();
    assert_eq!(
        (
            status.calls.native,
            status.calls.verified,
            status.calls.mismatched
        ),
        (1, 1, 1)
    );
    assert_eq!(bench.python("mismatch"), 1);
    assert_eq!(status.native_latency.count, 0); // two answers were made, so it is no native latency
}

#[test]
fn in_shadow_python_answers_whatever_native_did() {
    let bench = Bench::new(settings("shadow", 100.0, 0.0));
    bench.guard.failed(bench.admit(), "ValueError", false, true);
    bench.guard.handled(bench.admit());
    bench.guard.declined(bench.admit(), "tools");
    bench.guard.compared(bench.admit(), true);
    bench.guard.compared(bench.admit(), false);
    assert_eq!(
        (bench.python("shadow"), bench.python("declined: tools")),
        (4, 1)
    );
    assert_eq!((bench.python("failed"), bench.python("mismatch")), (0, 0));
    let calls = bench.guard.status().calls;
    assert_eq!((calls.native, calls.failed["ValueError"]), (0, 1));
    assert_eq!((calls.verified, calls.mismatched), (1, 1));
}

#[test]
fn a_call_sent_to_python_is_tallied_once() {
    let bench = Bench::new(settings("off", 100.0, 0.0));
    let ticket = bench.admit();
    assert_eq!(ticket.path(), Path::Python);
    bench.clock.advance_ns(2_000);
    bench.guard.answered_by_python(ticket);
    let before = bench.guard.status();
    assert_eq!(
        (bench.python("off"), before.python_latency.mean_ns),
        (1, 2_000)
    );
    bench.guard.handled(ticket);
    bench.guard.declined(ticket, "tools");
    bench.guard.failed(ticket, "ValueError", true, true);
    bench.guard.compared(ticket, false);
    bench.guard.abandoned(ticket);
    assert_eq!(bench.guard.status(), before);
}

#[test]
fn a_call_that_was_cut_off_is_nobodys_answer() {
    let bench = Bench::on();
    bench.guard.abandoned(bench.admit());
    let calls = bench.guard.status().calls;
    assert_eq!(
        (calls.abandoned, calls.native, calls.python.len()),
        (1, 0, 0)
    );
}

proptest! {
    #[test]
    fn tickets_carry_what_they_were_given(
        path in prop::sample::select(vec![Path::Native, Path::Verify, Path::Shadow, Path::Python]),
        trial: bool,
        epoch in 0..u64::MAX - 4_096, later_epochs in 0..4_096_u64,
        start_ns: u64, elapsed_ns in 0..1_u64 << 48,
    ) {
        let packed = Ticket::new(path, trial, epoch, start_ns).pack();
        prop_assert!(packed >= 0);
        prop_assert_eq!(packed.cast_unsigned() & PATH_MASK, path as u64);
        let ticket = Ticket::unpack(packed).unwrap();
        prop_assert_eq!((ticket.path(), ticket.is_trial()), (path, trial));
        prop_assert_eq!(ticket.epoch(epoch + later_epochs), epoch);
        prop_assert_eq!(ticket.elapsed_ns(start_ns.wrapping_add(elapsed_ns)), elapsed_ns);
    }

    #[test]
    fn any_number_is_a_ticket_or_refused(packed: i64) {
        prop_assert_eq!(Ticket::unpack(packed).is_some(), packed >= 0);
        if let Some(ticket) = Ticket::unpack(packed) {
            let bench = Bench::on();
            bench.guard.handled(ticket);
            bench.guard.failed(ticket, "ValueError", true, true);
            bench.guard.compared(ticket, true);
            prop_assert!(bench.guard.status().calls.native <= 2);
        }
    }
}
