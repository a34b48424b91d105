//! The breaker's life on a clock that only moves when told to.

use _accel::core::guard::circuit::{
    Cause, EQUAL_TRIALS, FAILURES_TO_OPEN, OPEN_MAX_NS, OPEN_NS, TRIALS, TRIALS_IN_FLIGHT,
};
use _accel::core::guard::ticket::{Path, Ticket};

use proptest::prelude::*;

use super::{Bench, SECOND_NS, settings};

fn open(bench: &Bench) {
    bench.fail_times(10);
    assert_eq!(bench.state(), "open");
}

fn mismatch(bench: &Bench) {
    bench.guard.compared(bench.admit(), false);
}

/// Opened by a mismatch, and its time is over.
fn distrusted() -> Bench {
    let bench = Bench::on();
    mismatch(&bench);
    bench.wait_s(30);
    bench
}

fn recover(bench: &Bench) {
    for _ in 0..EQUAL_TRIALS {
        bench.guard.compared(bench.admit(), true);
    }
    assert_eq!(bench.state(), "closed");
}

#[test]
fn the_documented_numbers() {
    assert_eq!((FAILURES_TO_OPEN, TRIALS, EQUAL_TRIALS), (10, 3, 100));
    assert_eq!((OPEN_NS, OPEN_MAX_NS), (30 * SECOND_NS, 600 * SECOND_NS));
}

#[test]
fn ten_failures_in_a_minute_open_it() {
    let bench = Bench::on();
    bench.fail_times(9);
    assert_eq!(bench.state(), "closed");
    bench.wait_s(60);
    bench.fail();
    let breaker = bench.guard.status().breaker;
    assert_eq!((breaker.state, breaker.times_opened), ("open", 1));
    assert_eq!(breaker.opened_by, Some(Cause::Failures));
    assert_eq!(breaker.retry_in_ms, Some(30_000));
    assert_eq!(bench.path(), Path::Python);
    assert_eq!(bench.python("breaker"), 1);
}

#[test]
fn failures_further_apart_do_not_open_it() {
    let bench = Bench::on();
    bench.fail_times(9);
    bench.clock.advance_ns(60 * SECOND_NS + 1);
    bench.fail_times(9);
    assert_eq!(bench.state(), "closed");
    bench.wait_s(61);
    for _ in 0..100 {
        bench.wait_s(7); // nine fit into a minute
        bench.fail();
    }
    assert_eq!(bench.state(), "closed");
}

#[test]
fn three_good_trials_close_it() {
    let bench = Bench::on();
    open(&bench);
    bench.clock.advance_ns(30 * SECOND_NS - 1);
    assert_eq!(bench.path(), Path::Python);
    assert_eq!(bench.guard.status().breaker.retry_in_ms, Some(1));
    bench.clock.advance_ns(1);
    assert_eq!(bench.state(), "half_open");
    for succeeded in 0..TRIALS {
        let trials = bench.guard.status().breaker.trials.unwrap();
        assert_eq!((trials.succeeded, trials.needed), (succeeded, TRIALS));
        let ticket = bench.admit();
        assert!(ticket.is_trial());
        assert_eq!(ticket.path(), Path::Native);
        bench.guard.handled(ticket);
    }
    let breaker = bench.guard.status().breaker;
    assert_eq!((breaker.state, breaker.opened_by), ("closed", None));
    assert!(!bench.admit().is_trial());
}

#[test]
fn only_a_few_trials_at_once() {
    let bench = Bench::on();
    open(&bench);
    bench.wait_s(30);
    let first = bench.admit();
    bench.guard.handled(first);
    // Two more successes are needed: a third trial would be one too many.
    let trials = [bench.admit(), bench.admit()];
    assert_eq!(bench.path(), Path::Python);
    bench.guard.handled(first); // a second report counts for nothing
    assert_eq!(bench.state(), "half_open");
    for ticket in trials {
        bench.guard.handled(ticket);
    }
    assert_eq!(bench.state(), "closed");
}

#[test]
fn open_time_doubles_up_to_ten_minutes_and_starts_again_after_closing() {
    let bench = Bench::on();
    open(&bench);
    for seconds in [30, 60, 120, 240, 480, 600, 600, 600] {
        let breaker = bench.guard.status().breaker;
        assert_eq!(breaker.retry_in_ms, Some(seconds * 1_000));
        bench.wait_s(seconds);
        assert_eq!(bench.state(), "half_open");
        bench.fail();
        assert_eq!(bench.state(), "open");
    }
    bench.wait_s(600);
    (0..TRIALS).for_each(|_| bench.guard.handled(bench.admit()));
    open(&bench);
    assert_eq!(bench.guard.status().breaker.retry_in_ms, Some(30_000));
    assert_eq!(bench.guard.status().breaker.times_opened, 10);
}

