//! LiteLLM's gauge of requests in flight, in memory: `_acquire_parallel_slots_in_memory` and its release.

use super::cell::Number;
use super::counters::{Counters, Reading};
use crate::core::value::Unhandled;

/// Seconds after which a slot that nobody gave back counts no more.
pub const SLOT_TTL_S: f64 = 3_600.0;

const NOT_A_GAUGE: Unhandled = Unhandled("a gauge that is neither slots nor a small integer");

/// One gauge.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// `{scope:value}:max_parallel_requests`.
    pub key: String,
    /// How many may be in flight.
    pub limit: i64,
}

/// What came of taking a slot under several gauges: under all, or under none.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// For each how many are in flight now.
    All(Vec<i64>),
    /// The first that is full, and how many are in flight.
    Full {
        /// Which gauge.
        index: usize,
        /// How many.
        in_flight: i64,
    },
}

/// How many are in flight under a gauge: its slots, or a number mirrored from Redis. No number is below zero.
fn in_flight(counters: &mut impl Counters, key: &str, cutoff_s: f64) -> Option<i64> {
    let found = counters.read(key);
    if found == Reading::Slots {
        let count = counters.slots(key, |slots| slots.in_flight(cutoff_s))?;
        return i64::try_from(count).ok();
    }
    found
        .is_countable()
        .then(|| found.int().unwrap_or(0).max(0))
}

/// How many are in flight under each gauge.
///
/// # Errors
/// A value that is not LiteLLM's own.
pub fn count<'a>(
    counters: &mut impl Counters,
    keys: impl Iterator<Item = &'a str>,
    now_s: f64,
) -> Result<Vec<i64>, Unhandled> {
    keys.map(|key| in_flight(counters, key, now_s - SLOT_TTL_S).ok_or(NOT_A_GAUGE))
        .collect()
}

/// Takes one slot under every gauge or under none.
///
/// # Errors
/// A value that is not LiteLLM's own; nothing was changed.
pub fn take(
    counters: &mut impl Counters,
    gauges: &[Gauge],
    slot: &str,
    now_s: f64,
) -> Result<Taken, Unhandled> {
    let mut counts = Vec::with_capacity(gauges.len());
    for (index, gauge) in gauges.iter().enumerate() {
        let in_flight = in_flight(counters, &gauge.key, now_s - SLOT_TTL_S).ok_or(NOT_A_GAUGE)?;
        if in_flight >= gauge.limit {
            return Ok(Taken::Full { index, in_flight });
        }
        counts.push(in_flight);
    }
    // What was seen before the first change decides what each becomes, as in LiteLLM.
    let mut found = Vec::with_capacity(gauges.len());
    for gauge in gauges {
        let mirrored = matches!(counters.read(&gauge.key), Reading::Number(_));
        // Taken out at once: making room for one gauge may evict another's.
        let held = counters
            .slots(&gauge.key, std::mem::take)
            .unwrap_or_default();
        found.push((mirrored, held));
    }
    let mut now_in_flight = Vec::with_capacity(gauges.len());
    for ((gauge, in_flight), (mirrored, held)) in gauges.iter().zip(counts).zip(found) {
        if mirrored {
            counters.write(&gauge.key, Number::Int(in_flight + 1), SLOT_TTL_S);
        } else {
            counters.write_slots(&gauge.key, SLOT_TTL_S, |slots| {
                // A gauge that is named twice has its slots already.
                if !held.is_empty() {
                    *slots = held;
                }
                slots.prune(now_s - SLOT_TTL_S);
                slots.take(slot, now_s);
            });
        }
        now_in_flight.push(in_flight + 1);
    }
    Ok(Taken::All(now_in_flight))
}

/// Gives a slot back under every gauge. A slot that is not held changes nothing.
///
/// # Errors
/// A value that is not LiteLLM's own; nothing was changed.
pub fn give_back(
    counters: &mut impl Counters,
    keys: &[String],
    slot: &str,
) -> Result<(), Unhandled> {
    for key in keys {
        let found = counters.read(key);
        if found != Reading::Slots && !found.is_countable() {
            return Err(NOT_A_GAUGE);
        }
    }
    for key in keys {
        match counters.read(key) {
            Reading::Number(number) => {
                let less = (number.int().unwrap_or(0) - 1).max(0);
                counters.write(key, Number::Int(less), SLOT_TTL_S);
            }
            Reading::Slots if counters.slots(key, |slots| slots.is_held(slot)) == Some(true) => {
                counters.write_slots(key, SLOT_TTL_S, |slots| {
                    slots.give_back(slot);
                });
            }
            _ => {}
        }
    }
    Ok(())
}
