//! The leases of one instance, as Python's engine uses them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::core::limits::lease::{Decision, Lease};

/// When the windows began, which leases (by place) must ask for how many, until when each is spent, what each window has
/// left.
type Taken = (Vec<u64>, Vec<(usize, u64)>, Vec<Option<u64>>, Vec<u64>);

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Leases {
    held: Mutex<HashMap<String, Lease>>,
    capacity: usize,
}

#[pymethods]
impl Leases {
    #[new]
    fn new(capacity: usize) -> Self {
        Self {
            held: Mutex::new(HashMap::new()),
            capacity: capacity.max(1),
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn take(&self, now_s: u64, keys: Vec<String>) -> Taken {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut ask, mut spent) = (Vec::new(), Vec::with_capacity(keys.len()));
        for (place, key) in keys.iter().enumerate() {
            let decision = held
                .get(key)
                .map_or(Decision::Ask, |lease| lease.weigh(now_s));
            if decision == Decision::Ask {
                ask.push((place, held.get(key).map_or(1, |lease| lease.wants(now_s))));
            }
            spent.push(match decision {
                Decision::Spent { until_s } => Some(until_s),
                Decision::Left | Decision::Ask => None,
            });
        }
        let mut starts = Vec::new();
        if ask.is_empty() && spent.iter().all(Option::is_none) {
            for key in &keys {
                if let Some(lease) = held.get_mut(key) {
                    lease.take();
                    starts.push(lease.start_s());
                }
            }
        }
        let remaining = keys
            .iter()
            .map(|key| held.get(key).map_or(0, Lease::remaining))
            .collect();
        (starts, ask, spent, remaining)
    }

    fn add(
        &self,
        now_s: u64,
        key: String,
        start_s: u64,
        window_s: u64,
        granted: u64,
        remains: u64,
    ) -> bool {
        let lease = Lease::of(start_s, window_s, granted, remains);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= self.capacity && !held.contains_key(&key) {
            held.retain(|_, lease| lease.weigh(now_s) != Decision::Ask);
            if held.len() >= self.capacity {
                return false;
            }
        }
        held.entry(key).or_default().add(lease, now_s);
        true
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments from Python are owned"
    )]
    fn put_back(&self, taken: Vec<(String, u64)>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, start_s) in &taken {
            if let Some(lease) = held.get_mut(key) {
                lease.put_back(*start_s);
            }
        }
    }

    fn end(&self, now_s: u64) -> Vec<(String, u64, u64)> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = held.drain().filter_map(|(key, mut lease)| {
            let (start_s, left) = lease.end(now_s)?;
            Some((key, start_s, left))
        });
        ended.collect()
    }

    fn __len__(&self) -> usize {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
