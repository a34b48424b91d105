//! Passes over lists of the Router's deployments, each for one function of LiteLLM's.
//!
//! Read are plain dicts of plain values; whatever else there is makes the pass LiteLLM's own, errors included.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PySet, PyString, PyTuple};

/// `None`: LiteLLM's own code must do it.
pub type Pass<T> = Option<T>;

pub fn answer<'py>(py: Python<'py>, pass: Pass<Bound<'py, PyAny>>) -> Bound<'py, PyAny> {
    pass.unwrap_or_else(|| py.NotImplemented().into_bound(py))
}

/// What a plain dict holds under a name, `None` of Python's like nothing.
pub fn held<'py>(
    dict: &Bound<'py, PyDict>,
    name: &Bound<'py, PyString>,
) -> Pass<Option<Bound<'py, PyAny>>> {
    let found = dict.get_item(name).ok()?;
    Some(found.filter(|found| !found.is_none()))
}

/// `deployment.get(name) or {}`; `None` inside: nothing is there.
pub fn part<'py>(
    deployment: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Pass<Option<Bound<'py, PyDict>>> {
    match held(deployment.cast_exact::<PyDict>().ok()?, name)? {
        None => Some(None),
        Some(part) => part.cast_into_exact::<PyDict>().ok().map(Some),
    }
}

/// `deployment.get(name, {})`, where `None` of Python's would be an error.
pub fn strict_part<'py>(
    deployment: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> Pass<Option<Bound<'py, PyDict>>> {
    match deployment
        .cast_exact::<PyDict>()
        .ok()?
        .get_item(name)
        .ok()?
    {
        None => Some(None),
        Some(part) => part.cast_into_exact::<PyDict>().ok().map(Some),
    }
}

/// Calls `keeps` with every member of a list or a tuple; the members that it keeps.
fn kept<'py>(
    deployments: &Bound<'py, PyAny>,
    mut keeps: impl FnMut(&Bound<'py, PyAny>) -> Pass<bool>,
) -> Pass<Vec<Bound<'py, PyAny>>> {
    let mut all = Vec::new();
    let mut step = |deployment: Bound<'py, PyAny>| {
        if keeps(&deployment)? {
            all.push(deployment);
        }
        Some(())
    };
    if let Ok(list) = deployments.cast_exact::<PyList>() {
        for deployment in list {
            step(deployment)?;
        }
    } else {
        for deployment in deployments.cast_exact::<PyTuple>().ok()? {
            step(deployment)?;
        }
    }
    Some(all)
}

pub fn list<'py>(py: Python<'py>, members: Vec<Bound<'py, PyAny>>) -> Pass<Bound<'py, PyAny>> {
    PyList::new(py, members).ok().map(Bound::into_any)
}

/// Names that a pass looks up, and the prefix of models that no provider serves.
struct Marker<'py> {
    params: Bound<'py, PyString>,
    model: Bound<'py, PyString>,
    prefix: &'py str,
}

impl<'py> Marker<'py> {
    fn new(py: Python<'py>, prefix: &'py str) -> Self {
        Self {
            params: pyo3::intern!(py, "litellm_params").clone(),
            model: pyo3::intern!(py, "model").clone(),
            prefix,
        }
    }

    fn marks(&self, deployment: &Bound<'py, PyAny>) -> Pass<bool> {
        let Some(params) = part(deployment, &self.params)? else {
            return Some(false);
        };
        match held(&params, &self.model)? {
            None => Some(false),
            Some(model) => Some(
                model
                    .cast_exact::<PyString>()
                    .ok()?
                    .to_str()
                    .ok()?
                    .starts_with(self.prefix),
            ),
        }
    }
}

