//! Leases: an instance takes a part of what remains of LiteLLM's own window in one trip, and admits from it.
//!
//! What is leased has been added to LiteLLM's `:requests` counter, so that instances without leases see it as spent:
//! together they never admit more than the limit. A lease is at most an eighth of what remains, so the last ones are
//! single requests; and at most twice the one before it in the window, so that an instance with little traffic does
//! not sit on what others need (without that 16 uneven instances could use 72 % of a limit). The simulation is
//! `tests/core/limits/lease.rs`.

/// What is granted to an instance that `wants` so many, of what `remains`: nothing only of nothing.
#[must_use]
pub fn size(remains: u64, wants: u64) -> u64 {
    (remains / 8).max(1).min(wants.max(1)).min(remains)
}

/// What a lease says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It has one; take it with [`Lease::take`].
    Left,
    /// The counter must be asked for more.
    Ask,
    /// The window is spent until this moment, as far as this instance was told.
    Spent {
        /// Seconds, of the clock that the window was opened by.
        until_s: u64,
    },
}

/// What one instance holds of one key's window. LiteLLM's windows are whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    start_s: u64,
    end_s: u64,
    left: u64,
    spent: bool,
    wants: u64,
    remains: u64,
}

impl Lease {
    /// What the counter granted of the window that began at `start_s`, and what `remains` there after it. Nothing
    /// granted: the window is spent.
    #[must_use]
    pub const fn of(start_s: u64, window_s: u64, granted: u64, remains: u64) -> Self {
        Self {
            start_s,
            end_s: start_s.saturating_add(window_s),
            left: granted,
            spent: granted == 0,
            wants: granted.saturating_mul(2),
            remains,
        }
    }

    /// What holds for one request; changes nothing.
    #[must_use]
    pub const fn weigh(&self, now_s: u64) -> Decision {
        // A window that begins in the future is of a clock that was set back since.
        if now_s >= self.end_s || now_s < self.start_s {
            Decision::Ask
        } else if self.left > 0 {
            Decision::Left
        } else if self.spent {
            Decision::Spent {
                until_s: self.end_s,
            }
        } else {
            Decision::Ask
        }
    }

    /// What to ask for: one in a new window, and twice as many each time that a lease has been used up.
    #[must_use]
    pub const fn wants(&self, now_s: u64) -> u64 {
        if self.wants == 0 || now_s >= self.end_s || now_s < self.start_s {
            1
        } else {
            self.wants
        }
    }

    /// What the whole window has left: this lease, and what the counter had when it was last asked.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.left.saturating_add(self.remains)
    }

    /// Takes one.
    pub const fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// Puts one back that was taken of the window that began at `start_s`.
    pub const fn put_back(&mut self, start_s: u64) {
        if start_s == self.start_s {
            self.left = self.left.saturating_add(1);
        }
    }

    /// When its window began: where [`Lease::put_back`] belongs.
    #[must_use]
    pub const fn start_s(&self) -> u64 {
        self.start_s
    }

    /// Adds what was granted. What comes late, of a window before this one's, is left unused.
    pub const fn add(&mut self, granted: Self, now_s: u64) {
        if granted.start_s == self.start_s && granted.end_s == self.end_s {
            self.left = self.left.saturating_add(granted.left);
            self.spent = granted.spent;
            self.wants = granted.wants;
            self.remains = granted.remains;
        } else if granted.start_s > self.start_s || matches!(self.weigh(now_s), Decision::Ask) {
            *self = granted;
        }
    }

    /// Ends the lease. What is to be taken off the counter if its window is still the one that began then:
    /// `(start_s, left)`; nothing if none is left or the window has ended.
    pub const fn end(&mut self, now_s: u64) -> Option<(u64, u64)> {
        let returned = if self.left > 0 && now_s < self.end_s {
            Some((self.start_s, self.left))
        } else {
            None
        };
        self.left = 0;
        self.spent = false;
        returned
    }
}
