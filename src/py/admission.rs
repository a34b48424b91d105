//! One request's admission on Redis: what is asked in one trip, and what its answer means.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyInt, PyList, PyString};

use super::counted::{Counted, judged, known, whole_seconds};
use super::descriptor::{Descriptor, Kind, response};
use super::errors::{Declined, declined};
use super::gauged::Gauged;
use super::memory_cache::MemoryCaches;
use super::shelf::with_shelf;
use crate::core::limits::cell::Number;
use crate::core::limits::counters::Counters;
use crate::core::limits::gauge::{self, SLOT_TTL_S};

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct Admission {
    caches: Py<MemoryCaches>,
    cache: Py<PyAny>,
    /// Of the descriptors whose windows and gauges are asked, and of those whose tokens are.
    windowed: Py<PyAny>,
    reserving: Py<PyAny>,
    except: Vec<String>,
    skip_tokens: bool,
    window_s: i64,
    /// The gauge that is full by what this process knows, and how many are in flight.
    full: Option<(usize, i64)>,
    #[pyo3(get)]
    keys: Py<PyList>,
    #[pyo3(get)]
    args: Py<PyList>,
    #[pyo3(get)]
    refused: Option<Py<PyDict>>,
}

/// What is asked, before it is asked.
pub struct Question<'py> {
    pub cache: Bound<'py, PyAny>,
    pub windowed: Bound<'py, PyAny>,
    pub reserving: Bound<'py, PyAny>,
    pub except: Vec<String>,
    pub now_s: f64,
    pub window_s: i64,
    pub skip_tokens: bool,
    pub slot: String,
    /// To be reserved; `None` where nothing is.
    pub tokens: Option<i64>,
    /// Whether a refused request is charged nothing.
    pub uncharged: bool,
}

fn bad_reply() -> PyErr {
    pyo3::exceptions::PyTypeError::new_err("rate limiter script reply is not as it must be")
}

/// An integer as redis-py gives it: a number, or a text of one.
fn integer(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Ok(number) = value.cast::<PyInt>() {
        return number.extract();
    }
    let text = match value.cast::<PyBytes>() {
        Ok(bytes) => std::str::from_utf8(bytes.as_bytes())
            .map_err(|_| bad_reply())?
            .to_owned(),
        Err(_) => value
            .cast::<PyString>()
            .map_err(|_| bad_reply())?
            .to_str()?
            .to_owned(),
    };
    text.parse().map_err(|_| bad_reply())
}

/// Whether redis-py gives texts as `bytes`, which LiteLLM keeps as they come.
fn gave_bytes(reply: &Bound<'_, PyAny>) -> bool {
    let first = reply.get_item(0).and_then(|windows| windows.get_item(0));
    first.is_ok_and(|first| first.is_instance_of::<PyBytes>())
}

fn integers(value: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    value.try_iter()?.map(|one| integer(&one?)).collect()
}

fn reserving<'py>(
    descriptors: &Bound<'py, PyAny>,
    except: &[String],
) -> PyResult<Vec<Descriptor<'py>>> {
    let mut all = Descriptor::all(descriptors)?;
    all.retain(|one| {
        let key = one.key.to_str().unwrap_or_default();
        one.tokens.is_some() && !except.iter().any(|kind| kind == key)
    });
    Ok(all)
}

