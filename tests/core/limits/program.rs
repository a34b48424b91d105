//! Random programs of the limiter's steps, on native cells and on the reference.

use std::sync::Mutex;

use _accel::core::limits::cell::{Cell, Number};
use _accel::core::limits::counters::Counters;
use _accel::core::limits::detached::{self, Terms};
use _accel::core::limits::gauge::{self, Gauge, Taken};
use _accel::core::limits::store::Store;
use _accel::core::limits::window::{self, Charge, Charged, Pair};
use _accel::core::value::Unhandled;
use proptest::prelude::*;

use super::reference::{Cache, Meta, Value};
use super::shelf::{Shelf, assert_same};

/// One step of a program. Scopes are numbers; several of one step differ.
#[derive(Clone, Debug)]
pub enum Step {
    /// The clock moves, backwards too.
    Wait(f64),
    /// One request under each scope.
    Count {
        scopes: Vec<u8>,
        window_s: i64,
    },
    /// (scope, whether tokens, limit, increment, time to live, window)
    Charge(Vec<(u8, bool, i64, i64, i64, i64)>),
    /// Gauges and limits.
    Take {
        gauges: Vec<(u8, i64)>,
        slot: u8,
    },
    GiveBack {
        scopes: Vec<u8>,
        slot: u8,
    },
    /// What success events add.
    Add {
        scope: u8,
        amount: i64,
    },
    /// A value that Redis or a settlement left.
    Mirror {
        scope: u8,
        kind: u8,
        value: f64,
    },
    Delete {
        scope: u8,
        kind: u8,
    },
}

/// What a step answered.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Counted(Vec<(i64, i64)>),
    Refused(usize, i64),
    Taken(Vec<i64>),
    Nothing,
}

fn key(scope: u8, kind: u8) -> String {
    let kinds = ["window", "requests", "tokens", "max_parallel_requests"];
    format!("{{api_key:{scope}}}:{}", kinds[usize::from(kind)])
}

fn pair(scope: u8, tokens: bool) -> Pair {
    Pair {
        window: key(scope, 0),
        counter: key(scope, 1 + u8::from(tokens)),
    }
}

fn scopes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::hash_set(0..4_u8, 1..4).prop_map(|scopes| scopes.into_iter().collect())
}

fn charge() -> impl Strategy<Value = (u8, bool, i64, i64, i64, i64)> {
    let size = prop::sample::select(vec![1, 2, 60]);
    (
        0..4_u8,
        any::<bool>(),
        0..40_i64,
        0..9_i64,
        size.clone(),
        size,
    )
}

pub fn program() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop::sample::select(vec![
        0.0, 0.5, 1.0, 2.0, 59.0, 60.0, 61.0, 3_599.0, 3_601.0, -0.5, -1.0, -70.0,
    ]);
    let limited = prop::collection::hash_map(0..4_u8, 0..5_i64, 1..3);
    let value = prop::sample::select(vec![0.0, -0.0, 3.0, 7.5, -2.0, 1e12]);
    let step = prop_oneof![
        3 => wait.prop_map(Step::Wait),
        4 => (scopes(), prop::sample::select(vec![1, 60])).prop_map(|(scopes, window_s)| Step::Count { scopes, window_s }),
        4 => prop::collection::vec(charge(), 1..4).prop_map(Step::Charge),
        3 => (limited, 0..6_u8).prop_map(|(gauges, slot)| Step::Take { gauges: gauges.into_iter().collect(), slot }),
        2 => (scopes(), 0..6_u8).prop_map(|(scopes, slot)| Step::GiveBack { scopes, slot }),
        2 => (0..4_u8, -9..9_i64).prop_map(|(scope, amount)| Step::Add { scope, amount }),
        1 => (0..4_u8, 1..4_u8, value).prop_map(|(scope, kind, value)| Step::Mirror { scope, kind, value }),
        1 => (0..4_u8, 0..4_u8).prop_map(|(scope, kind)| Step::Delete { scope, kind }),
    ];
    prop::collection::vec(step, 200..400)
}

