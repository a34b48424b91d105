//! How deployments are chosen, and what is read in a prompt for it; knows nothing of where their figures come from.

pub mod characters;
pub mod draws;
pub mod keywords;
pub mod latency;
pub mod steps;
