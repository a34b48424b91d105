//! The gauges of a request, asked as LiteLLM asks them.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::descriptor::{Descriptor, Kind};
use super::errors::{Declined, declined};
use super::shelf::Shelf;
use crate::core::limits::gauge::{self, Gauge, Taken};

/// Gauges, and whose each is.
pub struct Gauged<'a, 'py> {
    pub gauges: Vec<Gauge>,
    whose: Vec<&'a Descriptor<'py>>,
}

impl<'a, 'py> Gauged<'a, 'py> {
    pub fn all(descriptors: &'a [Descriptor<'py>]) -> PyResult<Self> {
        let mut all = Self {
            gauges: Vec::new(),
            whose: Vec::new(),
        };
        for descriptor in descriptors {
            if let Some(limit) = descriptor.parallel {
                let key = descriptor.cell(Kind::Parallel.name())?;
                // LiteLLM judges by the last of several descriptors that share a gauge.
                if all.keys().any(|known| known == key) {
                    return Err(Declined::new_err("two descriptors with one gauge"));
                }
                all.gauges.push(Gauge { key, limit });
                all.whose.push(descriptor);
            }
        }
        Ok(all)
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.gauges.iter().map(|gauge| gauge.key.as_str())
    }

    /// Appends the status of one gauge.
    pub fn tell(
        &self,
        statuses: &Bound<'py, PyList>,
        index: usize,
        in_flight: i64,
        over: bool,
    ) -> PyResult<()> {
        if let (Some(gauge), Some(whose)) = (self.gauges.get(index), self.whose.get(index)) {
            let remaining = (gauge.limit - in_flight).max(0);
            statuses.append(whose.status(over, gauge.limit, remaining, Kind::Parallel)?)?;
        }
        Ok(())
    }

    /// Takes the slot under all of them or under none; appends their statuses and answers whether one is full.
    pub fn take(
        &self,
        cache: &mut Shelf<'_, 'py>,
        slot: &str,
        now_s: f64,
        statuses: &Bound<'py, PyList>,
    ) -> PyResult<bool> {
        if self.gauges.is_empty() {
            return Ok(false);
        }
        match gauge::take(cache, &self.gauges, slot, now_s).map_err(declined)? {
            Taken::Full { index, in_flight } => {
                self.tell(statuses, index, in_flight, true)?;
                Ok(true)
            }
            Taken::All(in_flight) => {
                for (index, in_flight) in in_flight.into_iter().enumerate() {
                    self.tell(statuses, index, in_flight, false)?;
                }
                Ok(false)
            }
        }
    }
}
