//! LiteLLM's in-memory cache, what its limiters keep in it, and windows that LiteLLM does not have.
//!
//! [`store`] is the cache; [`window`] and [`gauge`] are LiteLLM's fixed windows and its gauge of requests in flight,
//! over anything that is [`counters`]. [`sliding`] and [`token_bucket`] are other windows, each in memory and, equal to
//! it, as Lua for Redis ([`lua`]); [`lease`] spares trips to Redis within LiteLLM's own window.

pub mod admission;
pub mod cell;
pub mod counters;
pub mod detached;
pub mod gauge;
pub mod keyed;
pub mod lease;
pub mod lua;
pub mod outside;
pub mod quota;
pub mod reserved;
pub mod sliding;
pub mod slots;
pub mod store;
pub mod token_bucket;
pub mod window;

/// The Lua script that does LiteLLM's three scripts of an admission in one; its comment says with what.
pub const ADMIT_SCRIPT: &str = include_str!("lua/admit.lua");

/// LiteLLM's own script that gives slots back, letter by letter, so that both use one in Redis.
pub const RELEASE_SCRIPT: &str = include_str!("lua/release.lua");

/// LiteLLM's own script that adds tokens and keeps a counter's time to live.
pub const SETTLE_SCRIPT: &str = include_str!("lua/settle.lua");
