//! Counting whole prompts.

use super::errors::{declined, raised};
use super::held::{self, Held};
use super::memo::Memo;
use super::tokens::Tokenizer;
use super::value::PyText;
use crate::core::accounting::{self, BlockFields, Choice, Piece, Prompt, Rules};
use crate::core::image;
use crate::core::value::{SURROGATE, Text, Unhandled};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

const EXTRAPOLATED: Unhandled = Unhandled("extrapolated");

type Names = (Vec<String>, Vec<String>);

/// See `_accel.pyi`.
#[pyclass(frozen, module = "accel._accel")]
pub struct MessageCounter {
    tokenizer: Tokenizer,
    rules: Rules,
    longest_exact_chars: usize,
    high_detail_tokens: Py<PyAny>,
}

#[pymethods]
impl MessageCounter {
    #[new]
    #[pyo3(signature = (counter, slice_chars, *, longest_exact_chars, tokens_per_message, tokens_per_name, image_tokens,
                        high_detail_tokens, tool_use, tool_result))]
    #[expect(clippy::too_many_arguments, reason = "by keyword in Python")]
    fn new(
        counter: &Bound<'_, PyAny>,
        slice_chars: usize,
        longest_exact_chars: usize,
        tokens_per_message: i64,
        tokens_per_name: i64,
        image_tokens: i64,
        high_detail_tokens: Py<PyAny>,
        tool_use: Names,
        tool_result: Names,
    ) -> PyResult<Self> {
        let fields = |(required, counted)| BlockFields { required, counted };
        Ok(Self {
            tokenizer: Tokenizer::new(counter, slice_chars)?,
            rules: Rules {
                tokens_per_message,
                tokens_per_name,
                image_tokens,
                tool_use: fields(tool_use),
                tool_result: fields(tool_result),
            },
            longest_exact_chars,
            high_detail_tokens,
        })
    }

    #[pyo3(signature = (messages, tools, tool_choice, *, extra, default_image_tokens, memo))]
    fn count(
        &self,
        messages: &Bound<'_, PyAny>,
        tools: &Bound<'_, PyAny>,
        tool_choice: &Bound<'_, PyAny>,
        extra: bool,
        default_image_tokens: Option<i64>,
        memo: Option<&Bound<'_, Memo>>,
    ) -> PyResult<i64> {
        self.tokenizer.counter()?;
        let mut prompt = Prompt::new(default_image_tokens);
        let mut system = false;
        for message in list_of(messages)? {
            system |= accounting::message(&self.rules, &message, &mut prompt).map_err(declined)?;
        }
        if extra {
            let choice = Choice { tools, tool_choice };
            accounting::extra(&choice, system, &mut prompt).map_err(declined)?;
        }
        self.tokens(messages.py(), prompt, memo)
    }

    #[pyo3(signature = (messages, threshold, tools, *, default_image_tokens, memo))]
    fn reach(
        &self,
        messages: &Bound<'_, PyAny>,
        threshold: i64,
        tools: &Bound<'_, PyAny>,
        default_image_tokens: Option<i64>,
        memo: Option<&Bound<'_, Memo>>,
    ) -> PyResult<bool> {
        let py = messages.py();
        self.tokenizer.counter()?;
        let mut system = false;
        let mut prompts = Vec::new();
        for message in list_of(messages)? {
            let mut prompt = Prompt::new(default_image_tokens);
            system |= accounting::message(&self.rules, &message, &mut prompt).map_err(declined)?;
            prompts.push(prompt);
        }
        let mut extra = Prompt::new(default_image_tokens);
        let none = py.None().into_bound(py);
        let choice = Choice {
            tools,
            tool_choice: &none,
        };
        accounting::extra(&choice, system, &mut extra).map_err(declined)?;
        let mut total = 0;
        for prompt in std::iter::once(extra).chain(prompts) {
            total += self.tokens(py, prompt, memo)?;
            if total >= threshold {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl MessageCounter {
    fn tokens<'py>(
        &self,
        py: Python<'py>,
        prompt: Prompt<Bound<'py, PyAny>>,
        memo: Option<&Bound<'_, Memo>>,
    ) -> PyResult<i64> {
        let mut tokens = prompt.tokens;
        let mut texts = Vec::with_capacity(prompt.pieces.len());
        for piece in prompt.pieces {
            match piece {
                Piece::Text(text) => texts.push(self.held(text)?),
                Piece::Written(text) => {
                    // In bytes, which are never fewer than code points: at the limit Python counts.
                    if text.len() > self.longest_exact_chars {
                        return Err(declined(EXTRAPOLATED));
                    }
                    texts.push(Held::Written(text));
                }
                Piece::Shown(value) => {
                    let text = value.str().map_err(|error| raised(py, error))?;
                    texts.push(self.held(PyText(text))?);
                }
                Piece::HighDetail(url) => tokens += self.high_detail_tokens(py, &url)?,
            }
        }
        let counted = held::count(py, &self.tokenizer, &texts, memo.map(Bound::get))?;
        Ok(tokens.saturating_add_unsigned(counted))
    }

    fn held<'py>(&self, text: PyText<'py>) -> PyResult<Held<'py>> {
        let chars = text.chars();
        if chars > self.longest_exact_chars {
            return Err(declined(EXTRAPOLATED));
        }
        Held::new(text.0, chars)
    }

    fn high_detail_tokens(&self, py: Python<'_>, url: &PyText<'_>) -> PyResult<i64> {
        let size = image::dimensions(url.as_str().ok_or(SURROGATE).map_err(declined)?)
            .map_err(declined)?;
        self.high_detail_tokens
            .call1(py, size)
            .and_then(|tokens| tokens.extract(py))
            .map_err(|error| raised(py, error))
    }
}

/// The items of a list or tuple, exactly.
fn list_of<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if let Ok(list) = messages.cast_exact::<PyList>() {
        Ok(list.iter().collect())
    } else if let Ok(tuple) = messages.cast_exact::<PyTuple>() {
        Ok(tuple.iter().collect())
    } else {
        Err(declined(Unhandled("messages are not a list")))
    }
}