/// Every key that a step may write.
fn keys(step: &Step) -> Vec<String> {
    let all = |scopes: &[u8], kind| scopes.iter().map(|scope| key(*scope, kind)).collect();
    match step {
        Step::Count { scopes, .. } => (scopes.iter())
            .flat_map(|scope| pair(*scope, false).keys())
            .collect(),
        Step::Charge(charges) => (charges.iter())
            .flat_map(|(scope, tokens, ..)| pair(*scope, *tokens).keys())
            .collect(),
        Step::Take { gauges, .. } => gauges.iter().map(|(scope, _)| key(*scope, 3)).collect(),
        Step::GiveBack { scopes, .. } => all(scopes, 3),
        Step::Add { scope, .. } => all(&[*scope], 2),
        Step::Mirror { scope, kind, .. } => all(&[*scope], *kind),
        Step::Wait(_) | Step::Delete { .. } => Vec::new(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "as Python's int")]
fn whole(now_s: f64) -> i64 {
    now_s as i64
}

fn number(kind: u8, value: f64) -> Number {
    if kind == 3 {
        Number::Int(whole(value))
    } else {
        Number::Float(value)
    }
}

/// The step on native cells.
pub fn run(counters: &mut impl Counters, step: &Step, now_s: f64) -> Result<Answer, Unhandled> {
    Ok(match step {
        Step::Count { scopes, window_s } => {
            let pairs: Vec<_> = scopes.iter().map(|scope| pair(*scope, false)).collect();
            let counted = window::count_one(counters, &pairs, whole(now_s), *window_s)?;
            let counted = counted
                .into_iter()
                .map(|(began, count)| (began.int().unwrap(), count));
            Answer::Counted(counted.collect())
        }
        Step::Charge(charges) => {
            let charges: Vec<_> = (charges.iter())
                .map(
                    |&(scope, tokens, limit, increment, ttl_s, window_s)| Charge {
                        pair: pair(scope, tokens),
                        limit,
                        increment,
                        ttl_s,
                        window_s,
                    },
                )
                .collect();
            match window::charge_all(counters, &charges, whole(now_s))? {
                Charged::All(counted) => Answer::Counted(counted),
                Charged::Over { index, current } => Answer::Refused(index, current),
            }
        }
        Step::Take { gauges, slot } => {
            let gauges: Vec<_> = (gauges.iter())
                .map(|&(scope, limit)| Gauge {
                    key: key(scope, 3),
                    limit,
                })
                .collect();
            match gauge::take(counters, &gauges, &slot.to_string(), now_s)? {
                Taken::All(in_flight) => Answer::Taken(in_flight),
                Taken::Full { index, in_flight } => Answer::Refused(index, in_flight),
            }
        }
        Step::GiveBack { slot, .. } => {
            gauge::give_back(counters, &keys(step), &slot.to_string())?;
            Answer::Nothing
        }
        Step::Add { scope, amount } => {
            window::add(counters, &[(key(*scope, 2), *amount)], 600.0)?;
            Answer::Nothing
        }
        Step::Mirror { scope, kind, value } => {
            counters.write(&key(*scope, *kind), number(*kind, *value), 60.0);
            Answer::Nothing
        }
        Step::Wait(_) | Step::Delete { .. } => Answer::Nothing,
    })
}

/// The step as LiteLLM does it.
fn expected(cache: &mut Cache, step: &Step) -> Answer {
    let now_s = cache.now_s;
    match step {
        Step::Wait(_) => {}
        Step::Count { scopes, window_s } => {
            let keys: Vec<_> = (scopes.iter())
                .flat_map(|scope| [key(*scope, 0), key(*scope, 1)])
                .collect();
            return Answer::Counted(cache.sliding_window(&keys, whole(now_s), *window_s));
        }
        Step::Charge(charges) => {
            let metas: Vec<_> = (charges.iter())
                .map(
                    |&(scope, tokens, limit, increment, ttl, window_size)| Meta {
                        window_key: key(scope, 0),
                        counter_key: key(scope, 1 + u8::from(tokens)),
                        limit,
                        increment,
                        ttl,
                        window_size,
                    },
                )
                .collect();
            return match cache.check_and_increment(&metas, whole(now_s)) {
                Ok(counted) => Answer::Counted(counted),
                Err((index, current)) => Answer::Refused(index, current),
            };
        }
        Step::Take { gauges, slot } => {
            let gauges: Vec<_> = gauges
                .iter()
                .map(|&(scope, limit)| (key(scope, 3), limit))
                .collect();
            return match cache.acquire(&gauges, &slot.to_string(), now_s) {
                Ok(in_flight) => Answer::Taken(in_flight),
                Err((index, in_flight)) => Answer::Refused(index, in_flight),
            };
        }
        Step::GiveBack { slot, .. } => cache.release(&keys(step), &slot.to_string()),
        Step::Add { scope, amount } => cache.increment_cache(&key(*scope, 2), *amount, 600.0),
        Step::Mirror { scope, kind, value } => {
            let value = match number(*kind, *value) {
                Number::Int(value) => Value::Int(value),
                _ => Value::Float(*value),
            };
            cache.set_cache(&key(*scope, *kind), value, 60.0);
        }
        Step::Delete { scope, kind } => cache.remove_key(&key(*scope, *kind)),
    }
    Answer::Nothing
}

const BEGAN_S: f64 = 1_795_000_000.25;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// With a heap, at any capacity: the same answers and, after each step, the same content.
    #[test]
    fn with_python_at_hand(steps in program(), max_items in prop::sample::select(vec![1_usize, 3, 6, 9, 200])) {
        let mut cache = Cache::new(max_items, BEGAN_S);
        let mut shelf = Shelf::new(max_items, BEGAN_S);
        for step in &steps {
            match step {
                Step::Wait(seconds) => {
                    cache.now_s += seconds;
                    shelf.now_s += seconds;
                }
                Step::Delete { scope, kind } => {
                    shelf.store.remove(&key(*scope, *kind));
                }
                _ => {}
            }
            let now_s = shelf.now_s;
            let answer = run(&mut shelf, step, now_s).unwrap();
            prop_assert_eq!(answer, expected(&mut cache, step), "{:?}", step);
            assert_same(&shelf.store, &cache);
        }
    }

    /// Without one: the same answers and, as far as a look-up can tell, the same content.
    #[test]
    fn without_python(steps in program(), reserved in any::<bool>()) {
        let mut cache = Cache::new(200, BEGAN_S);
        let content = Mutex::new(Store::<u32>::default());
        if reserved {
            content.lock().unwrap().reserve(Some(200));
        }
        for step in &steps {
            match step {
                Step::Wait(seconds) => cache.now_s += seconds,
                Step::Delete { scope, kind } => {
                    content.lock().unwrap().remove(&key(*scope, *kind));
                }
                _ => {}
            }
            let terms = Terms { now_s: cache.now_s, max_items: 200 };
            let keys = keys(step);
            let keys = keys.iter().map(String::as_str);
            let answer = detached::step(&content, terms, keys, |cells| run(cells, step, terms.now_s)).unwrap();
            prop_assert_eq!(answer, expected(&mut cache, step), "{:?}", step);
            for scope in 0..4 {
                for kind in 0..4 {
                    let key = key(scope, kind);
                    let now_s = cache.now_s;
                    // What has expired may be there still; LiteLLM's next `set_cache` takes it out.
                    let mut store = content.lock().unwrap();
                    let live = store.expiry(&key).is_none_or(|at_s| at_s > now_s);
                    let ours = store.cell(&key).filter(|_| live).map(super::shelf::value);
                    let gone = cache.ttl_dict.get(&key).is_some_and(|&at_s| at_s <= now_s);
                    let theirs = cache.values.get(&key).filter(|_| !gone).cloned();
                    prop_assert_eq!(ours, theirs, "{}", key);
                    if !live {
                        store.remove(&key);
                        cache.remove_key(&key);
                    }
                }
            }
        }
        let store = content.lock().unwrap();
        prop_assert!(store.outside.displaced.is_empty());
        prop_assert!(store.outside.unlisted.is_empty() || !reserved);
    }
}

