//! Counters against slow, obvious references. Against the real tokenizers: `tests/parity`.

mod huggingface;
mod reference;
mod tiktoken;
