//! Pure Rust: no Python, no I/O, no environment, no wall clock, no statics.

pub mod accounting;
pub mod clock;
pub mod error;
pub mod guard;
pub mod image;
pub mod limits;
pub mod python_text;
pub mod routing;
pub mod tokens;
pub mod value;
