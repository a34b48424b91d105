//! `InMemoryCache` and the limiter's steps on it, line by line after LiteLLM's Python. Slow and obvious.
#![expect(clippy::cast_precision_loss, reason = "seconds and counts of a test")]

use std::collections::BTreeMap;

/// What the limiter keeps.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Int(i64),
    Float(f64),
    /// A `str` of digits, which a look-up reads as an integer.
    Text(String),
    /// Slots and times, in the order of a `dict`.
    Dict(Vec<(String, f64)>),
    /// Anything else.
    Object(u32),
}

impl Value {
    /// `int(…)` of what `get_cache` gives.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(value) => *value,
            #[expect(clippy::cast_possible_truncation, reason = "as Python's int")]
            Self::Float(value) => *value as i64,
            Self::Text(text) => text.parse().unwrap(),
            Self::Dict(_) | Self::Object(_) => panic!("int() raises"),
        }
    }
}

/// `caching/in_memory_cache.py`.
#[derive(Debug, Default)]
pub struct Cache {
    pub values: BTreeMap<String, Value>,
    pub ttl_dict: BTreeMap<String, f64>,
    pub heap: Vec<(f64, String)>,
    pub max_items: usize,
    pub now_s: f64,
}

impl Cache {
    pub fn new(max_items: usize, now_s: f64) -> Self {
        Self {
            max_items,
            now_s,
            ..Self::default()
        }
    }

    fn first(&self) -> Option<usize> {
        (0..self.heap.len()).min_by(|&one, &other| {
            let (one, other) = (&self.heap[one], &self.heap[other]);
            one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
        })
    }

    pub fn remove_key(&mut self, key: &str) {
        self.values.remove(key);
        self.ttl_dict.remove(key);
    }

    fn evict_cache(&mut self) {
        while let Some(first) = self.first() {
            let (at_s, key) = self.heap[first].clone();
            if Some(&at_s) != self.ttl_dict.get(&key) {
                self.heap.swap_remove(first);
            } else if at_s <= self.now_s {
                self.heap.swap_remove(first);
                self.remove_key(&key);
            } else {
                break;
            }
        }
        while self.values.len() >= self.max_items {
            let first = self.first().expect("heappop of an empty list raises");
            let (at_s, key) = self.heap.swap_remove(first);
            if self.ttl_dict.get(&key) == Some(&at_s) {
                self.remove_key(&key);
            }
        }
    }

    pub fn set_cache(&mut self, key: &str, value: Value, ttl_s: f64) {
        if self.max_items == 0 {
            return;
        }
        self.evict_cache();
        self.values.insert(key.to_owned(), value);
        if self.ttl_dict.get(key).is_none_or(|&at_s| at_s < self.now_s) {
            self.ttl_dict.insert(key.to_owned(), self.now_s + ttl_s);
            self.heap.push((self.now_s + ttl_s, key.to_owned()));
        }
    }

    pub fn get_cache(&mut self, key: &str) -> Option<Value> {
        if !self.values.contains_key(key) {
            return None;
        }
        if self
            .ttl_dict
            .get(key)
            .is_some_and(|&at_s| self.now_s > at_s)
        {
            self.remove_key(key);
            return None;
        }
        self.values.get(key).cloned()
    }

    /// `increment_cache` of an integer by an integer or a float.
    pub fn increment_cache(&mut self, key: &str, more: i64, ttl_s: f64) {
        let sum = match self.get_cache(key) {
            Some(Value::Float(value)) if value != 0.0 => Value::Float(value + more as f64),
            None | Some(Value::Float(_)) => Value::Int(more),
            Some(value) => Value::Int(value.int() + more),
        };
        self.set_cache(key, sum, ttl_s);
    }
}

/// One counter of `_atomic_check_and_increment_in_memory`.
#[derive(Clone, Debug)]
pub struct Meta {
    pub window_key: String,
    pub counter_key: String,
    pub limit: i64,
    pub increment: i64,
    pub ttl: i64,
    pub window_size: i64,
}

fn siblings(window_key: &str) -> [String; 2] {
    let prefix = window_key.strip_suffix(":window").unwrap_or(window_key);
    [format!("{prefix}:requests"), format!("{prefix}:tokens")]
}