impl Admission {
    pub fn ask(py: Python<'_>, caches: &Py<MemoryCaches>, asked: Question<'_>) -> PyResult<Self> {
        let windowed = Descriptor::all(&asked.windowed)?;
        let counted = Counted::all(&windowed, asked.skip_tokens)?;
        let gauged = Gauged::all(&windowed)?;
        let (known, in_flight) = with_shelf(caches.get(), &asked.cache, |shelf| {
            let known = known(shelf, &counted)?;
            let in_flight = gauge::count(shelf, gauged.keys(), asked.now_s).map_err(declined)?;
            Ok((known, in_flight))
        })?;
        let (keys, args) = (PyList::empty(py), PyList::empty(py));
        let (over, statuses) = judged(py, &counted, known.into_iter())?;
        let refused = if over {
            Some(response(py, true, &statuses)?.unbind())
        } else {
            None
        };
        let full = (gauged.gauges.iter().zip(in_flight).enumerate())
            .find(|(_, (gauge, in_flight))| *in_flight >= gauge.limit)
            .map(|(index, (_, in_flight))| (index, in_flight));
        // What this process knows to be full is not asked, but the windows before it are charged, as in LiteLLM.
        let asking = if full.is_some() {
            &[]
        } else {
            gauged.gauges.as_slice()
        };
        let tokens = asked.tokens.filter(|_| full.is_none());
        let reserving = match tokens {
            Some(_) => reserving(&asked.reserving, &asked.except)?,
            None => Vec::new(),
        };
        for one in &counted {
            keys.append(&one.pair.window)?;
            keys.append(&one.pair.counter)?;
        }
        for gauge in asking {
            keys.append(&gauge.key)?;
        }
        for one in &reserving {
            keys.append(one.cell("window")?)?;
            keys.append(one.cell(Kind::Tokens.name())?)?;
        }
        for count in [counted.len(), asking.len(), reserving.len()] {
            args.append(count)?;
        }
        let slot_ttl_s = whole_seconds(SLOT_TTL_S);
        for time_s in [whole_seconds(asked.now_s), asked.window_s, slot_ttl_s] {
            args.append(time_s)?;
        }
        args.append(&asked.slot)?;
        // A gauge that is full here refuses whatever Redis says.
        let take_back = u8::from(asked.uncharged) + u8::from(asked.uncharged && full.is_some());
        args.append(take_back)?;
        let limits = counted.iter().map(|one| one.limit);
        for limit in limits.chain(asking.iter().map(|gauge| gauge.limit)) {
            args.append(limit)?;
        }
        for (index, one) in reserving.iter().enumerate() {
            let window_s = one.window_s.unwrap_or(asked.window_s);
            args.append(index)?;
            for value in [
                one.tokens.unwrap_or(0),
                tokens.unwrap_or(0),
                window_s,
                window_s,
            ] {
                args.append(value)?;
            }
        }
        Ok(Self {
            caches: caches.clone_ref(py),
            cache: asked.cache.unbind(),
            windowed: asked.windowed.unbind(),
            reserving: asked.reserving.unbind(),
            except: asked.except,
            skip_tokens: asked.skip_tokens,
            window_s: asked.window_s,
            full,
            keys: keys.unbind(),
            args: args.unbind(),
            refused,
        })
    }
}

/// The response of windows and gauges, that of tokens, and which step failed.
type Answered<'py> = (
    Bound<'py, PyDict>,
    Option<Bound<'py, PyDict>>,
    Option<usize>,
);

#[pymethods]
impl Admission {
    /// What LiteLLM would have got of its three scripts: the response of windows and gauges, and that of tokens if
    /// they were asked. Writes what the windows and gauges hold into the cache, as LiteLLM does. Where a step failed
    /// the third is its number (0 windows, 1 gauges, 2 tokens), and the response says what the steps before came to.
    fn answered<'py>(&self, reply: &Bound<'py, PyAny>) -> PyResult<Answered<'py>> {
        // Redis has charged the request: what would be declined now fails, or LiteLLM would charge it again.
        self.read(reply).map_err(|error| {
            if error.is_instance_of::<Declined>(reply.py()) {
                bad_reply()
            } else {
                error
            }
        })
    }
}

