//! A bounded map: who is forgotten first.

use _accel::core::limits::keyed::Keyed;
use _accel::core::limits::quota::Window;
use _accel::core::limits::sliding::Sliding;
use proptest::prelude::*;

use super::{NOW_MS, quota};

fn charge(store: &mut Keyed<Sliding>, key: &str, now_ms: u64) {
    store.change(key, now_ms, |window| {
        window.charge(&quota(9, 60_000, 0), 1, now_ms)
    });
}

#[test]
fn the_one_that_expires_first_is_forgotten() {
    let mut store = Keyed::new(3);
    for (key, after) in [("a", 0), ("b", 1_000), ("c", 2_000), ("a", 3_000)] {
        charge(&mut store, key, NOW_MS + after);
    }
    charge(&mut store, "d", NOW_MS + 4_000);
    let kept = ["a", "b", "c", "d"].map(|key| store.get(key).is_some());
    assert_eq!(kept, [true, false, true, true], "a was used again");
    assert_eq!((store.len(), store.is_empty()), (3, false));
}

#[test]
fn expired_keys_go_as_new_ones_come() {
    let mut store = Keyed::new(1_000);
    for key in 0..100 {
        charge(&mut store, &key.to_string(), NOW_MS);
    }
    for key in 100..150 {
        charge(&mut store, &key.to_string(), NOW_MS + 121_000);
    }
    assert_eq!(store.len(), 50);
    assert!(store.get("99").is_none());
}

#[test]
fn there_is_always_room_for_one() {
    let mut store = Keyed::new(0);
    assert!(store.is_empty());
    for key in ["a", "b"] {
        charge(&mut store, key, NOW_MS);
        assert_eq!(store.len(), 1);
    }
    assert!(store.get_mut("b").is_some());
}

proptest! {
    #[test]
    fn it_never_holds_more_and_never_loses_a_live_key_while_an_expired_one_is_kept(
        uses in prop::collection::vec((0..12_u8, 0..40_000_u64), 0..200),
    ) {
        let mut store = Keyed::new(5);
        let mut now = NOW_MS;
        for (key, wait) in uses {
            now += wait;
            let expires = |store: &Keyed<Sliding>| -> Vec<(String, u64)> {
                let keys = (0..12_u8).map(|key| key.to_string());
                keys.filter_map(|key| store.get(&key).map(|window| (key.clone(), window.expires_ms()))).collect()
            };
            let before = expires(&store);
            charge(&mut store, &key.to_string(), now);
            prop_assert!(store.len() <= 5);
            let after = expires(&store);
            let lost = before.iter().filter(|(key, _)| !after.iter().any(|(kept, _)| kept == key));
            for (_, at) in lost {
                let earliest_kept = after.iter().filter(|(kept, _)| *kept != key.to_string()).map(|(_, at)| at).min();
                prop_assert!(*at <= now || earliest_kept.is_none_or(|kept| at <= kept));
            }
        }
    }
}
