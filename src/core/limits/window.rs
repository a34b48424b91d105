//! LiteLLM's fixed windows in memory: `in_memory_cache_sliding_window` and
//! `_atomic_check_and_increment_in_memory` of its v3 limiter.

use super::cell::Number;
use super::counters::{Counters, Reading, is_small};
use crate::core::value::Unhandled;

const NOT_A_COUNT: Unhandled = Unhandled("a counter that is no small integer");

/// A window and one counter in it.
#[derive(Clone, Debug)]
pub struct Pair {
    /// `{scope:value}:window`.
    pub window: String,
    /// `{scope:value}:requests` or `:tokens`.
    pub counter: String,
}

impl Pair {
    /// Every key that a step with this pair may write: a new window sets its other counter too.
    #[must_use]
    pub fn keys(&self) -> [String; 4] {
        let [requests, tokens] = siblings(&self.window);
        [self.window.clone(), self.counter.clone(), requests, tokens]
    }
}

/// What a request is to be charged to one counter.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Where.
    pub pair: Pair,
    /// How much there may be in a window.
    pub limit: i64,
    /// How much is added; with 0 it is only asked whether the limit is reached.
    pub increment: i64,
    /// Seconds that the counter lives.
    pub ttl_s: i64,
    /// Seconds that the window lasts.
    pub window_s: i64,
}

/// What came of charges: all of them, or none.
#[derive(Debug, PartialEq, Eq)]
pub enum Charged {
    /// For each its counter, and the second at which its window began.
    All(Vec<(i64, i64)>),
    /// The first that found no room, and what was in the counter.
    Over {
        /// Which charge.
        index: usize,
        /// The counter.
        current: i64,
    },
}

/// The window's siblings, which a new window sets to zero.
fn siblings(window: &str) -> [String; 2] {
    let prefix = window.strip_suffix(":window").unwrap_or(window);
    [format!("{prefix}:requests"), format!("{prefix}:tokens")]
}

#[expect(clippy::cast_precision_loss, reason = "a time to live is small")]
fn seconds(value: i64) -> f64 {
    value as f64
}

fn has_passed(window: Reading, now_s: i64, window_s: i64) -> bool {
    window
        .int()
        .is_none_or(|began| now_s.saturating_sub(began) >= window_s)
}

/// Declines, before anything is changed, unless every cell is one that [`Reading::is_countable`].
fn judge<'a>(
    counters: &mut impl Counters,
    keys: impl Iterator<Item = &'a str>,
) -> Result<(), Unhandled> {
    for key in keys {
        if !counters.read(key).is_countable() {
            return Err(NOT_A_COUNT);
        }
    }
    Ok(())
}

/// Counts one request in each counter; answers what the window holds and the counter's new value.
///
/// # Errors
/// A cell that is not LiteLLM's own; nothing was changed.
pub fn count_one(
    counters: &mut impl Counters,
    pairs: &[Pair],
    now_s: i64,
    window_s: i64,
) -> Result<Vec<(Number, i64)>, Unhandled> {
    let keys = (pairs.iter()).flat_map(|pair| [pair.window.as_str(), pair.counter.as_str()]);
    judge(counters, keys)?;
    let ttl_s = seconds(window_s);
    let mut counted = Vec::with_capacity(pairs.len());
    for Pair { window, counter } in pairs {
        let found = counters.read(window);
        if let Reading::Number(began) = found
            && !has_passed(found, now_s, window_s)
        {
            let count = counters.read(counter).int().unwrap_or(0) + 1;
            counters.write(counter, Number::Int(count), ttl_s);
            counted.push((began, count));
        } else {
            for sibling in siblings(window) {
                counters.write(&sibling, Number::Int(0), ttl_s);
            }
            counters.write(window, Number::Digits(now_s), ttl_s);
            counters.write(counter, Number::Int(1), ttl_s);
            counted.push((Number::Digits(now_s), 1));
        }
    }
    Ok(counted)
}

