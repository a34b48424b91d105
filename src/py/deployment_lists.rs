//! Lists of the Router's deployments and of their ids, as LiteLLM makes them from its indices.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyTuple};

use super::deployments::{Pass, answer, held, list, part, strict_part};

/// See `_accel.pyi`.
#[pyfunction]
pub fn group_deployments<'py>(
    model_list: &Bound<'py, PyList>,
    indices: &Bound<'py, PyList>,
    name: &Bound<'py, PyString>,
    team: Option<&Bound<'py, PyString>>,
) -> Bound<'py, PyAny> {
    let py = model_list.py();
    let (info_name, team_name, public_name, model_name) = (
        pyo3::intern!(py, "model_info"),
        pyo3::intern!(py, "team_id"),
        pyo3::intern!(py, "team_public_model_name"),
        pyo3::intern!(py, "model_name"),
    );
    let is = |value: &Option<Bound<'py, PyAny>>, text: &Bound<'py, PyString>| -> Pass<bool> {
        match value {
            None => Some(false),
            Some(value) => {
                let value = value.cast_exact::<PyString>().ok()?;
                Some(value.is(text) || value.to_str().ok()? == text.to_str().ok()?)
            }
        }
    };
    let group = || {
        let mut all = Vec::with_capacity(indices.len());
        for index in indices {
            if !index.is_exact_instance_of::<PyInt>() {
                return None;
            }
            let deployment = model_list.get_item(index.extract().ok()?).ok()?;
            let fields = deployment.cast_exact::<PyDict>().ok()?;
            let info = part(&deployment, info_name)?;
            let own_team = match &info {
                None => None,
                Some(info) => held(info, team_name)?,
            };
            let included = match team {
                None => is(&Some(held(fields, model_name)??), name)?,
                Some(team) => {
                    let same_team = is(&own_team, team)?;
                    let public = match &info {
                        Some(info) if same_team => held(info, public_name)?,
                        _ => None,
                    };
                    is(&public, name)?
                        || (is(&Some(held(fields, model_name)??), name)?
                            && (own_team.is_none() || same_team))
                }
            };
            if included {
                all.push(deployment);
            }
        }
        list(py, all)
    };
    answer(py, group())
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn deployment_ids<'py>(
    model_list: &Bound<'py, PyList>,
    index_map: &Bound<'py, PyDict>,
) -> Bound<'py, PyAny> {
    let py = model_list.py();
    let (info_name, id_name) = (pyo3::intern!(py, "model_info"), pyo3::intern!(py, "id"));
    let ids = || {
        let mut all = Vec::with_capacity(index_map.len());
        // A key of `model_info` may be an object of which a comparison changes the map.
        let entries: Vec<_> = index_map.iter().collect();
        for (id, index) in entries {
            if !index.is_exact_instance_of::<PyInt>() || !id.is_exact_instance_of::<PyString>() {
                return None;
            }
            let deployment = model_list.get_item(index.extract().ok()?).ok()?;
            let info = strict_part(&deployment, info_name)?;
            let named = info.map(|info| info.contains(id_name)).transpose().ok()?;
            if named == Some(true) {
                all.push(id);
            }
        }
        list(py, all)
    };
    answer(py, ids())
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn are_texts(members: &Bound<'_, PyList>) -> bool {
    members
        .iter()
        .all(|member| member.is_exact_instance_of::<PyString>())
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn any_holds(dicts: &Bound<'_, PyTuple>, names: &Bound<'_, PyTuple>) -> PyResult<bool> {
    for dict in dicts {
        let dict = dict.cast::<PyDict>()?;
        for name in names {
            if dict.get_item(name)?.is_some_and(|value| !value.is_none()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn none_sets<'py>(
    deployments: &Bound<'py, PyList>,
    name: &Bound<'py, PyString>,
) -> Option<bool> {
    let info_name = pyo3::intern!(deployments.py(), "model_info");
    for deployment in deployments {
        if let Some(info) = part(&deployment, info_name)?
            && held(&info, name)?.is_some()
        {
            return Some(false);
        }
    }
    Some(true)
}
