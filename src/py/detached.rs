//! Counts without the GIL for the tests, as the lane will.

use std::sync::Arc;

use pyo3::prelude::*;

use super::cache_store::CacheStore;
use crate::core::limits::detached::{Terms, step};
use crate::core::limits::window::{Pair, count_one};

/// Counts `times` requests of one scope, again where a step of Python's is under way; answers how many were counted.
#[pyfunction]
#[pyo3(signature = (store, scope, times, now_s, max_items))]
pub fn _count_detached_for_test(
    py: Python<'_>,
    store: &CacheStore,
    scope: &str,
    times: usize,
    now_s: i64,
    max_items: usize,
) -> usize {
    let pair = Pair {
        window: format!("{{{scope}}}:window"),
        counter: format!("{{{scope}}}:requests"),
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let terms = Terms {
        now_s: now_s as f64,
        max_items,
    };
    let content = Arc::clone(&store.content);
    py.detach(|| {
        let counted = (0..times).filter(|_| {
            let keys = pair.keys();
            let keys = keys.iter().map(String::as_str);
            let pairs = std::slice::from_ref(&pair);
            step(&content, terms, keys, |cells| {
                count_one(cells, pairs, now_s, 3_600)
            })
            .is_ok()
        });
        counted.count()
    })
}
