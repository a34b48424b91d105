//! Plain data as Python would hold it, and what Python makes of it, written down slowly.

mod data;
mod parse;
mod repr;

pub use data::{Plain, PlainText, object};
pub use parse::{arbitrary, json};
pub use repr::repr;
