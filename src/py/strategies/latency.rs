//! The deployment with the lowest latency.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::candidates::{Candidates, Tokens, in_minute, nothing};
use super::deployment::{Unset, plain};
use super::generator::Generator;
use super::number::number;
use super::stop::{Read, Stop, told};
use crate::core::routing::draws;
use crate::core::routing::latency::{Average, Number, percentile, threshold};

/// How latencies are judged: whether the request streams, so that the time to its first token is meant; the percentile
/// of those times; the buffer; and what adds up floats, `None` where they are added one by one.
type Options<'py> = (bool, Option<f64>, f64, Option<Bound<'py, PyAny>>);

struct Judged<'py> {
    streaming: bool,
    ttft_percentile: Option<f64>,
    buffer: f64,
    sum: Option<Bound<'py, PyAny>>,
}

/// One entry of the map.
struct Entry<'py> {
    of: usize,
    latency: f64,
    /// The very object that LiteLLM would tell of, where it is not made by dividing.
    told: Option<Bound<'py, PyAny>>,
    api_base: Option<Bound<'py, PyString>>,
    /// Whether its limits let the request through.
    open: bool,
}

impl<'py> Judged<'py> {
    fn averaged(&self, samples: &Bound<'py, PyList>) -> Read<f64> {
        if let (Some(sum), false) = (&self.sum, samples.is_empty()) {
            let total = number(&sum.call1((samples,))?)?;
            let count = i64::try_from(samples.len()).map_err(|_| Stop::NotOurs)?;
            return Ok(total.float() / Number::Int(count).float());
        }
        let average = samples
            .iter()
            .try_fold(Average::default(), |average, sample| {
                average.with(number(&sample)?).ok_or(Stop::NotOurs)
            });
        average.map(|average| average.get())
    }

    /// The latency of an entry, and the object that it is if it is one of the samples.
    fn latency(&self, entry: &Bound<'py, PyDict>) -> Read<(f64, Option<Bound<'py, PyAny>>)> {
        let py = entry.py();
        if self.streaming {
            let samples = entry.get_item(pyo3::intern!(py, "time_to_first_token_seconds"))?;
            let samples = samples.map(list).transpose()?;
            if let Some(samples) = samples.filter(|samples| !samples.is_empty()) {
                return match self.ttft_percentile {
                    Some(share) => nth(&samples, share),
                    None => Ok((self.averaged(&samples)?, None)),
                };
            }
        }
        match entry.get_item(pyo3::intern!(py, "latency"))? {
            Some(samples) => Ok((self.averaged(&list(samples)?)?, None)),
            None => Ok((0.0, None)),
        }
    }
}

fn list(value: Bound<'_, PyAny>) -> Read<Bound<'_, PyList>> {
    value.cast_into_exact().map_err(|_| Stop::NotOurs)
}

fn nth<'py>(samples: &Bound<'py, PyList>, share: f64) -> Read<(f64, Option<Bound<'py, PyAny>>)> {
    let values: Read<Vec<f64>> = samples
        .iter()
        .map(|sample| number(&sample).map(Number::float))
        .collect();
    let values = values?;
    let place = percentile(&values, share).ok_or(Stop::NotOurs)?;
    let value = values.get(place).copied().ok_or(Stop::NotOurs)?;
    Ok((value, Some(samples.get_item(place)?)))
}

fn choose<'py>(
    deployments: &Bound<'py, PyAny>,
    usage: &Bound<'py, PyAny>,
    minute: &Bound<'py, PyString>,
    tokens: Tokens<'py>,
    judged: &Judged<'py>,
    getrandbits: &Bound<'py, PyAny>,
    latencies: Option<&Bound<'py, PyDict>>,
) -> Read<Option<Bound<'py, PyAny>>> {
    let usage = usage.cast_exact::<PyDict>().map_err(|_| Stop::NotOurs)?;
    let candidates = Candidates::read(deployments, Unset::Falsy)?;
    let tokens = candidates.tokens(tokens)?;
    let matched = candidates.matched(usage)?;
    let entry = |of, counted: Option<Bound<'py, PyAny>>| {
        let candidate = candidates.get(of)?;
        let ((latency, told), (tpm, rpm)) = match counted {
            Some(counted) => {
                let counted = plain(counted)?;
                (judged.latency(&counted)?, in_minute(&counted, minute)?)
            }
            None => ((0.0, None), (0.0, 0.0)),
        };
        Ok(Some(Entry {
            of,
            latency,
            told,
            api_base: candidate.api_base()?,
            open: !(tpm + tokens > candidate.tpm || rpm + 1.0 > candidate.rpm),
        }))
    };
    let absent = &matched.absent;
    let entries: Read<Vec<Option<Entry>>> = matched
        .entries
        .into_iter()
        .map(|found| found.map_or(Ok(None), |(of, counted)| entry(of, Some(counted))))
        .chain(absent.iter().map(|(_, of)| entry(*of, None)))
        .collect();
    let entries = entries?;
    let open = || entries.iter().flatten().filter(|entry| entry.open);
    let limit = threshold(open().map(|entry| entry.latency), judged.buffer);
    let limit = if open().next().is_some() {
        limit.ok_or(Stop::NotOurs)?
    } else {
        f64::NAN
    };

    // From here on it is native code's: LiteLLM's map and Python's generator are changed.
    for (first, _) in absent {
        let py = usage.py();
        let counted = PyDict::new(py);
        counted.set_item(pyo3::intern!(py, "latency"), PyList::new(py, [0])?)?;
        nothing(&counted, minute)?;
        usage.set_item(&candidates.get(*first)?.id, counted)?;
    }
    let size = u32::try_from(entries.len()).map_err(|_| Stop::NotOurs)?;
    let mut generator = Generator(getrandbits);
    let mut best = Vec::new();
    for at in draws::order(size, &mut generator)? {
        let Some(Some(entry)) = entries.get(at as usize) else {
            continue;
        };
        if let (Some(latencies), Some(base)) = (latencies, &entry.api_base) {
            match &entry.told {
                Some(told) => latencies.set_item(base, told)?,
                None => latencies.set_item(base, entry.latency)?,
            }
        }
        if entry.open && entry.latency <= limit {
            best.push((entry.latency, entry.of));
        }
    }
    best.sort_by(|(one, _), (other, _)| {
        one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal)
    });
    let Some(&(_, chosen)) = generator.choice(&best)? else {
        return Ok(None);
    };
    Ok(Some(candidates.get(chosen)?.object.clone().into_any()))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn lowest_latency<'py>(
    deployments: &Bound<'py, PyAny>,
    usage: &Bound<'py, PyAny>,
    minute: &Bound<'py, PyString>,
    tokens: Tokens<'py>,
    options: Options<'py>,
    getrandbits: &Bound<'py, PyAny>,
    latencies: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (streaming, ttft_percentile, buffer, sum) = options;
    let judged = Judged {
        streaming,
        ttft_percentile,
        buffer,
        sum,
    };
    let chosen = choose(
        deployments,
        usage,
        minute,
        tokens,
        &judged,
        getrandbits,
        latencies,
    );
    told(minute.py(), chosen)
}
