//! What LiteLLM's Router does with each deployment of a group to choose one, on its own live dictionaries.

pub mod candidates;
pub mod cost;
pub mod deployment;
pub mod generator;
pub mod latency;
pub mod number;
pub mod pricing;
pub mod stop;
pub mod usage;
pub mod usage_window;
pub mod weights;
pub mod window_keys;