impl Admission {
    fn read<'py>(&self, reply: &Bound<'py, PyAny>) -> PyResult<Answered<'py>> {
        let py = reply.py();
        let windowed = Descriptor::all(self.windowed.bind(py))?;
        let counted = Counted::all(&windowed, self.skip_tokens)?;
        let gauged = Gauged::all(&windowed)?;
        let steps: Vec<_> = reply.try_iter()?.collect::<PyResult<_>>()?;
        let failed = steps
            .last()
            .filter(|step| step.is_instance_of::<PyException>());
        let failed = failed.map(|_| steps.len() - 1);
        let mut steps = steps.iter().take(failed.unwrap_or(steps.len()));
        let mut next = || steps.next().map_or_else(|| Ok(Vec::new()), integers);
        let windows: Vec<[i64; 2]> = next()?.as_chunks::<2>().0.to_vec();
        let in_flight = next()?;
        let tokens = next()?;
        let as_bytes = gave_bytes(reply);
        self.mirror(py, &counted, &windows, as_bytes, &gauged, &in_flight)
            .ok();
        // What is mirrored is looked at first the next time, and no more; nothing may decline any longer.
        let (over, statuses) = judged(py, &counted, windows.iter().map(|[_, count]| Some(*count)))?;
        let full = match (self.full, in_flight.as_slice()) {
            (Some(full), _) => Some(full),
            (None, [1, index, in_flight]) => Some((
                usize::try_from(index - 1).map_err(|_| bad_reply())?,
                *in_flight,
            )),
            _ => None,
        };
        if let Some((index, in_flight)) = full.filter(|_| !over && failed != Some(0)) {
            gauged.tell(&statuses, index, in_flight, true)?;
            return Ok((response(py, true, &statuses)?, None, failed));
        }
        for (index, in_flight) in in_flight.into_iter().skip(1).enumerate() {
            gauged.tell(&statuses, index, in_flight, false)?;
        }
        let tokens = match tokens.as_slice() {
            [] => None,
            tokens => Some(self.tokens(tokens, py)?),
        };
        Ok((response(py, over, &statuses)?, tokens, failed))
    }

    fn mirror(
        &self,
        py: Python<'_>,
        counted: &[Counted<'_, '_>],
        windows: &[[i64; 2]],
        as_bytes: bool,
        gauged: &Gauged<'_, '_>,
        in_flight: &[i64],
    ) -> PyResult<()> {
        #[expect(clippy::cast_precision_loss, reason = "a time to live is small")]
        let ttl_s = self.window_s as f64;
        with_shelf(self.caches.get(), self.cache.bind(py), |shelf| {
            for (one, [began_s, count]) in counted.iter().zip(windows) {
                shelf.write(&one.pair.counter, Number::Int(*count), ttl_s);
                let began = if as_bytes {
                    Number::Bytes(*began_s)
                } else {
                    Number::Digits(*began_s)
                };
                shelf.write(&one.pair.window, began, ttl_s);
            }
            if let [0, in_flight @ ..] = in_flight {
                for (key, in_flight) in gauged.keys().zip(in_flight) {
                    shelf.write(key, Number::Int(*in_flight), SLOT_TTL_S);
                }
            }
            Ok(())
        })
    }

    fn tokens<'py>(&self, reply: &[i64], py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let reserving = reserving(self.reserving.bind(py), &self.except)?;
        let statuses = PyList::empty(py);
        if let [1, index, current] = reply {
            let index = usize::try_from(index - 1).map_err(|_| bad_reply())?;
            let one = reserving.get(index).ok_or_else(bad_reply)?;
            let limit = one.tokens.unwrap_or(0);
            statuses.append(one.status(true, limit, (limit - current).max(0), Kind::Tokens)?)?;
            return response(py, true, &statuses);
        }
        let [0, counts @ ..] = reply else {
            return Err(bad_reply());
        };
        let mut windows = Vec::with_capacity(reserving.len());
        for (one, [count, began_s]) in reserving.iter().zip(counts.as_chunks::<2>().0) {
            let limit = one.tokens.unwrap_or(0);
            statuses.append(one.status(false, limit, (limit - count).max(0), Kind::Tokens)?)?;
            windows.push((one.cell(Kind::Tokens.name())?, began_s.to_string(), "redis"));
        }
        let response = response(py, false, &statuses)?;
        let windows = PyFrozenSet::new(py, windows)?;
        response.set_item(pyo3::intern!(py, "reservation_windows"), windows)?;
        Ok(response)
    }
}
