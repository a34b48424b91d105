//! Tests of the pure core; they need no Python.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking"
)]

mod accounting;
mod guard;
mod image;
#[cfg(unix)]
mod lane;
mod limits;
mod python_text;
mod routing;
mod support;
mod tokens;
