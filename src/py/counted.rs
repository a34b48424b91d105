//! Windowed counters of a request, judged as LiteLLM judges them.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::descriptor::{Descriptor, Kind};
use super::errors::Declined;
use super::shelf::Shelf;
use crate::core::limits::counters::Counters;
use crate::core::limits::window::Pair;

/// A windowed counter, whose it is, and its limit.
pub struct Counted<'a, 'py> {
    pub descriptor: &'a Descriptor<'py>,
    pub kind: Kind,
    pub limit: i64,
    pub pair: Pair,
}

impl<'a, 'py> Counted<'a, 'py> {
    fn new(descriptor: &'a Descriptor<'py>, kind: Kind, limit: i64) -> PyResult<Self> {
        let pair = Pair {
            window: descriptor.cell("window")?,
            counter: descriptor.cell(kind.name())?,
        };
        Ok(Self {
            descriptor,
            kind,
            limit,
            pair,
        })
    }

    pub fn all(descriptors: &'a [Descriptor<'py>], skip_tokens: bool) -> PyResult<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        for descriptor in descriptors {
            let tokens = descriptor.tokens.filter(|_| !skip_tokens);
            let limits = [
                (Kind::Requests, descriptor.requests),
                (Kind::Tokens, tokens),
            ];
            let mine = all.len();
            for (kind, limit) in limits {
                if let Some(limit) = limit {
                    all.push(Self::new(descriptor, kind, limit)?);
                }
            }
            // LiteLLM judges by the last of several descriptors that share a window.
            if let (earlier, [first, ..]) = all.split_at(mine)
                && earlier
                    .iter()
                    .any(|one| one.pair.window == first.pair.window)
            {
                return Err(Declined::new_err("two descriptors with one window"));
            }
        }
        Ok(all)
    }
}

/// Statuses as `is_cache_list_over_limit` makes them of counters (`None`: there was none), and whether one is over.
pub fn judged<'py>(
    py: Python<'py>,
    counted: &[Counted<'_, 'py>],
    counts: impl Iterator<Item = Option<i64>>,
) -> PyResult<(bool, Bound<'py, PyList>)> {
    let statuses = PyList::empty(py);
    let mut any = false;
    for (one, count) in counted.iter().zip(counts) {
        let over = count.is_some_and(|count| count > one.limit);
        any |= over;
        let remaining = one.limit - count.unwrap_or(0);
        statuses.append(
            one.descriptor
                .status(over, one.limit, remaining, one.kind)?,
        )?;
    }
    Ok((any, statuses))
}

/// The counters as they are, and none changed.
pub fn known(shelf: &mut Shelf<'_, '_>, counted: &[Counted<'_, '_>]) -> PyResult<Vec<Option<i64>>> {
    let mut known = Vec::with_capacity(counted.len());
    for one in counted {
        // Looked at as LiteLLM does: an expired one leaves.
        shelf.read(&one.pair.window);
        let found = shelf.read(&one.pair.counter);
        if !found.is_countable() {
            return Err(Declined::new_err("a counter that is no small integer"));
        }
        known.push(found.int());
    }
    Ok(known)
}

/// Seconds since 1970 as Python's `int` cuts them off.
#[expect(clippy::cast_possible_truncation, reason = "as it is meant")]
pub fn whole_seconds(now_s: f64) -> i64 {
    now_s as i64
}
