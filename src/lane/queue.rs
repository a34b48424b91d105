//! What waits for the event loop to take it.

use std::io;
use std::mem;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use super::bell::Bell;

/// Connections that the front holds: accepted or given back, and not handed over since.
#[derive(Debug, Default)]
pub struct Held {
    here: AtomicUsize,
    announced: AtomicUsize,
    ended: AtomicBool,
}

impl Held {
    /// One more, until the answer is dropped.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Hold {
        self.here.fetch_add(1, Ordering::AcqRel);
        Hold(Arc::clone(self))
    }

    /// Counts a connection whose descriptor is on its way; [`Self::arrived`] holds it, [`Self::retract`] does not.
    pub fn announce(&self) {
        self.announced.fetch_add(1, Ordering::AcqRel);
    }

    /// The message of an announced connection has come.
    #[must_use]
    pub fn arrived(self: &Arc<Self>) -> Hold {
        // In this order: it is counted all the time.
        let hold = self.hold();
        self.retract();
        hold
    }

    /// It will not come.
    pub fn retract(&self) {
        self.announced.fetch_sub(1, Ordering::AcqRel);
    }

    /// Nobody receives what is announced any more: it does not count.
    pub fn expect_none(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// How many are on their way.
    #[must_use]
    pub fn announced(&self) -> usize {
        self.announced.load(Ordering::Acquire)
    }

    /// How many there are now.
    #[must_use]
    pub fn count(&self) -> usize {
        let announced = if self.ended.load(Ordering::Acquire) {
            0
        } else {
            self.announced()
        };
        // In this order: what arrives in between is counted twice, never not at all.
        announced + self.here.load(Ordering::Acquire)
    }
}

/// One connection among the [`Held`].
#[derive(Debug)]
pub struct Hold(Arc<Held>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.here.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection on its way to the event loop.
#[derive(Debug)]
pub struct HandedOver {
    /// The connection.
    pub descriptor: OwnedFd,
    /// All that was read of it and not answered.
    pub bytes: Vec<u8>,
    /// Number of the listening socket that it came through.
    pub listener: u32,
    /// How many requests in a row have been handed over, this one included; 0: it shall not come back.
    pub streak: u32,
    /// Whether it had been handed over, answered and given back before.
    pub again: bool,
    /// Lets go of its place among those that the front holds, and of the memory for its body.
    pub held: (Hold, Option<OwnedSemaphorePermit>),
}

/// First in, first out, from the lane's thread to the event loop.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Vec<HandedOver>>,
    bell: Bell,
}

impl Queue {
    /// An empty queue.
    ///
    /// # Errors
    /// Where there is no descriptor for its bell.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            waiting: Mutex::default(),
            bell: Bell::new()?,
        })
    }

    /// Leaves a connection for the event loop, and wakes it if it does not know yet.
    pub fn push(&self, item: HandedOver) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.push(item);
        drop(waiting);
        if first {
            self.bell.ring();
        }
    }

    /// Everything that waits.
    #[must_use]
    pub fn take(&self) -> Vec<HandedOver> {
        // In this order: what is pushed in between rings again.
        self.bell.hush();
        mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Readable while something waits.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.bell.descriptor()
    }
}
