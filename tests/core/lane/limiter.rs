//! LiteLLM's limiter on a real Redis, against the same program on the cells in memory.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use _accel::core::limits::detached::{self, Terms};
use _accel::core::limits::gauge::{self, Gauge, Taken};
use _accel::core::limits::store::Store;
use _accel::core::limits::window::{self, Charge, Charged, Pair};
use _accel::lane::limiter::{Admission, Limiter, Refusal, Request};
use _accel::lane::redis::{Address, Failure, Redis};
use redis::Script;

const DATABASE: i64 = 10;
/// Longer than any test, so that no window ends in one.
const WINDOW_S: i64 = 10_000;

fn address(namespace: &str) -> Option<Address> {
    if TcpStream::connect("127.0.0.1:6379").is_err() {
        let mut stderr = std::io::stderr();
        writeln!(stderr, "skipped: no Redis on 127.0.0.1:6379").unwrap();
        return None;
    }
    Some(Address {
        host: "127.0.0.1".to_owned(),
        port: 6_379,
        database: DATABASE,
        username: None,
        password: None,
        namespace: Some(format!("accel-test-{}-{namespace}", std::process::id())),
        patience: Duration::from_secs(20),
    })
}

/// Runs a test on a limiter of its own keys, and takes them away.
fn on_redis<F: Future<Output = ()>>(namespace: &str, test: impl FnOnce(Limiter) -> F) {
    let Some(address) = address(namespace) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limiter = Limiter::new(Redis::new(address.clone()));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(limiter))));
    let all = format!("{}:*", address.namespace.clone().unwrap_or_default());
    let clean = Script::new(
        "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end",
    );
    let cleaned = runtime.block_on(Redis::new(address).run(&clean, &[], &[all]));
    // The test's own failure says more than that of the cleaning.
    outcome.unwrap_or_else(|failure| panic::resume_unwind(failure));
    cleaned.unwrap();
}

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn pair(scope: usize, kind: &str) -> Pair {
    Pair {
        window: format!("{{api_key:{scope}}}:window"),
        counter: format!("{{api_key:{scope}}}:{kind}"),
    }
}

fn gauge(scope: usize, limit: i64) -> Gauge {
    Gauge {
        key: format!("{{api_key:{scope}}}:max_parallel_requests"),
        limit,
    }
}

fn request(scopes: &[usize], limits: [i64; 3], tokens: i64, slot: String) -> Request {
    let [requests, parallel, reserved] = limits;
    let charge = |scope| Charge {
        pair: pair(scope, "tokens"),
        limit: reserved,
        increment: tokens,
        ttl_s: WINDOW_S,
        window_s: WINDOW_S,
    };
    Request {
        windows: scopes
            .iter()
            .map(|&scope| (pair(scope, "requests"), requests))
            .collect(),
        gauges: scopes.iter().map(|&scope| gauge(scope, parallel)).collect(),
        tokens: scopes.iter().map(|&scope| (scope, charge(scope))).collect(),
        now_s: now_s(),
        window_s: WINDOW_S,
        slot,
        uncharged: false,
    }
}

/// The same on the cells in memory.
struct Memory(Mutex<Store<()>>);

impl Memory {
    fn step<T>(
        &self,
        keys: &[String],
        run: impl FnOnce(&mut detached::Detached<'_, ()>) -> T,
    ) -> T {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let terms = Terms {
            now_s: now_s() as f64,
            max_items: 200,
        };
        let keys = keys.iter().map(String::as_str);
        detached::step(&self.0, terms, keys, |cells| Ok(run(cells))).unwrap()
    }

    fn admit(&self, request: &Request) -> Admission {
        let pairs: Vec<_> = request
            .windows
            .iter()
            .map(|(pair, _)| pair.clone())
            .collect();
        let keys: Vec<_> = pairs.iter().flat_map(Pair::keys).collect();
        let counted = self.step(&keys, |cells| {
            window::count_one(cells, &pairs, request.now_s, request.window_s).unwrap()
        });
        let mut admission = Admission {
            windows: counted
                .iter()
                .map(|(began, count)| (began.int().unwrap(), *count))
                .collect(),
            in_flight: Vec::new(),
            tokens: Vec::new(),
            refused: None,
        };
        let limits = request.windows.iter().map(|(_, limit)| *limit);
        let over = counted
            .iter()
            .zip(limits)
            .position(|((_, count), limit)| *count > limit);
        admission.refused = over.map(Refusal::Window);
        if over.is_some() {
            return admission;
        }
        let keys: Vec<_> = request
            .gauges
            .iter()
            .map(|gauge| gauge.key.clone())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let now_s = request.now_s as f64;
        let taken = self.step(&keys, |cells| {
            gauge::take(cells, &request.gauges, &request.slot, now_s)
        });
        match taken.unwrap() {
            Taken::All(in_flight) => admission.in_flight = in_flight,
            Taken::Full { index, in_flight } => {
                admission.refused = Some(Refusal::Gauge(index, in_flight));
                return admission;
            }
        }
        let charges: Vec<_> = request
            .tokens
            .iter()
            .map(|(_, charge)| charge.clone())
            .collect();
        let keys: Vec<_> = charges
            .iter()
            .flat_map(|charge| charge.pair.keys())
            .collect();
        match self
            .step(&keys, |cells| {
                window::charge_all(cells, &charges, request.now_s)
            })
            .unwrap()
        {
            Charged::All(counts) => admission.tokens = counts,
            Charged::Over { index, current } => {
                admission.refused = Some(Refusal::Tokens(index, current));
            }
        }
        admission
    }

    fn release(&self, gauges: &[String], slot: &str) -> Vec<i64> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let now_s = now_s() as f64;
        self.step(gauges, |cells| {
            gauge::give_back(cells, gauges, slot).unwrap();
            gauge::count(cells, gauges.iter().map(String::as_str), now_s).unwrap()
        })
    }
}

