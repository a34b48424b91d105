//! Keywords of a router in a prompt.

use std::collections::hash_map::Entry;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use rustc_hash::FxHashMap;

use super::errors::Declined;
use crate::core::routing::characters::Characters;
use crate::core::routing::keywords::{Keyword, Keywords, has_whole};

/// A keyword, the same in lower case, and whether it must be a whole word.
type Given<'py> = (Bound<'py, PyString>, Bound<'py, PyString>, bool);

/// Asks the running Python.
struct Classes<'py>(Python<'py>);

impl Classes<'_> {
    fn ask(&self, character: char, method: &Bound<'_, PyString>) -> PyResult<bool> {
        let mut bytes = [0; 4];
        PyString::new(self.0, character.encode_utf8(&mut bytes))
            .call_method0(method)?
            .is_truthy()
    }
}

impl Characters for Classes<'_> {
    type Error = PyErr;

    fn is_alphanumeric(&self, character: char) -> PyResult<bool> {
        self.ask(character, pyo3::intern!(self.0, "isalnum"))
    }

    fn is_decimal(&self, character: char) -> PyResult<bool> {
        self.ask(character, pyo3::intern!(self.0, "isdecimal"))
    }

    fn is_space(&self, character: char) -> PyResult<bool> {
        self.ask(character, pyo3::intern!(self.0, "isspace"))
    }
}

/// A keyword of a list, and its number in the search; none where no text can have it.
struct Listed {
    keyword: Py<PyString>,
    number: Option<usize>,
}

/// See `_accel.pyi`.
#[pyclass(frozen, weakref, module = "accel._accel")]
pub struct PromptKeywords {
    lists: Vec<Vec<Listed>>,
    keywords: Keywords,
}

#[pymethods]
impl PromptKeywords {
    #[new]
    fn new(py: Python<'_>, lists: Vec<Vec<Given<'_>>>) -> PyResult<Self> {
        let mut numbers = FxHashMap::default();
        let mut sought = Vec::new();
        let mut listed = Vec::with_capacity(lists.len());
        for list in lists {
            let mut kept = Vec::with_capacity(list.len());
            for (keyword, lowered, whole) in list {
                // A lone surrogate: texts that have some are Python's.
                let number =
                    lowered
                        .to_str()
                        .ok()
                        .map(|text| match numbers.entry(text.to_owned()) {
                            Entry::Occupied(number) => *number.get(),
                            Entry::Vacant(place) => {
                                let text = place.key().clone();
                                sought.push(Keyword { text, whole });
                                *place.insert(sought.len() - 1)
                            }
                        });
                kept.push(Listed {
                    keyword: keyword.unbind(),
                    number,
                });
            }
            listed.push(kept);
        }
        match Keywords::new(&sought, &Classes(py))? {
            Ok(keywords) => Ok(Self {
                lists: listed,
                keywords,
            }),
            Err(_) => Err(Declined::new_err("too many keywords")),
        }
    }

    #[pyo3(signature = (*lists))]
    fn are(&self, lists: &Bound<'_, PyTuple>) -> bool {
        lists.len() == self.lists.len()
            && lists
                .iter()
                .zip(&self.lists)
                .all(|(found, listed)| holds(&found, listed))
    }

    fn find<'py>(
        &self,
        text: &Bound<'py, PyString>,
    ) -> PyResult<Option<(Bound<'py, PyTuple>, Option<bool>)>> {
        let py = text.py();
        let Ok(read) = text.to_str() else {
            return Ok(None);
        };
        let found = self.keywords.find(read, &Classes(py))?;
        let there = |listed: &&Listed| {
            let number = listed.number.and_then(|number| found.keywords.get(number));
            number.copied().unwrap_or_default()
        };
        let matches = self.lists.iter().map(|listed| {
            PyList::new(
                py,
                listed
                    .iter()
                    .filter(there)
                    .map(|listed| &listed.keyword)
                    .collect::<Vec<_>>(),
            )
        });
        let matches = PyTuple::new(py, matches.collect::<PyResult<Vec<_>>>()?)?;
        Ok(Some((matches, found.steps)))
    }
}

/// Whether it is a list of these very keywords.
fn holds(found: &Bound<'_, PyAny>, listed: &[Listed]) -> bool {
    found.cast_exact::<PyList>().is_ok_and(|found| {
        found.len() == listed.len()
            && found
                .iter()
                .zip(listed)
                .all(|(keyword, listed)| keyword.is(&listed.keyword))
    })
}

/// See `_accel.pyi`.
#[pyfunction]
pub fn has_whole_word<'py>(
    text: &Bound<'py, PyString>,
    word: &Bound<'py, PyString>,
) -> PyResult<Option<bool>> {
    match (text.to_str(), word.to_str()) {
        (Ok(read), Ok(word)) => has_whole(read, word, &Classes(text.py())).map(Some),
        _ => Ok(None),
    }
}
