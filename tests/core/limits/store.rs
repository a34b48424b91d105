//! The two mappings against two ordered lists.

use _accel::core::limits::cell::{Cell, Number};
use _accel::core::limits::store::Store;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    PutCell(u8, i64),
    PutExpiry(u8, f64),
    TakeCell(u8),
    TakeExpiry(u8),
    Remove(u8),
    RemoveExpired(u8, f64),
    Reserve(Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12_u8, any::<i64>()).prop_map(|(key, value)| Step::PutCell(key, value)),
        4 => (0..12_u8, 0.0..9.0).prop_map(|(key, at_s)| Step::PutExpiry(key, at_s)),
        2 => (0..12_u8).prop_map(Step::TakeCell),
        2 => (0..12_u8).prop_map(Step::TakeExpiry),
        1 => (0..12_u8).prop_map(Step::Remove),
        3 => (0..12_u8, 0.0..9.0).prop_map(|(key, now_s)| Step::RemoveExpired(key, now_s)),
        1 => prop::option::of(0..9_usize).prop_map(Step::Reserve),
    ]
}

/// Half of the keys are the limiter's.
fn name(key: u8) -> String {
    if key.is_multiple_of(2) {
        format!("{{api_key:{key}}}:tokens")
    } else {
        format!("other {key}")
    }
}

fn number(cell: Option<Cell<u32>>) -> Option<i64> {
    match cell? {
        Cell::Number(Number::Int(value)) => Some(value),
        _ => None,
    }
}

fn put<T>(list: &mut Vec<(String, T)>, key: String, value: T) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some(known) => known.1 = value,
        None => list.push((key, value)),
    }
}

fn take<T>(list: &mut Vec<(String, T)>, key: &str) -> Option<T> {
    let at = list.iter().position(|(known, _)| known == key)?;
    Some(list.remove(at).1)
}

proptest! {
    #[test]
    fn like_two_dicts(steps in prop::collection::vec(step(), 300..500)) {
        let mut store = Store::<u32>::default();
        let (mut cells, mut expiries) = (Vec::<(String, i64)>::new(), Vec::<(String, f64)>::new());
        let mut reserved = false;
        for step in steps {
            match step {
                Step::PutCell(key, value) => {
                    store.put_cell(&name(key), Cell::Number(Number::Int(value)));
                    put(&mut cells, name(key), value);
                }
                Step::PutExpiry(key, at_s) => {
                    store.put_expiry(&name(key), at_s);
                    put(&mut expiries, name(key), at_s);
                }
                Step::TakeCell(key) => {
                    prop_assert_eq!(number(store.take_cell(&name(key))), take(&mut cells, &name(key)));
                }
                Step::TakeExpiry(key) => {
                    prop_assert_eq!(store.take_expiry(&name(key)), take(&mut expiries, &name(key)));
                }
                Step::Remove(key) => {
                    take(&mut expiries, &name(key));
                    prop_assert_eq!(number(store.remove(&name(key))), take(&mut cells, &name(key)));
                }
                Step::RemoveExpired(key, now_s) => {
                    // `get_cache` looks at what has a value only.
                    let due = cells.iter().any(|(known, _)| *known == name(key))
                        && expiries.iter().any(|(known, at_s)| *known == name(key) && now_s > *at_s);
                    let removed = store.remove_expired(&name(key), now_s);
                    prop_assert_eq!(removed.is_some(), due);
                    if due {
                        take(&mut expiries, &name(key));
                        prop_assert_eq!(removed.map(number), Some(take(&mut cells, &name(key))));
                    }
                }
                Step::Reserve(capacity) => {
                    let freed = store.reserve(capacity);
                    let mine = expiries.iter().filter(|(key, _)| key.starts_with('{')).count();
                    prop_assert_eq!(freed.len(), if reserved && capacity.is_none() { mine } else { 0 });
                    reserved = capacity.is_some();
                }
            }
            let ours: Vec<_> = store.cell_keys().iter().map(ToString::to_string).collect();
            let theirs: Vec<_> = cells.iter().map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(ours, theirs);
            let ours: Vec<_> = store.expiry_keys().iter().map(ToString::to_string).collect();
            let theirs: Vec<_> = expiries.iter().map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(ours, theirs);
            let counters = cells.iter().filter(|(key, _)| key.starts_with('{')).count();
            let apart = if reserved { counters } else { 0 };
            prop_assert_eq!(store.cells(), cells.len() - apart);
            prop_assert_eq!(store.reserved().map_or(0, |room| room.items), apart);
            prop_assert_eq!((store.expiries(), store.values().count()), (expiries.len(), cells.len()));
        }
    }
}

#[test]
fn the_edges_of_an_expiry_time() {
    let mut store = Store::<u32>::default();
    store.put_cell("key", Cell::Object(1));
    assert!(store.may_expire_anew("key", 0.0));
    store.put_expiry("key", 60.0);
    // A live one is never replaced, nor one that passes this very moment; a look-up finds it then, too.
    for now_s in [0.0, 59.9, 60.0] {
        assert!(!store.may_expire_anew("key", now_s));
        assert!(store.remove_expired("key", now_s).is_none());
    }
    let later = 60.0_f64.next_up();
    assert!(store.may_expire_anew("key", later));
    assert!(matches!(
        store.remove_expired("key", later),
        Some(Some(Cell::Object(1)))
    ));
    assert_eq!((store.cells(), store.expiries()), (0, 0));
}
