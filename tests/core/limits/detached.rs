//! The cells without Python: what is declined, what is noted for Python, and threads.

use std::sync::{Arc, Mutex};
use std::thread;

use _accel::core::limits::cell::{Cell, Number};
use _accel::core::limits::detached::{MAX_UNLISTED, Terms, step};
use _accel::core::limits::gauge::{self, Gauge, Taken};
use _accel::core::limits::store::Store;
use _accel::core::limits::window::{self, Charge, Charged, Pair};
use _accel::core::value::Unhandled;

const TERMS: Terms = Terms {
    now_s: 1_000.0,
    max_items: 200,
};

fn pair(scope: usize) -> Pair {
    Pair {
        window: format!("{{a:{scope}}}:window"),
        counter: format!("{{a:{scope}}}:requests"),
    }
}

fn count(content: &Mutex<Store<Arc<()>>>, terms: Terms, scope: usize) -> Result<i64, Unhandled> {
    let pair = pair(scope);
    let keys = pair.keys();
    step(content, terms, keys.iter().map(String::as_str), |cells| {
        window::count_one(cells, std::slice::from_ref(&pair), 1_000, 60)
    })
    .map(|counted| counted[0].1)
}

#[test]
fn a_step_with_python_is_not_interrupted() {
    let content = Mutex::<Store<Arc<()>>>::default();
    content.lock().unwrap().outside.begin_turn();
    content.lock().unwrap().outside.begin_turn();
    for _ in 0..2 {
        assert!(count(&content, TERMS, 0).is_err());
        content.lock().unwrap().outside.end_turn();
    }
    assert_eq!(content.lock().unwrap().cells(), 0);
    assert_eq!(count(&content, TERMS, 0), Ok(1));
    content.lock().unwrap().outside.end_turn();
    assert_eq!(count(&content, TERMS, 0), Ok(2));
}

#[test]
fn new_keys_go_into_free_room_only() {
    let content = Mutex::<Store<Arc<()>>>::default();
    let terms = Terms {
        max_items: 7,
        ..TERMS
    };
    assert_eq!(count(&content, terms, 0), Ok(1));
    assert_eq!(count(&content, terms, 1), Ok(1));
    assert_eq!(content.lock().unwrap().cells(), 6);
    assert!(count(&content, terms, 2).is_err(), "one place is not three");
    assert_eq!(content.lock().unwrap().cells(), 6);
    assert_eq!(
        count(&content, terms, 1),
        Ok(2),
        "what is there needs no room"
    );
    assert!(
        count(
            &content,
            Terms {
                max_items: 5,
                ..TERMS
            },
            1
        )
        .is_err(),
        "too many already: Python's turn"
    );
    assert!(
        count(
            &Mutex::default(),
            Terms {
                max_items: 0,
                ..TERMS
            },
            0
        )
        .is_err()
    );
}

#[test]
fn what_pythons_heap_must_list_is_noted_once_for_each_time() {
    let content = Mutex::<Store<Arc<()>>>::default();
    count(&content, TERMS, 0).unwrap();
    count(&content, TERMS, 0).unwrap();
    let mut noted: Vec<_> = (content.lock().unwrap().outside.unlisted.iter())
        .map(|(at_s, key)| (*at_s, key.to_string()))
        .collect();
    noted.sort_by(|one, other| one.1.cmp(&other.1));
    let keys = ["{a:0}:requests", "{a:0}:tokens", "{a:0}:window"];
    assert_eq!(noted, keys.map(|key| (1_060.0, key.to_owned())));
    let mut store = content.lock().unwrap();
    while store.outside.unlisted.len() < MAX_UNLISTED {
        store.outside.unlisted.push((0.0, "of others".into()));
    }
    drop(store);
    assert!(count(&content, TERMS, 0).is_err());
}

#[test]
fn counters_with_room_of_their_own_need_no_heap() {
    let content = Mutex::<Store<Arc<()>>>::default();
    content.lock().unwrap().reserve(Some(6));
    let full = Terms {
        max_items: 1,
        ..TERMS
    };
    content
        .lock()
        .unwrap()
        .put_cell("other", Cell::Number(Number::Int(1)));
    for scope in 0..4 {
        assert_eq!(count(&content, full, scope), Ok(1));
    }
    let store = content.lock().unwrap();
    assert_eq!(
        store.reserved().map(|room| (room.items, room.evicted)),
        Some((6, 6))
    );
    assert!(store.outside.unlisted.is_empty());
}

#[test]
fn an_object_is_never_dropped_in_here() {
    let object = Arc::new(());
    let content = Mutex::<Store<Arc<()>>>::default();
    {
        let mut store = content.lock().unwrap();
        for kind in ["window", "tokens"] {
            let key = format!("{{a:0}}:{kind}");
            store.put_cell(&key, Cell::Object(Arc::clone(&object)));
            // The window has expired; the sibling is overwritten by the new one.
            store.put_expiry(&key, if kind == "window" { 999.0 } else { 2_000.0 });
        }
    }
    assert_eq!(count(&content, TERMS, 0), Ok(1));
    assert_eq!(Arc::strong_count(&object), 3);
    assert_eq!(content.lock().unwrap().outside.displaced.len(), 2);
    content
        .lock()
        .unwrap()
        .put_cell("{a:0}:requests", Cell::Object(Arc::clone(&object)));
    assert!(count(&content, TERMS, 0).is_err());
    assert_eq!(Arc::strong_count(&object), 4);
}

#[test]
fn many_threads_are_admitted_to_the_limit_exactly() {
    let content = Arc::new(Mutex::<Store<()>>::default());
    let charge = Charge {
        pair: pair(0),
        limit: 500,
        increment: 5,
        ttl_s: 60,
        window_s: 60,
    };
    let gauge = Gauge {
        key: "{a:0}:max_parallel_requests".to_owned(),
        limit: 64,
    };
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (content, charge, gauge) = (Arc::clone(&content), charge.clone(), gauge.clone());
            thread::spawn(move || {
                let (mut charged, mut taken) = (0, 0);
                for request in 0..100 {
                    let keys = charge.pair.keys();
                    let answer = step(&content, TERMS, keys.iter().map(String::as_str), |cells| {
                        window::charge_all(cells, std::slice::from_ref(&charge), 1_000)
                    });
                    charged += usize::from(matches!(answer, Ok(Charged::All(_))));
                    let slot = format!("{thread} {request}");
                    let slots = step(&content, TERMS, [gauge.key.as_str()], |cells| {
                        gauge::take(cells, std::slice::from_ref(&gauge), &slot, 1_000.0)
                    });
                    taken += usize::from(matches!(slots, Ok(Taken::All(_))));
                }
                (charged, taken)
            })
        })
        .collect();
    let sums = (threads.into_iter()).map(|thread| thread.join().unwrap());
    let sums = sums.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(sums, (100, 64));
}
