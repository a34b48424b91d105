//! The same windows as scripts for Redis, so that instances share them; equal to the ones in memory, step by step.
//!
//! Time is the server's, unless an argument says otherwise (tests do). Every key expires by itself.

/// Admits several limits of several algorithms, all or nothing.
///
/// - KEYS: one for each limit.
/// - ARGV: the time in milliseconds, or `""`; then for each key its kind and four numbers: `sliding` or `bucket`, limit,
///   window in milliseconds, burst, cost; `gauge` (LiteLLM's own sorted set), limit, life of a slot in milliseconds, slot
///   id, 1.
/// - Answer: 1 if admitted, else 0; the time in milliseconds; then for each key what a `Verdict` holds: fits, remaining,
///   retry after, reset after, mark. Of a gauge the mark is how many are in flight.
pub const ADMIT: &str = concat!(
    include_str!("lua/sliding.lua"),
    include_str!("lua/bucket.lua"),
    include_str!("lua/windows_admit.lua")
);

/// Corrects what was charged.
///
/// - KEYS: one for each correction.
/// - ARGV: as for [`ADMIT`], with five values for each key: kind, limit, window, mark (or `""`: charged now), delta. A
///   `gauge` gives back the slot whose id stands in place of the mark.
/// - Answer: for each key 1 if anything changed hands, else 0.
pub const SETTLE: &str = concat!(
    include_str!("lua/sliding.lua"),
    include_str!("lua/bucket.lua"),
    include_str!("lua/windows_settle.lua")
);

/// Takes a lease of LiteLLM's own window, by the caller's clock as LiteLLM's own script does.
///
/// - KEYS: LiteLLM's `:window`, `:requests` and `:tokens` of one scope.
/// - ARGV: the time in whole seconds, the window in seconds, the limit, how many are wanted.
/// - Answer: granted, the window's start, the counter after it.
pub const LEASE: &str = include_str!("lua/lease.lua");

/// Gives back the rest of a lease, if its window is still the same.
///
/// - KEYS: LiteLLM's `:window` and `:requests`.
/// - ARGV: the window's start, how many.
/// - Answer: 1 if they were given back, else 0.
pub const RETURN: &str = include_str!("lua/return.lua");
