//! Pure Rust: no Python, no I/O, no environment, no wall clock, no statics.

pub mod clock;
pub mod error;
pub mod guard;
pub mod tokens;