#[test]
fn trials_without_an_outcome_do_not_wedge_it() {
    let bench = Bench::on();
    open(&bench);
    bench.wait_s(30);
    let in_flight = || bench.guard.status().breaker.trials.unwrap().in_flight;
    bench.guard.abandoned(bench.admit());
    bench.guard.declined(bench.admit(), "tools");
    bench.guard.answered_by_python(bench.admit());
    assert_eq!(in_flight(), 0);
    let lost: Vec<Ticket> = (0..TRIALS_IN_FLIGHT).map(|_| bench.admit()).collect();
    assert_eq!(bench.path(), Path::Python);
    bench.wait_s(60);
    assert_eq!(in_flight(), 0);
    // Their slots are gone, so a late success proves nothing; a late failure does.
    bench.guard.handled(lost[0]);
    assert_eq!(bench.guard.status().breaker.trials.unwrap().succeeded, 0);
    bench.guard.failed(lost[1], "ValueError", false, true);
    assert_eq!(bench.state(), "open");
}

#[test]
fn late_outcomes_of_calls_from_before_the_opening_count_for_nothing() {
    let bench = Bench::on();
    let early: Vec<Ticket> = (0..30).map(|_| bench.admit()).collect();
    open(&bench);
    bench.guard.failed(early[0], "ValueError", false, true);
    assert_eq!(bench.guard.status().breaker.times_opened, 1);
    bench.wait_s(30);
    assert_eq!(bench.state(), "half_open");
    early[1..10]
        .iter()
        .for_each(|late| bench.guard.handled(*late));
    let trials = bench.guard.status().breaker.trials.unwrap();
    assert_eq!((trials.succeeded, trials.in_flight), (0, 0));
    bench.guard.failed(early[10], "ValueError", false, true);
    assert_eq!(bench.state(), "half_open");
    (0..TRIALS).for_each(|_| bench.guard.handled(bench.admit()));
    for late in &early[11..] {
        bench.guard.failed(*late, "ValueError", false, true);
    }
    assert_eq!(bench.state(), "closed");
}

#[test]
fn a_mismatch_or_a_panic_opens_it_at_once() {
    let bench = Bench::on();
    mismatch(&bench);
    let breaker = bench.guard.status().breaker;
    assert_eq!(
        (breaker.state, breaker.opened_by),
        ("open", Some(Cause::Mismatch))
    );

    let bench = Bench::on();
    bench
        .guard
        .failed(bench.admit(), "PanicException", true, true);
    let breaker = bench.guard.status().breaker;
    assert_eq!(
        (breaker.state, breaker.opened_by),
        ("open", Some(Cause::Panic))
    );
}

#[test]
fn after_a_mismatch_native_answers_nobody_before_a_hundred_equal_answers() {
    let bench = distrusted();
    for round in 0..EQUAL_TRIALS {
        assert_eq!(
            bench.guard.status().breaker.trials.unwrap().succeeded,
            round
        );
        let ticket = bench.admit();
        assert_eq!(ticket.path(), Path::Shadow);
        bench.guard.compared(ticket, true);
    }
    assert_eq!(bench.state(), "closed");
    assert_eq!(bench.path(), Path::Native);
    assert_eq!(bench.python("shadow"), u64::from(EQUAL_TRIALS));
}

#[test]
fn an_answer_that_was_not_compared_restores_no_trust() {
    let bench = distrusted();
    for _ in 0..2 * EQUAL_TRIALS {
        bench.guard.handled(bench.admit());
    }
    assert_eq!(bench.guard.status().breaker.trials.unwrap().succeeded, 0);
}

#[test]
fn a_failing_shadow_trial_opens_it_again_and_trust_stays_lost() {
    let bench = distrusted();
    bench.fail();
    let breaker = bench.guard.status().breaker;
    assert_eq!(
        (breaker.state, breaker.opened_by),
        ("open", Some(Cause::Mismatch))
    );
    assert_eq!(breaker.retry_in_ms, Some(60_000));
    bench.wait_s(60);
    assert_eq!(bench.path(), Path::Shadow);
}

