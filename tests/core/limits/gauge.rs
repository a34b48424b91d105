//! The gauge of requests in flight at its edges.

use _accel::core::limits::cell::{Cell, Number};
use _accel::core::limits::counters::{Counters, Reading};
use _accel::core::limits::gauge::{self, Gauge, SLOT_TTL_S, Taken};
use _accel::core::limits::slots::Slots;

use super::shelf::Shelf;

const KEY: &str = "{a:b}:max_parallel_requests";

fn gauge(limit: i64) -> Gauge {
    Gauge {
        key: KEY.to_owned(),
        limit,
    }
}

#[test]
fn a_leaked_slot_counts_for_an_hour_and_no_longer() {
    let mut shelf = Shelf::new(200, 0.0);
    shelf.store.put_cell(KEY, Cell::Slots(Box::default()));
    assert_eq!(
        gauge::take(&mut shelf, &[gauge(1)], "leaked", 100.0),
        Ok(Taken::All(vec![1]))
    );
    let full = Ok(Taken::Full {
        index: 0,
        in_flight: 1,
    });
    assert_eq!(
        gauge::take(&mut shelf, &[gauge(1)], "next", 100.0 + SLOT_TTL_S),
        full
    );
    let later = (100.0 + SLOT_TTL_S).next_up();
    assert_eq!(
        gauge::take(&mut shelf, &[gauge(1)], "next", later),
        Ok(Taken::All(vec![1]))
    );
    assert_eq!(
        shelf.slots(KEY, |slots| slots.is_held("leaked")),
        Some(false)
    );
}

#[test]
fn giving_back_twice_frees_nobody_elses() {
    let mut shelf = Shelf::new(200, 0.0);
    for slot in ["one", "other"] {
        gauge::take(&mut shelf, &[gauge(2)], slot, 1.0).unwrap();
    }
    for _ in 0..2 {
        gauge::give_back(&mut shelf, &[KEY.to_owned()], "one").unwrap();
        assert_eq!(
            gauge::count(&mut shelf, [KEY].into_iter(), 1.0),
            Ok(vec![1])
        );
    }
    gauge::give_back(
        &mut shelf,
        &["{no:body}:max_parallel_requests".to_owned()],
        "one",
    )
    .unwrap();
    assert_eq!(shelf.store.cells(), 1);
}

#[test]
fn a_number_from_redis_is_carried_on_as_a_number_and_is_never_below_zero() {
    let mut shelf = Shelf::new(200, 0.0);
    shelf.write(KEY, Number::Int(-5), 60.0);
    assert_eq!(
        gauge::take(&mut shelf, &[gauge(1)], "slot", 1.0),
        Ok(Taken::All(vec![1]))
    );
    assert_eq!(shelf.read(KEY), Reading::Number(Number::Int(1)));
    for _ in 0..2 {
        gauge::give_back(&mut shelf, &[KEY.to_owned()], "whoever").unwrap();
        assert_eq!(shelf.read(KEY), Reading::Number(Number::Int(0)));
    }
}

#[test]
fn a_limit_of_nothing_admits_nobody() {
    for limit in [0, -1, i64::MIN] {
        let mut shelf = Shelf::new(200, 0.0);
        let full = Ok(Taken::Full {
            index: 0,
            in_flight: 0,
        });
        assert_eq!(gauge::take(&mut shelf, &[gauge(limit)], "slot", 1.0), full);
        assert_eq!(shelf.store.cells(), 0);
    }
}

#[test]
fn slots_outlive_the_eviction_of_their_gauge_while_another_is_written() {
    // Room for one item, two gauges: writing the first evicts the second, whose slots are already known.
    let keys = ["{a:b}:max_parallel_requests", "{c:d}:max_parallel_requests"];
    let gauges = keys.map(|key| Gauge {
        key: key.to_owned(),
        limit: 5,
    });
    let mut shelf = Shelf::new(1, 0.0);
    let mut slots = Slots::default();
    slots.take("held", 1.0);
    shelf.put(keys[1], Cell::Slots(Box::new(slots)), SLOT_TTL_S);
    assert_eq!(
        gauge::take(&mut shelf, &gauges, "slot", 2.0),
        Ok(Taken::All(vec![1, 2]))
    );
    let held = shelf.slots(keys[1], |slots| slots.len());
    assert_eq!(held, Some(2), "as LiteLLM writes what it read");
}

#[test]
fn a_gauge_named_twice_keeps_its_slots() {
    let mut shelf = Shelf::new(200, 0.0);
    gauge::take(&mut shelf, &[gauge(9)], "held", 1.0).unwrap();
    assert_eq!(
        gauge::take(&mut shelf, &[gauge(9), gauge(9)], "slot", 2.0),
        Ok(Taken::All(vec![2, 2]))
    );
    assert_eq!(shelf.slots(KEY, |slots| slots.len()), Some(2));
}