fn callable<'py>(
    deployments: &Bound<'py, PyAny>,
    prefix: &'py str,
) -> Pass<Vec<Bound<'py, PyAny>>> {
    let marker = Marker::new(deployments.py(), prefix);
    let all = kept(deployments, |deployment| {
        marker.marks(deployment).map(|marks| !marks)
    })?;
    // Where none is left LiteLLM raises.
    (!all.is_empty() || deployments.is_empty().ok()?).then_some(all)
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn callable_deployments<'py>(
    deployments: &Bound<'py, PyAny>,
    prefix: &'py str,
) -> Bound<'py, PyAny> {
    let py = deployments.py();
    answer(
        py,
        callable(deployments, prefix).and_then(|all| list(py, all)),
    )
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn unreserved_deployments<'py>(
    deployments: &Bound<'py, PyAny>,
    prefix: &'py str,
) -> Bound<'py, PyAny> {
    let py = deployments.py();
    let info_name = pyo3::intern!(py, "model_info");
    let windows = pyo3::intern!(py, "access_windows");
    let marker = Marker::new(py, prefix);
    let unreserved = || {
        let all = kept(deployments, |deployment| {
            if marker.marks(deployment)? {
                return Some(false);
            }
            match part(deployment, info_name)? {
                Some(info) if held(&info, windows)?.is_some() => None,
                _ => Some(true),
            }
        })?;
        if all.is_empty() && !deployments.is_empty().ok()? {
            return None;
        }
        PyTuple::new(py, all).ok().map(Bound::into_any)
    };
    answer(py, unreserved())
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn teamless_deployments<'py>(deployments: &Bound<'py, PyList>) -> Bound<'py, PyAny> {
    let py = deployments.py();
    let (info_name, id, team) = (
        pyo3::intern!(py, "model_info"),
        pyo3::intern!(py, "id"),
        pyo3::intern!(py, "team_id"),
    );
    let teamless = kept(deployments.as_any(), |deployment| {
        let Some(info) = strict_part(deployment, info_name)? else {
            return Some(true);
        };
        if held(&info, team)?.is_some() {
            return None;
        }
        // It is looked for in a set, and an object may refuse that.
        match held(&info, id)? {
            Some(id) if !id.is_exact_instance_of::<PyString>() => None,
            _ => Some(true),
        }
    });
    answer(py, teamless.and_then(|all| list(py, all)))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn deployments_outside<'py>(
    deployments: &Bound<'py, PyList>,
    ids: &Bound<'py, PyList>,
) -> Bound<'py, PyAny> {
    let py = deployments.py();
    let (info_name, id_name) = (pyo3::intern!(py, "model_info"), pyo3::intern!(py, "id"));
    let outside = || {
        if !ids.iter().all(|id| id.is_exact_instance_of::<PyString>()) {
            return None;
        }
        let cold = if ids.is_empty() {
            None
        } else {
            Some(PySet::new(py, ids).ok()?)
        };
        let all = kept(deployments.as_any(), |deployment| {
            let info = part(deployment, info_name)??;
            let id = held(&info, id_name)??;
            let id = id.cast_exact::<PyString>().ok()?;
            match &cold {
                None => Some(true),
                Some(cold) => cold.contains(id).ok().map(|cold| !cold),
            }
        })?;
        list(py, all)
    };
    answer(py, outside())
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn unblocked_deployments<'py>(deployments: &Bound<'py, PyList>) -> Bound<'py, PyAny> {
    let py = deployments.py();
    let (info_name, blocked) = (
        pyo3::intern!(py, "model_info"),
        pyo3::intern!(py, "blocked"),
    );
    let yes = PyBool::new(py, true);
    let unblocked = kept(deployments.as_any(), |deployment| {
        let Some(info) = part(deployment, info_name)? else {
            return Some(true);
        };
        Some(held(&info, blocked)?.is_none_or(|blocked| !blocked.is(yes)))
    });
    answer(py, unblocked.and_then(|all| list(py, all)))
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn first_in_order<'py>(deployments: &Bound<'py, PyList>) -> Bound<'py, PyAny> {
    let py = deployments.py();
    let (params_name, info_name, order_name) = (
        pyo3::intern!(py, "litellm_params"),
        pyo3::intern!(py, "model_info"),
        pyo3::intern!(py, "order"),
    );
    let order_in = |deployment: &Bound<'py, PyAny>,
                    name: &Bound<'py, PyString>|
     -> Pass<Option<i64>> {
        let Some(dict) = strict_part(deployment, name)? else {
            return Some(None);
        };
        match held(&dict, order_name)? {
            None => Some(None),
            Some(order) if order.is_exact_instance_of::<PyInt>() => order.extract().ok().map(Some),
            Some(_) => None,
        }
    };
    let order_of = |deployment: &Bound<'py, PyAny>| match order_in(deployment, params_name)? {
        None => order_in(deployment, info_name),
        order => Some(order),
    };
    let first = || {
        let mut lowest = None::<i64>;
        for deployment in deployments {
            if let Some(order) = order_of(&deployment)? {
                lowest = Some(lowest.map_or(order, |lowest| lowest.min(order)));
            }
        }
        if lowest.is_none() {
            return Some(deployments.clone().into_any());
        }
        let chosen = kept(deployments.as_any(), |deployment| {
            Some(order_of(deployment)? == lowest)
        })?;
        list(py, chosen)
    };
    answer(py, first())
}