#[test]
fn the_second_such_opening_latches_until_reset() {
    let bench = distrusted();
    recover(&bench);
    bench
        .guard
        .failed(bench.admit(), "PanicException", true, true);
    let breaker = bench.guard.status().breaker;
    assert_eq!(
        (breaker.state, breaker.opened_by),
        ("latched", Some(Cause::Panic))
    );
    assert_eq!((breaker.retry_in_ms, breaker.times_opened), (None, 2));
    bench.wait_s(1_000_000);
    assert_eq!(bench.path(), Path::Python);
    bench.guard.reset_errors();
    let breaker = bench.guard.status().breaker;
    assert_eq!((breaker.state, breaker.times_opened), ("closed", 0));
    mismatch(&bench);
    assert_eq!(bench.state(), "open"); // the first since the reset
}

#[test]
fn a_mismatch_among_the_trials_latches() {
    let bench = distrusted();
    mismatch(&bench);
    assert_eq!(bench.state(), "latched");
}

#[test]
fn one_wave_of_mismatches_is_one_opening() {
    let bench = Bench::new(settings("on", 100.0, 100.0));
    let wave: Vec<Ticket> = (0..100).map(|_| bench.admit()).collect();
    wave[..50]
        .iter()
        .for_each(|ticket| bench.guard.compared(*ticket, false));
    bench.wait_s(30);
    wave[50..75]
        .iter()
        .for_each(|ticket| bench.guard.compared(*ticket, false));
    assert_eq!(bench.state(), "half_open");
    recover(&bench);
    wave[75..]
        .iter()
        .for_each(|ticket| bench.guard.compared(*ticket, false));
    assert_eq!(bench.state(), "closed");
    assert_eq!(bench.guard.status().breaker.times_opened, 1);
}

#[test]
fn a_late_panic_is_evidence_even_after_an_opening_by_failures() {
    let bench = Bench::on();
    let early = bench.admit();
    open(&bench);
    bench.wait_s(30);
    bench.guard.failed(early, "PanicException", true, true);
    let breaker = bench.guard.status().breaker;
    assert_eq!(
        (breaker.state, breaker.opened_by),
        ("open", Some(Cause::Panic))
    );
}

#[test]
fn calls_from_before_a_reset_count_for_nothing() {
    let bench = Bench::on();
    let early: Vec<Ticket> = (0..20).map(|_| bench.admit()).collect();
    bench.guard.reset_errors();
    for ticket in &early {
        bench.guard.failed(*ticket, "PanicException", true, true);
        bench.guard.failed(*ticket, "ValueError", false, true);
    }
    assert_eq!(bench.state(), "closed");
}

#[test]
fn in_shadow_mode_trials_are_comparisons() {
    let bench = Bench::new(settings("shadow", 100.0, 0.0));
    open(&bench);
    bench.wait_s(30);
    for _ in 0..TRIALS {
        let ticket = bench.admit();
        assert_eq!(ticket.path(), Path::Shadow);
        bench.guard.compared(ticket, true);
    }
    assert_eq!(bench.state(), "closed");
}

#[test]
fn a_trial_slot_goes_only_to_a_call_that_will_use_it() {
    let bench = Bench::on();
    open(&bench);
    bench.wait_s(30);
    bench.guard.configure(settings("on", 0.0, 0.0));
    (0..10).for_each(|_| assert_eq!(bench.path(), Path::Python));
    assert_eq!(bench.python("percent"), 10);
    assert_eq!(bench.guard.status().breaker.trials.unwrap().in_flight, 0);
}

proptest! {
    /// Whatever happened, and with whatever calls still under way: it stands open no longer than ten minutes, then
    /// good trials close it, unless it is latched; and a reset always closes it.
    #[test]
    fn no_history_wedges_it(steps in prop::collection::vec((0..8_u8, 0..64_usize, 0..100_u64), 0..200)) {
        let bench = Bench::on();
        let mut under_way = vec![bench.admit()];
        for (step, which, seconds) in steps {
            let ticket = under_way[which % under_way.len()];
            match step {
                0 => bench.guard.handled(ticket),
                1 => bench.guard.declined(ticket, "tools"),
                2 => bench.guard.failed(ticket, "PanicException", seconds == 0, true),
                3 => bench.guard.compared(ticket, seconds != 0),
                4 => bench.wait_s(seconds),
                5 => bench.fail_times(10),
                _ => under_way.push(bench.admit()),
            }
        }
        bench.wait_s(600);
        if bench.state() == "half_open" {
            (0..EQUAL_TRIALS).for_each(|_| bench.guard.compared(bench.admit(), true));
        }
        prop_assert!(["closed", "latched"].contains(&bench.state()), "{}", bench.state());
        bench.guard.reset_errors();
        prop_assert_eq!(bench.path(), Path::Native);
    }
}
