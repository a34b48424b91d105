//! The native core of accel.
//!
//! `core` is pure Rust and knows nothing of Python; `py` is the border and holds no policy.
#![forbid(unsafe_code)]

pub mod core;
#[cfg(unix)]
pub mod lane;

#[cfg(feature = "python")]
mod py;
