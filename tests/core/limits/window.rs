//! Windows at their exact edges, and with numbers that are too large.

use _accel::core::limits::cell::Number;
use _accel::core::limits::counters::{Counters, LARGE, Reading};
use _accel::core::limits::window::{self, Charge, Charged, Pair};

use super::shelf::Shelf;

fn pair(counter: &str) -> Pair {
    Pair {
        window: "{a:b}:window".to_owned(),
        counter: format!("{{a:b}}:{counter}"),
    }
}

fn charge(limit: i64, increment: i64) -> Charge {
    Charge {
        pair: pair("tokens"),
        limit,
        increment,
        ttl_s: 60,
        window_s: 60,
    }
}

#[test]
fn a_window_lasts_to_the_second() {
    let mut shelf = Shelf::new(200, 1_000.0);
    for (now_s, count) in [
        (1_000, 1),
        (1_059, 2),
        (1_060, 1),
        (1_000, 2),
        (1_119, 3),
        (1_120, 1),
    ] {
        // The cells outlive their window here: only what the window holds decides.
        let counted = window::count_one(&mut shelf, &[pair("requests")], now_s, 60).unwrap();
        assert_eq!(
            counted.first().map(|(_, count)| *count),
            Some(count),
            "{now_s}"
        );
    }
}

#[test]
fn a_new_window_sets_its_siblings_to_zero() {
    let mut shelf = Shelf::new(200, 1_000.0);
    shelf.write("{a:b}:tokens", Number::Int(99), 600.0);
    window::count_one(&mut shelf, &[pair("requests")], 1_000, 60).unwrap();
    assert_eq!(shelf.read("{a:b}:tokens"), Reading::Number(Number::Int(0)));
    assert_eq!(
        shelf.read("{a:b}:window"),
        Reading::Number(Number::Digits(1_000))
    );
    assert_eq!(
        shelf.store.expiry("{a:b}:tokens"),
        Some(1_600.0),
        "a live time is never replaced"
    );
}

#[test]
fn to_the_limit_and_no_further() {
    let mut shelf = Shelf::new(200, 1_000.0);
    let all = |count| Charged::All(vec![(count, 1_000)]);
    let over = |current| Charged::Over { index: 0, current };
    assert_eq!(
        window::charge_all(&mut shelf, &[charge(10, 11)], 1_000).unwrap(),
        over(0)
    );
    assert_eq!(
        window::charge_all(&mut shelf, &[charge(10, 10)], 1_000).unwrap(),
        all(10)
    );
    // Nothing more is asked for whether there is room for anything.
    assert_eq!(
        window::charge_all(&mut shelf, &[charge(10, 0)], 1_000).unwrap(),
        over(10)
    );
    assert_eq!(
        window::charge_all(&mut shelf, &[charge(11, 0)], 1_000).unwrap(),
        all(10)
    );
    assert_eq!(
        window::charge_all(&mut shelf, &[charge(11, 1), charge(0, 1)], 1_000).unwrap(),
        Charged::Over {
            index: 1,
            current: 10
        }
    );
    assert_eq!(
        shelf.read("{a:b}:tokens"),
        Reading::Number(Number::Int(10)),
        "all or nothing"
    );
}

#[test]
fn what_is_too_large_is_declined_and_nothing_overflows() {
    for amount in [LARGE, -LARGE, i64::MAX, i64::MIN] {
        let mut shelf = Shelf::new(200, 1_000.0);
        assert!(window::charge_all(&mut shelf, &[charge(i64::MAX, amount)], 1_000).is_err());
        assert!(window::add(&mut shelf, &[("{a:b}:tokens".to_owned(), amount)], 60.0).is_err());
        assert_eq!(shelf.store.cells(), 0);
        for key in ["{a:b}:tokens", "{a:b}:window"] {
            let mut shelf = Shelf::new(200, 1_000.0);
            shelf.write(key, Number::Int(amount), 60.0);
            // The counter of a window that has passed is not looked at.
            let charged = window::charge_all(&mut shelf, &[charge(0, 1)], 1_000);
            assert_eq!(charged.is_err(), key.ends_with("window"));
            assert!(window::count_one(&mut shelf, &[pair("tokens")], 1_000, 60).is_err());
            assert_eq!(shelf.store.cells(), 1);
        }
    }
}

#[test]
fn the_largest_that_is_taken() {
    let mut shelf = Shelf::new(200, 1_000.0);
    let largest = LARGE - 1;
    let counted = window::charge_all(&mut shelf, &[charge(i64::MAX, largest)], 1_000).unwrap();
    assert_eq!(counted, Charged::All(vec![(largest, 1_000)]));
    let counted = window::charge_all(&mut shelf, &[charge(i64::MAX, largest)], 1_000).unwrap();
    assert_eq!(counted, Charged::All(vec![(2 * largest, 1_000)]));
    assert!(window::charge_all(&mut shelf, &[charge(i64::MAX, 1)], 1_000).is_err());
}

#[test]
fn a_clock_at_its_ends_overflows_nothing() {
    for now_s in [i64::MIN, i64::MAX] {
        for began in [LARGE - 1, 1 - LARGE] {
            let shelf = || {
                let mut shelf = Shelf::new(200, 1_000.0);
                shelf.write("{a:b}:window", Number::Int(began), 60.0);
                shelf
            };
            assert!(window::count_one(&mut shelf(), &[pair("requests")], now_s, 60).is_ok());
            assert!(window::charge_all(&mut shelf(), &[charge(9, 1)], now_s).is_ok());
        }
    }
}

#[test]
fn taken_back_is_one_less_each() {
    let mut shelf = Shelf::new(200, 1_000.0);
    let pairs = [pair("requests"), pair("tokens")];
    for _ in 0..3 {
        window::count_one(&mut shelf, &pairs, 1_000, 60).unwrap();
    }
    let before = shelf.read("{a:b}:requests").int().unwrap();
    window::take_back(&mut shelf, &pairs, 60);
    assert_eq!(shelf.read("{a:b}:requests").int(), Some(before - 1));
}