/// A value that no step of the limiter can be asked about.
#[test]
fn an_object_declines_every_step_and_nothing_changes() {
    for kind in 0..4 {
        let mut shelf = Shelf::new(200, BEGAN_S);
        shelf.put(&key(1, kind), Cell::Object(7), 60.0);
        let steps = [
            Step::Count {
                scopes: vec![0, 1],
                window_s: 60,
            },
            Step::Charge(vec![
                (0, kind == 2, 5, 1, 60, 60),
                (1, kind == 2, 5, 1, 60, 60),
            ]),
            Step::Take {
                gauges: vec![(0, 5), (1, 5)],
                slot: 1,
            },
            Step::GiveBack {
                scopes: vec![0, 1],
                slot: 1,
            },
            Step::Add {
                scope: 1,
                amount: 1,
            },
        ];
        let touched = match kind {
            0 => vec![0, 1],
            1 => vec![0],
            2 => vec![4],
            _ => vec![2, 3],
        };
        for index in touched {
            let answer = run(&mut shelf, &steps[index], BEGAN_S);
            assert!(answer.is_err(), "{kind} {index}: {answer:?}");
            assert_eq!(shelf.store.cells(), 1, "{kind} {index}");
            assert!(matches!(
                shelf.store.cell(&key(1, kind)),
                Some(Cell::Object(7))
            ));
        }
    }
}
