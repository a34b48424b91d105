//! Counters against slow, obvious references. Against the real tokenizers: `tests/parity`.

mod batch;
mod huggingface;
mod memo;
mod reference;
mod tiktoken;
