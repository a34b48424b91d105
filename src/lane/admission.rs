//! Asks the guard of each request, and keeps its account.

use std::sync::Arc;

use crate::core::guard::Guard;
use crate::core::guard::ticket::{Path, Ticket};

use super::reason::Reason;

/// The lane's side of its feature's guard.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Guard>);

/// A request whose bytes may be interpreted. It holds a ticket already while the breaker is not closed: then it is a
/// trial.
#[derive(Clone, Copy, Debug)]
pub struct Entry(Option<Ticket>);

impl Admission {
    /// Asks this guard.
    #[must_use]
    pub fn new(guard: Arc<Guard>) -> Self {
        Self(guard)
    }

    /// Whether a request may be interpreted at all. `None` while the feature is off or its breaker open, and that is
    /// tallied.
    #[must_use]
    pub fn enter(&self) -> Option<Entry> {
        if self.0.bypassed() {
            return None;
        }
        if !self.0.is_interrupted() {
            return Some(Entry(None));
        }
        let ticket = self.admit(None);
        (ticket.path() != Path::Python).then_some(Entry(Some(ticket)))
    }

    /// Accounts for a request that is handed over. `unit`: of its key, where it has one.
    pub fn hand_over(&self, entry: Entry, reason: Reason, unit: Option<u64>) {
        self.decline(entry.0.unwrap_or_else(|| self.admit(unit)), reason.name());
    }

    /// Accounts for a request that uvicorn read by itself, on a connection that was handed over before.
    pub fn kept(&self) {
        if !self.0.bypassed() {
            self.decline(self.admit(None), "connection kept");
        }
    }

    /// Accounts for a defect of the lane. `replayed`: LiteLLM answers the request all the same.
    pub fn panicked(&self, entry: Option<Entry>, replayed: bool) {
        let ticket = entry.and_then(|entry| entry.0);
        let ticket = ticket.unwrap_or_else(|| self.admit(None));
        self.0.failed(ticket, "panic", true, replayed);
    }

    fn admit(&self, unit: Option<u64>) -> Ticket {
        let no_labels: [&str; 0] = [];
        self.0
            .admit(unit.unwrap_or_else(|| self.0.next_unit()), no_labels)
    }

    fn decline(&self, ticket: Ticket, reason: &str) {
        if ticket.path() != Path::Python {
            self.0.declined(ticket, reason);
        }
    }
}
