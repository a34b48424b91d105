//! The cheapest deployment.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::candidates::{Candidates, Tokens, in_minute, nothing};
use super::deployment::{Unset, plain};
use super::pricing::Pricing;
use super::stop::{Read, Stop, told};

fn choose<'py>(
    deployments: &Bound<'py, PyAny>,
    usage: Option<&Bound<'py, PyAny>>,
    minute: &Bound<'py, PyString>,
    tokens: Tokens<'py>,
    prices: &Bound<'py, PyAny>,
) -> Read<Option<Bound<'py, PyAny>>> {
    let py = minute.py();
    let candidates = Candidates::read(deployments, Unset::Falsy)?;
    let tokens = candidates.tokens(tokens)?;
    let usage = usage.cloned().map(plain).transpose()?;
    let matched = candidates.matched(&usage.clone().unwrap_or_else(|| PyDict::new(py)))?;
    let mut pricing = Pricing::new(prices)?;
    let mut cheapest: Option<(f64, usize)> = None;
    let mut judge = |of, tpm, rpm| {
        let candidate = candidates.get(of)?;
        let cost = pricing.cost(candidate)?;
        candidate.api_base()?;
        if cost.is_nan() {
            return Err(Stop::NotOurs);
        }
        let open = !(tpm + tokens > candidate.tpm || rpm + 1.0 > candidate.rpm);
        if open && cheapest.is_none_or(|(lowest, _)| cost < lowest) {
            cheapest = Some((cost, of));
        }
        Ok(())
    };
    for (of, counted) in matched.entries.into_iter().flatten() {
        let (tpm, rpm) = in_minute(&plain(counted)?, minute)?;
        judge(of, tpm, rpm)?;
    }
    for (_, of) in &matched.absent {
        judge(*of, 0.0, 0.0)?;
    }
    let chosen = cheapest.map(|(_, of)| candidates.get(of)).transpose()?;
    if let Some(usage) = usage {
        for (first, _) in matched.absent {
            let counted = PyDict::new(py);
            nothing(&counted, minute)?;
            usage.set_item(&candidates.get(first)?.id, counted)?;
        }
    }
    Ok(chosen.map(|chosen| chosen.object.clone().into_any()))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn lowest_cost<'py>(
    deployments: &Bound<'py, PyAny>,
    usage: Option<&Bound<'py, PyAny>>,
    minute: &Bound<'py, PyString>,
    tokens: Tokens<'py>,
    prices: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    told(
        minute.py(),
        choose(deployments, usage, minute, tokens, prices),
    )
}
