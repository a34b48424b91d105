//! Room of their own for the limiter's counters.

use _accel::core::limits::cell::{Cell, Number};
use _accel::core::limits::reserved::is_counter_key;
use _accel::core::limits::store::Store;
use proptest::prelude::*;

#[test]
fn which_keys_are_the_limiters() {
    for key in [
        "{api_key:a}:window",
        "{a:b}:requests",
        "{team:}}:x}:tokens",
        "{}:max_parallel_requests",
    ] {
        assert!(is_counter_key(key), "{key}");
    }
    for key in [
        "",
        "{",
        "{a}",
        "{a}:",
        "a}:window",
        "{a}:windows",
        "{a}window",
        "{a}:request",
        "x{a}:window",
        "{a:window",
    ] {
        assert!(!is_counter_key(key), "{key}");
    }
}

fn put(store: &mut Store<u32>, key: &str, now_s: f64, ttl_s: f64) -> usize {
    let removed = store.make_room(key, now_s).len();
    store.put_cell(key, Cell::Number(Number::Int(1)));
    if store.may_expire_anew(key, now_s) {
        store.put_expiry(key, now_s + ttl_s);
    }
    removed
}

proptest! {
    /// What expires first leaves first, what has expired before that, and there are never too many.
    #[test]
    fn never_more_than_there_is_room_for(
        steps in prop::collection::vec((0..20_u8, -3_i8..9, 1..30_u8), 200..400),
        capacity in 1..8_usize,
    ) {
        let mut store = Store::<u32>::default();
        store.put_cell("of nobody's", Cell::Object(1));
        store.reserve(Some(capacity));
        let (mut now_s, mut evicted) = (100.0, 0);
        let mut live: Vec<(String, f64)> = Vec::new();
        for (key, wait_s, ttl_s) in steps {
            now_s += f64::from(wait_s);
            let key = format!("{{api_key:{key}}}:tokens");
            let is_new = !live.iter().any(|(known, _)| *known == key);
            live.retain(|(_, at_s)| *at_s > now_s);
            if is_new && live.len() >= capacity {
                let first = live.iter().min_by(|one, other| {
                    one.1.total_cmp(&other.1).then(one.0.cmp(&other.0))
                });
                let first = first.unwrap().clone();
                live.retain(|known| *known != first);
                evicted += 1;
            }
            put(&mut store, &key, now_s, f64::from(ttl_s));
            if !live.iter().any(|(known, _)| *known == key) {
                live.push((key, now_s + f64::from(ttl_s)));
            }
            let room = store.reserved().unwrap();
            prop_assert_eq!((room.items, room.evicted), (live.len(), evicted));
            prop_assert!(room.items <= capacity);
            for (key, at_s) in &live {
                prop_assert_eq!(store.expiry(key), Some(*at_s));
            }
            prop_assert_eq!(store.cells(), 1);
        }
    }
}

#[test]
fn a_smaller_room_is_kept_to_from_the_next_counter_on() {
    let mut store = Store::<u32>::default();
    store.reserve(Some(10));
    for key in 0..10_u8 {
        put(
            &mut store,
            &format!("{{a:{key}}}:tokens"),
            0.0,
            60.0 + f64::from(key),
        );
    }
    store.reserve(Some(3));
    assert_eq!(store.reserved().unwrap().items, 10);
    assert_eq!(put(&mut store, "{a:new}:tokens", 0.0, 90.0), 8);
    assert_eq!(store.reserved().unwrap().items, 3);
    assert!(store.cell("{a:9}:tokens").is_some());
}

#[test]
fn without_room_of_their_own_they_go_by_the_heap() {
    let mut store = Store::<u32>::default();
    store.reserve(Some(10));
    put(&mut store, "{a:b}:tokens", 0.0, 60.0);
    assert_eq!(store.cells(), 0);
    let freed = store.reserve(None);
    assert_eq!(
        freed
            .iter()
            .map(|(at_s, key)| (*at_s, &**key))
            .collect::<Vec<_>>(),
        [(60.0, "{a:b}:tokens")]
    );
    assert_eq!(store.cells(), 1);
    assert!(
        store.make_room("{a:b}:tokens", 1e9).is_empty(),
        "there is none"
    );
    assert!(store.reserve(None).is_empty());
}
