//! What a deployment costs by LiteLLM's table of prices.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use rustc_hash::FxHashMap;

use super::deployment::{Deployment, plain, text};
use super::number::{float, number};
use super::stop::{Read, Stop};
use crate::core::routing::latency::Number;

/// Where neither a deployment nor the table has a price.
const UNKNOWN: f64 = 5.0;

#[derive(Clone, Copy)]
struct Rates {
    input: Option<f64>,
    output: Option<f64>,
}

/// Rows of the table that were read, by their identity; `None`: it has no price.
pub struct Pricing<'py> {
    table: Bound<'py, PyDict>,
    rows: FxHashMap<usize, Option<Rates>>,
}

impl<'py> Pricing<'py> {
    pub fn new(table: &Bound<'py, PyAny>) -> Read<Self> {
        Ok(Self {
            table: plain(table.clone())?,
            rows: FxHashMap::default(),
        })
    }

    /// Input and output together.
    pub fn cost(&mut self, deployment: &Deployment<'py>) -> Read<f64> {
        let py = deployment.object.py();
        let known = self.known(deployment)?;
        let set = |name| match deployment.param(name)? {
            Some(price) if !price.is_none() => {
                Ok(Some(float(&price)?).filter(|price| *price != 0.0))
            }
            _ => Ok::<_, Stop>(None),
        };
        let input = set(pyo3::intern!(py, "input_cost_per_token"))?.or(known.input);
        let output = set(pyo3::intern!(py, "output_cost_per_token"))?.or(known.output);
        Ok(input.unwrap_or(UNKNOWN) + output.unwrap_or(UNKNOWN))
    }

    /// The prices of the first of its models that the table has any for.
    fn known(&mut self, deployment: &Deployment<'py>) -> Read<Rates> {
        let py = deployment.object.py();
        named_by_texts(&deployment.object)?;
        named_by_texts(&deployment.info)?;
        if let Some(params) = &deployment.params {
            named_by_texts(params)?;
        }
        let base = pyo3::intern!(py, "base_model");
        let of_info = named(deployment.info.get_item(base)?)?;
        let of_params = || named(deployment.param(base)?);
        let base = of_info.map_or_else(of_params, |found| Ok(Some(found)))?;
        let model = named(deployment.param(pyo3::intern!(py, "model"))?)?;
        for model in [base, model].into_iter().flatten() {
            if let Some(rates) = self.row(&model)? {
                return Ok(rates);
            }
        }
        Ok(Rates {
            input: None,
            output: None,
        })
    }

    fn row(&mut self, model: &Bound<'py, PyString>) -> Read<Option<Rates>> {
        let Some(row) = self.table.get_item(model)?.filter(|row| !row.is_none()) else {
            return Ok(None);
        };
        if let Some(rates) = self.rows.get(&(row.as_ptr() as usize)) {
            return Ok(*rates);
        }
        let row = plain(row)?;
        named_by_texts(&row)?;
        let py = row.py();
        let input = row.get_item(pyo3::intern!(py, "input_cost_per_token"))?;
        let output = row.get_item(pyo3::intern!(py, "output_cost_per_token"))?;
        let input = input.filter(|price| !price.is_none());
        let output = output.filter(|price| !price.is_none());
        let rates = if input.is_none() && output.is_none() {
            None
        } else {
            Some(Rates {
                input: input.map_or(Ok(None), |price| rate(&price))?,
                output: output.map_or(Ok(None), |price| rate(&price))?,
            })
        };
        self.rows.insert(row.as_ptr() as usize, rates);
        Ok(rates)
    }
}

/// A price of the table. `None` where LiteLLM takes it for none.
fn rate(price: &Bound<'_, PyAny>) -> Read<Option<f64>> {
    if price.is_exact_instance_of::<PyBool>() || price.is_exact_instance_of::<PyString>() {
        return Ok(None);
    }
    number(price).map(Number::float).map(Some)
}

/// A model's name; LiteLLM passes over an empty one.
fn named(name: Option<Bound<'_, PyAny>>) -> Read<Option<Bound<'_, PyString>>> {
    let Some(name) = name.filter(|name| !name.is_none()) else {
        return Ok(None);
    };
    let name = text(name)?;
    Ok(if name.is_empty()? { None } else { Some(name) })
}

/// LiteLLM takes a block with any other key for an empty one, or reads the key as a text.
fn named_by_texts(block: &Bound<'_, PyDict>) -> Read<()> {
    let texts = block
        .iter()
        .all(|(key, _)| key.is_exact_instance_of::<PyString>());
    texts.then_some(()).ok_or(Stop::NotOurs)
}
