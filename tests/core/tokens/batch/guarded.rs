//! What the guard lets through, and the account after it.

use _accel::core::guard::circuit::{Cause, TRIALS_IN_FLIGHT};
use _accel::core::tokens::SpellsAddedToken;

use super::{ADDED, Bench, long};
use crate::guard::{SECOND_NS, settings};

#[test]
fn while_off_nothing_is_looked_up_or_remembered() {
    let bench = Bench::new(settings("off", 100.0, 0.0));
    let a = long("a");
    bench.count(&[&a, &a, "short"]).unwrap();
    assert_eq!((bench.python("off"), bench.unknown()), (1, 0)); // asked once for all
    bench.guard.configure(settings("on", 100.0, 0.0));
    bench.count(&[&a]).unwrap();
    assert_eq!((bench.counted(), bench.unknown()), (1, 1));
}

#[test]
fn a_share_is_a_share_of_the_texts() {
    let bench = Bench::new(settings("on", 50.0, 0.0));
    let texts: Vec<String> = (0..200).map(|number| long(&number.to_string())).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(bench.count(&texts), bench.count(&texts));
    let (native, out) = (bench.calls().native, bench.python("percent"));
    // The same texts both times: who was unknown at first is remembered then.
    assert_eq!((bench.unknown(), out), (native, 400 - 2 * native));
    assert!((60..140).contains(&native), "{native}");
    assert_eq!(bench.counted() as u64, 200 - native);
}

#[test]
fn a_verified_text_is_counted_and_compared() {
    let bench = Bench::new(settings("on", 100.0, 100.0));
    let a = long("a");
    for _ in 0..3 {
        assert_eq!(bench.count(&[&a]), Ok(48));
        assert_eq!(bench.counted(), 1);
    }
    let calls = bench.calls();
    assert_eq!((calls.verified, calls.native, bench.unknown()), (2, 2, 1));
}

#[test]
fn in_shadow_every_text_is_counted() {
    let bench = Bench::new(settings("shadow", 100.0, 0.0));
    let a = long("a");
    bench.count(&[&a]).unwrap();
    assert_eq!(bench.count(&[&a]), Ok(48));
    assert_eq!(bench.counted(), 1);
    let calls = bench.calls();
    assert_eq!((calls.verified, calls.native), (1, 0));
    assert_eq!((bench.python("shadow"), bench.unknown()), (1, 1));
}

#[test]
fn a_wrong_count_gives_way_and_opens_the_breaker() {
    let bench = Bench::new(settings("on", 100.0, 100.0));
    let a = long("a");
    bench.count_by(2, &[&a]).unwrap();
    assert_eq!(bench.count(&[&a]), Ok(48)); // the fresh count, not the remembered one
    assert_eq!((bench.calls().mismatched, bench.python("mismatch")), (1, 1));
    assert_eq!(
        bench.guard.status().breaker.opened_by,
        Some(Cause::Mismatch)
    );
    assert_eq!(bench.count(&[&a]), Ok(48));
    assert_eq!((bench.counted(), bench.python("breaker")), (1, 1));
    bench.guard.reset_errors();
    bench.guard.configure(settings("on", 100.0, 0.0));
    assert_eq!((bench.count(&[&a]), bench.counted()), (Ok(48), 0));
}

#[test]
fn after_a_mismatch_trials_compare_and_close_the_breaker() {
    let bench = Bench::on();
    let a = long("a");
    bench.count(&[&a]).unwrap();
    open(&bench);
    for _ in 0..100 {
        assert_eq!(bench.count(&[&a]), Ok(48));
        assert_eq!(bench.counted(), 1);
    }
    assert_eq!(bench.guard.status().breaker.state, "closed");
    assert_eq!((bench.count(&[&a]), bench.counted()), (Ok(48), 0));
}

/// Half-open after a mismatch.
fn open(bench: &Bench) {
    let ticket = bench.guard.admit(0, [] as [&str; 0]);
    bench.guard.compared(ticket, false);
    bench.clock.advance_ns(30 * SECOND_NS);
}

#[test]
fn a_trial_of_an_unknown_text_gives_its_slot_back() {
    let bench = Bench::on();
    open(&bench);
    for number in 0..10 {
        bench.count(&[&long(&number.to_string())]).unwrap();
        assert_eq!(bench.in_flight(), 0);
    }
    assert_eq!((bench.unknown(), bench.python("breaker")), (10, 0));
}

#[test]
fn a_refused_batch_leaves_no_ticket_without_an_outcome() {
    let bench = Bench::on();
    let known: Vec<String> = (0..5).map(|number| long(&number.to_string())).collect();
    let added = long(ADDED);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    bench.count(&known).unwrap();
    open(&bench);
    // Before the refusal one is compared; the other slots' texts come after it.
    let batch = [known[0], &added, known[1], known[2], known[3], &long("new")];
    assert_eq!(bench.count(&batch), Err(SpellsAddedToken));
    assert_eq!(bench.counted(), 2); // nothing is counted in vain
    assert_eq!(bench.in_flight(), 0);
    let calls = bench.calls();
    let slots = TRIALS_IN_FLIGHT as u64;
    assert_eq!((calls.verified, calls.abandoned), (1, slots - 1));
    assert_eq!(bench.python("breaker"), 2); // all slots were taken
    let answers = calls.native + calls.python.values().sum::<u64>() + calls.abandoned;
    assert_eq!(answers, 5 + 1 + 6); // first batch, the mismatch, this one
}

#[test]
fn what_a_refused_batch_did_count_is_remembered() {
    let bench = Bench::on();
    let (a, b, added) = (long("a"), long("b"), long(ADDED));
    assert_eq!(bench.count(&[&a, &added, &b]), Err(SpellsAddedToken));
    assert_eq!((bench.counted(), bench.unknown()), (2, 3));
    assert_eq!(bench.count(&[&a]), Ok(48));
    assert_eq!(bench.counted(), 0);
    // What was refused or not reached is not.
    assert_eq!(bench.count(&[&added]), Err(SpellsAddedToken));
    assert_eq!(bench.count(&[&b]), Ok(48));
    assert_eq!(bench.counted(), 1);
}
