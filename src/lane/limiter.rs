//! LiteLLM's limiter on Redis without the GIL: its own keys, scripts and arguments.
//!
//! # Contract
//! Three calls for a request, as LiteLLM makes them: [`Limiter::admit`] before the provider is called,
//! [`Limiter::release`] before the answer leaves, [`Limiter::settle`] after it. Plain LiteLLM, its seams and these share
//! one truth in Redis. Who may call: see [`super::redis`]. A [`Failure`] that may have run must not be repeated: the
//! request would be charged twice.
//!
//! What stays with the caller, as it is LiteLLM's: looking first at what the process knows to be over its limit, writing
//! what came back into the process's own cache ([`crate::core::limits::detached`]), and everything that Cluster needs.

use redis::{Script, Value};

use super::redis::{Failure, Redis};
use crate::core::limits::gauge::Gauge;
use crate::core::limits::window::{Charge, Pair};
use crate::core::limits::{ADMIT_SCRIPT, RELEASE_SCRIPT, SETTLE_SCRIPT};

/// Seconds that a slot counts which nobody gave back; `PARALLEL_REQUEST_SLOT_TTL_SECONDS`.
const SLOT_TTL_S: i64 = 3_600;

/// What one request asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Windows in which it is counted, and how many there may be.
    pub windows: Vec<(Pair, i64)>,
    /// Gauges under which it takes its slot.
    pub gauges: Vec<Gauge>,
    /// Tokens that it reserves, each with the number of its descriptor. Those of one descriptor stand together and are
    /// charged all or none; what earlier descriptors were charged is taken back when a later one refuses.
    pub tokens: Vec<(usize, Charge)>,
    /// Seconds of the limiter's clock, by which the windows go. Tokens and gauges go by the server's.
    pub now_s: i64,
    /// Seconds that a window lasts.
    pub window_s: i64,
    /// The request's own name for its slot.
    pub slot: String,
    /// Whether a refused request takes back what its windows were charged.
    pub uncharged: bool,
}

/// What refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The first window that is over its limit.
    Window(usize),
    /// A gauge, and how many are in flight.
    Gauge(usize, i64),
    /// A token counter, and what is in it.
    Tokens(usize, i64),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The second at which each window began, and its counter.
    pub windows: Vec<(i64, i64)>,
    /// How many are in flight under each gauge, where one was taken.
    pub in_flight: Vec<i64>,
    /// Each token counter, and the second at which its window began, where tokens were reserved.
    pub tokens: Vec<(i64, i64)>,
    /// Why the request is refused, if it is.
    pub refused: Option<Refusal>,
}

/// LiteLLM's limiter on one Redis.
#[derive(Debug)]
pub struct Limiter {
    redis: Redis,
    admit: Script,
    release: Script,
    settle: Script,
}

impl Limiter {
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            admit: Script::new(ADMIT_SCRIPT),
            release: Script::new(RELEASE_SCRIPT),
            settle: Script::new(SETTLE_SCRIPT),
        }
    }

    /// Windows, gauges and tokens of one request, each only if all before it had room.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn admit(&self, request: &Request) -> Result<Admission, Failure> {
        let pairs = (request.windows.iter().map(|(pair, _)| pair))
            .map(|pair| [pair.window.as_str(), pair.counter.as_str()]);
        let gauges = request.gauges.iter().map(|gauge| gauge.key.as_str());
        let tokens = (request.tokens.iter().map(|(_, charge)| &charge.pair))
            .map(|pair| [pair.window.as_str(), pair.counter.as_str()]);
        let keys: Vec<_> = (pairs.flatten().chain(gauges).chain(tokens.flatten())).collect();
        let answer = (self.redis.run(&self.admit, &keys, &arguments(request))).await?;
        read(request, answer).ok_or(Failure::Reply)
    }

    /// Gives a slot back under every gauge; how many are in flight under each now. A slot that is not held is no error.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn release(&self, gauges: &[String], slot: &str) -> Result<Vec<i64>, Failure> {
        let keys: Vec<_> = gauges.iter().map(String::as_str).collect();
        let args = vec![slot.to_owned(); keys.len()];
        let answer = self.redis.run(&self.release, &keys, &args).await?;
        integers(answer).ok_or(Failure::Reply)
    }

    /// Adds to counters, and lets one that has no time to live expire after the seconds given (0: never). Answers what
    /// each holds now.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn settle(&self, amounts: &[(String, i64, i64)]) -> Result<Vec<f64>, Failure> {
        let keys: Vec<_> = amounts.iter().map(|(key, ..)| key.as_str()).collect();
        let args: Vec<_> = (amounts.iter())
            .flat_map(|(_, more, ttl_s)| [more.to_string(), ttl_s.to_string()])
            .collect();
        let answer = self.redis.run(&self.settle, &keys, &args).await?;
        let counters = redis::from_redis_value(answer);
        counters.map_err(|_| Failure::Reply)
    }
}