impl Cache {
    /// `_in_memory_cache_sliding_window`: window start and counter of each pair.
    pub fn sliding_window(&mut self, keys: &[String], now: i64, size: i64) -> Vec<(i64, i64)> {
        let mut results = Vec::new();
        for pair in keys.chunks(2) {
            let (window_key, counter_key) = (&pair[0], &pair[1]);
            let start = self.get_cache(window_key);
            if start.as_ref().is_none_or(|start| now - start.int() >= size) {
                for sibling in siblings(window_key) {
                    self.set_cache(&sibling, Value::Int(0), size as f64);
                }
                self.set_cache(window_key, Value::Text(now.to_string()), size as f64);
                self.set_cache(counter_key, Value::Int(1), size as f64);
                results.push((now, 1));
            } else {
                let current = self.get_cache(counter_key);
                let new = current.map_or(0, |value| value.int()) + 1;
                self.set_cache(counter_key, Value::Int(new), size as f64);
                results.push((start.unwrap().int(), new));
            }
        }
        results
    }

    /// `_atomic_check_and_increment_in_memory`: counters and window starts, or which is over and its counter.
    pub fn check_and_increment(
        &mut self,
        metas: &[Meta],
        now: i64,
    ) -> Result<Vec<(i64, i64)>, (usize, i64)> {
        let mut states = Vec::new();
        for (index, meta) in metas.iter().enumerate() {
            let start = self.get_cache(&meta.window_key);
            let expired =
                (start.as_ref()).is_none_or(|start| now - start.int() >= meta.window_size);
            let current = if expired {
                0
            } else {
                self.get_cache(&meta.counter_key)
                    .map_or(0, |value| value.int())
            };
            let over = if meta.increment > 0 {
                current + meta.increment > meta.limit
            } else {
                current >= meta.limit
            };
            if over {
                return Err((index, current));
            }
            let start = if expired { now } else { start.unwrap().int() };
            states.push((expired, current, start));
        }
        let mut expired_windows: Vec<(String, i64)> = Vec::new();
        for (meta, (expired, ..)) in metas.iter().zip(&states) {
            if *expired {
                match expired_windows
                    .iter_mut()
                    .find(|(key, _)| *key == meta.window_key)
                {
                    Some(known) => known.1 = meta.window_size,
                    None => expired_windows.push((meta.window_key.clone(), meta.window_size)),
                }
            }
        }
        for (window_key, size) in expired_windows {
            for sibling in siblings(&window_key) {
                self.set_cache(&sibling, Value::Int(0), size as f64);
            }
        }
        let mut results = Vec::new();
        for (meta, (expired, current, start)) in metas.iter().zip(states) {
            let new = if expired {
                meta.increment
            } else {
                current + meta.increment
            };
            if expired {
                let text = Value::Text(now.to_string());
                self.set_cache(&meta.window_key, text, meta.window_size as f64);
            }
            self.set_cache(&meta.counter_key, Value::Int(new), meta.ttl as f64);
            results.push((new, start));
        }
        Ok(results)
    }

    /// `_acquire_parallel_slots_in_memory`: how many are in flight, or which gauge is full and with how many.
    pub fn acquire(
        &mut self,
        gauges: &[(String, i64)],
        slot: &str,
        now: f64,
    ) -> Result<Vec<i64>, (usize, i64)> {
        let cutoff = now - 3_600.0;
        let mut states = Vec::new();
        for (index, (key, limit)) in gauges.iter().enumerate() {
            let (registry, in_flight) = match self.get_cache(key) {
                Some(Value::Dict(dict)) => {
                    let current: Vec<_> =
                        (dict.into_iter()).filter(|(_, at)| *at >= cutoff).collect();
                    let count = i64::try_from(current.len()).unwrap();
                    (Some(current), count)
                }
                None => (Some(Vec::new()), 0),
                Some(number) => (None, number.int().max(0)),
            };
            if in_flight + 1 > *limit {
                return Err((index, in_flight));
            }
            states.push((registry, in_flight));
        }
        let mut results = Vec::new();
        for ((key, _), (registry, in_flight)) in gauges.iter().zip(states) {
            let value = match registry {
                Some(mut dict) => {
                    match dict.iter_mut().find(|(held, _)| held == slot) {
                        Some(held) => held.1 = now,
                        None => dict.push((slot.to_owned(), now)),
                    }
                    Value::Dict(dict)
                }
                None => Value::Int(in_flight + 1),
            };
            self.set_cache(key, value, 3_600.0);
            results.push(in_flight + 1);
        }
        Ok(results)
    }

    /// `_release_parallel_request_slots_in_memory`.
    pub fn release(&mut self, keys: &[String], slot: &str) {
        for key in keys {
            let value = match self.get_cache(key) {
                Some(Value::Dict(dict)) => {
                    if !dict.iter().any(|(held, _)| held == slot) {
                        continue;
                    }
                    Value::Dict(dict.into_iter().filter(|(held, _)| held != slot).collect())
                }
                None => continue,
                Some(number) => Value::Int((number.int() - 1).max(0)),
            };
            self.set_cache(key, value, 3_600.0);
        }
    }
}