/// Takes back what [`count_one`] has just counted.
pub fn take_back(counters: &mut impl Counters, pairs: &[Pair], window_s: i64) {
    for pair in pairs {
        if let Some(count) = counters.read(&pair.counter).int() {
            counters.write(&pair.counter, Number::Int(count - 1), seconds(window_s));
        }
    }
}

/// Makes all charges or none.
///
/// # Errors
/// A cell or an amount that is not LiteLLM's own; nothing was changed.
pub fn charge_all(
    counters: &mut impl Counters,
    charges: &[Charge],
    now_s: i64,
) -> Result<Charged, Unhandled> {
    if !charges.iter().all(|charge| is_small(charge.increment)) {
        return Err(NOT_A_COUNT);
    }
    let mut states = Vec::with_capacity(charges.len());
    for (index, charge) in charges.iter().enumerate() {
        // Nothing more is looked at than by LiteLLM: a look takes out what has expired.
        judge(counters, [charge.pair.window.as_str()].into_iter())?;
        let window = counters.read(&charge.pair.window);
        let passed = has_passed(window, now_s, charge.window_s);
        let current = if passed {
            0
        } else {
            judge(counters, [charge.pair.counter.as_str()].into_iter())?;
            counters.read(&charge.pair.counter).int().unwrap_or(0)
        };
        let over = if charge.increment > 0 {
            current + charge.increment > charge.limit
        } else {
            current >= charge.limit
        };
        if over {
            return Ok(Charged::Over { index, current });
        }
        let began_s = if passed {
            now_s
        } else {
            window.int().unwrap_or(now_s)
        };
        states.push((passed, current, began_s));
    }
    begin_windows(counters, charges, &states);
    let mut counted = Vec::with_capacity(charges.len());
    for (charge, (passed, current, began_s)) in charges.iter().zip(states) {
        if passed {
            let window_s = seconds(charge.window_s);
            counters.write(&charge.pair.window, Number::Digits(now_s), window_s);
        }
        let count = current + charge.increment;
        counters.write(
            &charge.pair.counter,
            Number::Int(count),
            seconds(charge.ttl_s),
        );
        counted.push((count, began_s));
    }
    Ok(Charged::All(counted))
}

/// Sets the counters of every window that begins to zero, each window once.
fn begin_windows(counters: &mut impl Counters, charges: &[Charge], states: &[(bool, i64, i64)]) {
    let mut begun: Vec<(&str, i64)> = Vec::new();
    for (charge, (passed, _, _)) in charges.iter().zip(states) {
        if !passed {
            continue;
        }
        // The last one's length holds, as in the dictionary that LiteLLM makes of them.
        match begun
            .iter_mut()
            .find(|(window, _)| *window == charge.pair.window)
        {
            Some((_, window_s)) => *window_s = charge.window_s,
            None => begun.push((&charge.pair.window, charge.window_s)),
        }
    }
    for (window, window_s) in begun {
        for sibling in siblings(window) {
            counters.write(&sibling, Number::Int(0), seconds(window_s));
        }
    }
}

/// Adds to counters as `increment_cache` does, each with its own reading; a new one lives `ttl_s`.
///
/// # Errors
/// A cell or an amount that is not LiteLLM's own; nothing was changed.
pub fn add(
    counters: &mut impl Counters,
    amounts: &[(String, i64)],
    ttl_s: f64,
) -> Result<(), Unhandled> {
    if !amounts.iter().all(|(_, amount)| is_small(*amount)) {
        return Err(NOT_A_COUNT);
    }
    judge(counters, amounts.iter().map(|(key, _)| key.as_str()))?;
    for (key, amount) in amounts {
        let before = match counters.read(key) {
            Reading::Number(number) => number,
            _ => Number::Int(0),
        };
        if let Some(sum) = before.plus(Number::Int(*amount)) {
            counters.write(key, sum, ttl_s);
        }
    }
    Ok(())
}