fn arguments(request: &Request) -> Vec<String> {
    let counts = [
        request.windows.len(),
        request.gauges.len(),
        request.tokens.len(),
    ];
    let mut arguments: Vec<String> = counts.iter().map(usize::to_string).collect();
    for time_s in [request.now_s, request.window_s, SLOT_TTL_S] {
        arguments.push(time_s.to_string());
    }
    arguments.push(request.slot.clone());
    arguments.push(u8::from(request.uncharged).to_string());
    let windows = request.windows.iter().map(|(_, limit)| *limit);
    let limits = windows.chain(request.gauges.iter().map(|gauge| gauge.limit));
    arguments.extend(limits.map(|limit| limit.to_string()));
    for (descriptor, charge) in &request.tokens {
        arguments.push(descriptor.to_string());
        let numbers = [
            charge.limit,
            charge.increment,
            charge.ttl_s,
            charge.window_s,
        ];
        arguments.extend(numbers.map(|number| number.to_string()));
    }
    arguments
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::BulkString(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

fn integers(value: Value) -> Option<Vec<i64>> {
    match value {
        Value::Array(values) => values.iter().map(integer).collect(),
        _ => None,
    }
}

fn pairs(numbers: &[i64]) -> Vec<(i64, i64)> {
    (numbers.as_chunks::<2>().0.iter())
        .map(|[one, other]| (*one, *other))
        .collect()
}

/// An index as Lua counts, from one.
fn index(number: i64) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

/// What the script answers of a step: a list of numbers; none if an earlier step refused.
fn step(steps: &mut impl Iterator<Item = Value>) -> Option<Vec<i64>> {
    steps.next().map_or(Some(Vec::new()), integers)
}

fn read(request: &Request, answer: Value) -> Option<Admission> {
    let Value::Array(steps) = answer else {
        return None;
    };
    let mut steps = steps.into_iter();
    let mut admission = Admission {
        windows: pairs(&step(&mut steps)?),
        in_flight: Vec::new(),
        tokens: Vec::new(),
        refused: None,
    };
    if admission.windows.len() != request.windows.len() {
        return None;
    }
    let counted = admission.windows.iter().zip(&request.windows);
    let mut over = counted.map(|((_, count), (_, limit))| count > limit);
    if let Some(first) = over.position(|over| over) {
        admission.refused = Some(Refusal::Window(first));
        return Some(admission);
    }
    match step(&mut steps)?.as_slice() {
        [] if request.gauges.is_empty() => {}
        [0, in_flight @ ..] => admission.in_flight = in_flight.to_vec(),
        [1, gauge, in_flight] => {
            admission.refused = Some(Refusal::Gauge(index(*gauge)?, *in_flight));
            return Some(admission);
        }
        _ => return None,
    }
    match step(&mut steps)?.as_slice() {
        [] if request.tokens.is_empty() => {}
        [0, counts @ ..] => admission.tokens = pairs(counts),
        // The slot was taken all the same, as in LiteLLM: the caller gives it back.
        [1, which, count, ..] => admission.refused = Some(Refusal::Tokens(index(*which)?, *count)),
        _ => return None,
    }
    Some(admission)
}
