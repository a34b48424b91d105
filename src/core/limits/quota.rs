//! What may be spent in a window, and what a window answers.

/// A limit. Values beyond 2^53 token-milliseconds (`limit * window_ms`) are rounded in Redis, not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Units (requests, tokens) that a window may hold. 0 admits nothing.
    pub limit: u64,
    /// Length of the window.
    pub window_ms: u64,
    /// Units that may come at once, where the window knows bursts. Counts as at least 1, at most the limit.
    pub burst: u64,
}

/// What a window says of one cost at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the cost fits. A cost of 0 fits where 1 would: it asks whether the limit has been reached.
    pub fits: bool,
    /// Units that would fit now, or, in the answer of an admission, after it.
    pub remaining: u64,
    /// When the cost will fit if nothing else is spent: exact. 0 if it fits; a whole window if it never can.
    pub retry_after_ms: u64,
    /// When nothing spent so far will count any more.
    pub reset_after_ms: u64,
    /// Where the cost was charged; `settle` takes it back to there.
    pub mark: u64,
}

/// One key's state. Two moments that come in the wrong order count as the later one; a clock that was set back by more
/// than a window, or a window of another length, begins anew.
pub trait Window: Default {
    /// What holds for `cost` at `now_ms`; changes nothing.
    fn weigh(&self, quota: &Quota, cost: u64, now_ms: u64) -> Verdict;

    /// Spends `cost`, fitting or not, and says where.
    fn charge(&mut self, quota: &Quota, cost: u64, now_ms: u64) -> u64;

    /// Corrects what was charged at `mark` by `delta`, never below nothing, and says whether that changed anything.
    /// What has left the window changes nothing.
    fn settle(&mut self, quota: &Quota, mark: u64, delta: i64, now_ms: u64) -> bool;

    /// The moment from which the state says no more than a new one.
    fn expires_ms(&self) -> u64;
}