/// A plain generator, so that every run is the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn redis_and_memory_agree_on_the_same_program() {
    on_redis("program", |limiter| async move {
        let memory = Memory(Mutex::default());
        let mut chance = Chance(7);
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut refusals = [0; 4];
        for number in 0..600_u32 {
            let scopes: Vec<usize> = match chance.below(4) {
                0 => vec![0],
                1 => vec![1, 0],
                2 => vec![2],
                _ => vec![0, 1, 2],
            };
            if chance.below(3) == 0 {
                let slot = held.keys().next().cloned().unwrap_or_default();
                let keys = held.remove(&slot).unwrap_or_else(|| vec![gauge(0, 1).key]);
                let ours = limiter.release(&keys, &slot).await.unwrap();
                assert_eq!(ours, memory.release(&keys, &slot), "{number}");
                continue;
            }
            let tokens = i64::try_from(chance.below(40)).unwrap();
            let limits = [300, 8, 1_500];
            let request = request(&scopes, limits, tokens, number.to_string());
            let ours = limiter.admit(&request).await.unwrap();
            let theirs = memory.admit(&request);
            let counts = |pairs: &[(i64, i64)], first| -> Vec<i64> {
                pairs
                    .iter()
                    .map(|pair| if first { pair.0 } else { pair.1 })
                    .collect()
            };
            // When a window began on the server may be a second off.
            assert_eq!(
                counts(&ours.windows, false),
                counts(&theirs.windows, false),
                "{number}"
            );
            assert_eq!(
                counts(&ours.tokens, true),
                counts(&theirs.tokens, true),
                "{number}"
            );
            assert_eq!(
                (&ours.in_flight, ours.refused),
                (&theirs.in_flight, theirs.refused),
                "{number}"
            );
            refusals[match ours.refused {
                None => 0,
                Some(Refusal::Window(_)) => 1,
                Some(Refusal::Gauge(..)) => 2,
                Some(Refusal::Tokens(..)) => 3,
            }] += 1;
            if !matches!(ours.refused, Some(Refusal::Window(_) | Refusal::Gauge(..))) {
                held.insert(
                    request.slot,
                    request.gauges.into_iter().map(|gauge| gauge.key).collect(),
                );
            }
        }
        assert!(refusals.iter().all(|&times| times > 0), "{refusals:?}");
    });
}

#[test]
fn a_refused_request_takes_its_charge_back_where_it_shall() {
    on_redis("uncharged", |limiter| async move {
        let mut asked = request(&[0], [10, 1, 100], 5, "one".to_owned());
        asked.uncharged = true;
        let admitted = limiter.admit(&asked).await.unwrap();
        assert_eq!((admitted.windows[0].1, admitted.refused), (1, None));
        asked.slot = "two".to_owned();
        for _ in 0..3 {
            let refused = limiter.admit(&asked).await.unwrap();
            assert_eq!(
                (refused.windows[0].1, refused.refused),
                (2, Some(Refusal::Gauge(0, 1)))
            );
        }
    });
}

#[test]
fn settled_tokens_are_what_the_next_reservation_finds() {
    on_redis("settle", |limiter| async move {
        let asked = request(&[0], [10, 10, 100], 60, "one".to_owned());
        assert_eq!(limiter.admit(&asked).await.unwrap().tokens[0].0, 60);
        let key = pair(0, "tokens").counter;
        let settled = limiter
            .settle(&[(key.clone(), -35, 60), ("{new}:tokens".to_owned(), 7, 0)])
            .await;
        assert_eq!(settled, Ok(vec![25.0, 7.0]));
        assert_eq!(limiter.admit(&asked).await.unwrap().tokens[0].0, 85);
        let refused = limiter.admit(&asked).await.unwrap().refused;
        assert_eq!(refused, Some(Refusal::Tokens(0, 85)));
    });
}

#[test]
fn a_key_of_another_kind_is_an_error_of_the_script() {
    on_redis("kind", |limiter| async move {
        let gauge = gauge(0, 1).key;
        limiter.settle(&[(gauge.clone(), 1, 60)]).await.unwrap();
        let asked = request(&[0], [10, 10, 100], 1, "one".to_owned());
        assert_eq!(limiter.admit(&asked).await, Err(Failure::Script));
        assert_eq!(limiter.release(&[gauge], "one").await, Err(Failure::Script));
    });
}

#[test]
fn many_tasks_on_one_connection_are_admitted_to_the_limit_exactly() {
    on_redis("many", |limiter| async move {
        let limiter = std::sync::Arc::new(limiter);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..200 {
            let limiter = std::sync::Arc::clone(&limiter);
            let asked = request(&[0], [100, 1_000, 1_000_000], 1, number.to_string());
            tasks.spawn(async move { limiter.admit(&asked).await.unwrap().refused });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(
            outcomes.iter().filter(|refused| refused.is_none()).count(),
            100
        );
    });
}
