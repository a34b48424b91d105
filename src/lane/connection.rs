//! One connection from its first byte to its hand-over.

use std::io;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::admission::Admission;
use super::head::{self, Verdict};
use super::queue::{HandedOver, Hold, Queue};
use super::reason::Reason;

/// How long a request may take to arrive before what has come of it is handed over.
pub const PATIENCE: Duration = Duration::from_millis(100);
/// Memory for bodies that are being read or wait for the event loop.
pub const BODIES_KIB: usize = 64 * 1024;

const CHUNK_BYTES: usize = 16 * 1024;
/// What asyncio reads at once. h11 refuses a long head that is not whole, so that it must not come in smaller parts.
const AT_ONCE_BYTES: usize = 256 * 1024;

/// What all connections share.
#[derive(Debug)]
pub struct Surroundings {
    /// Where requests are accounted for.
    pub admission: Admission,
    /// Where connections are handed over.
    pub queue: Queue,
    /// Memory for bodies, in KiB.
    pub memory: Arc<Semaphore>,
}

/// A connection that the front holds.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub stream: TcpStream,
    /// Number of the listening socket that it came through.
    pub listener: u32,
    /// How many of its requests in a row were handed over.
    pub streak: u32,
    /// When it is closed if nothing comes; a new connection may stay silent for ever, as with uvicorn.
    pub idle_until: Option<Instant>,
    /// Its place among those that the front holds.
    pub hold: Hold,
}

/// What a wait for bytes ended with.
enum Arrival {
    Some,
    End,
    Timeout,
    Stopping,
}

impl Connection {
    /// Reads one request and hands the connection over with it; closes it if none comes.
    pub async fn serve(self, around: Arc<Surroundings>, mut stopping: watch::Receiver<bool>) {
        let mut bytes = Vec::new();
        match self.first_bytes(&mut bytes, &mut stopping).await {
            Arrival::Some => {}
            // What had come before the server stopped is the last to be answered.
            Arrival::Stopping if matches!(fill_unasked(&self.stream, &mut bytes), Ok(1..)) => {}
            Arrival::End | Arrival::Timeout | Arrival::Stopping => return,
        }
        let Some(entry) = around.admission.enter() else {
            return self.leave(&around, bytes, Reason::Unread, None);
        };
        let mut memory = None;
        let (reason, unit) = self
            .read(&around, &mut bytes, &mut memory, &mut stopping)
            .await;
        match reason {
            Reason::Failed => around.admission.panicked(Some(entry), true),
            _ => around.admission.hand_over(entry, reason, unit),
        }
        self.leave(&around, bytes, reason, memory);
    }

    async fn first_bytes(
        &self,
        bytes: &mut Vec<u8>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Arrival {
        match self.idle_until {
            Some(deadline) => {
                tokio::select! {
                    biased;
                    arrival = self.more(bytes, stopping) => arrival,
                    () = sleep_until(deadline) => Arrival::Timeout,
                }
            }
            None => self.more(bytes, stopping).await,
        }
    }

    /// Reads until it is clear whose the request is: the reason, and the key's unit.
    async fn read(
        &self,
        around: &Surroundings,
        bytes: &mut Vec<u8>,
        memory: &mut Option<OwnedSemaphorePermit>,
        stopping: &mut watch::Receiver<bool>,
    ) -> (Reason, Option<u64>) {
        let deadline = Instant::now() + PATIENCE;
        let (total_bytes, unit) = loop {
            match read_head(bytes) {
                Verdict::HandOver { reason, unit } => return (reason, unit),
                Verdict::Candidate { total_bytes, unit } => break (total_bytes, unit),
                Verdict::Partial => {}
            }
            if let Err(reason) = self.more_until(deadline, bytes, stopping).await {
                return (reason, None);
            }
        };
        if bytes.len() < total_bytes {
            *memory = reserve(&around.memory, total_bytes);
            if memory.is_none() {
                return (Reason::Memory, unit);
            }
            bytes.reserve_exact(total_bytes.saturating_sub(bytes.len()));
        }
        while bytes.len() < total_bytes {
            if let Err(reason) = self.more_until(deadline, bytes, stopping).await {
                return (reason, unit);
            }
        }
        if bytes.len() > total_bytes {
            return (Reason::Pipelined, unit);
        }
        (Reason::NoPlan, unit)
    }

    /// Waits for bytes and appends them, or says why it waits no longer.
    async fn more_until(
        &self,
        deadline: Instant,
        bytes: &mut Vec<u8>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), Reason> {
        let arrival = timeout_at(deadline, self.more(bytes, stopping)).await;
        match arrival.unwrap_or(Arrival::Timeout) {
            Arrival::Some => Ok(()),
            Arrival::End => Err(Reason::HalfClosed),
            Arrival::Timeout => Err(Reason::Slow),
            Arrival::Stopping => Err(Reason::Stopping),
        }
    }

    /// Waits for bytes and appends them.
    async fn more(&self, bytes: &mut Vec<u8>, stopping: &mut watch::Receiver<bool>) -> Arrival {
        loop {
            let ready = tokio::select! {
                biased;
                ready = self.stream.readable() => ready,
                _ = stopping.wait_for(|&stop| stop) => return Arrival::Stopping,
            };
            match ready.and_then(|()| fill(&self.stream, bytes)) {
                Ok(0) => return Arrival::End,
                Ok(_) => return Arrival::Some,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The event loop will find the same, with what came before it.
                Err(_) => return Arrival::End,
            }
        }
    }

    fn leave(
        self,
        around: &Surroundings,
        bytes: Vec<u8>,
        reason: Reason,
        memory: Option<OwnedSemaphorePermit>,
    ) {
        // Fails where the reactor is gone, and everything with it.
        let Ok(socket) = self.stream.into_std() else {
            return;
        };
        let streak = if reason.may_return() {
            self.streak.saturating_add(1)
        } else {
            0
        };
        around.queue.push(HandedOver {
            descriptor: socket.into(),
            bytes,
            listener: self.listener,
            streak,
            again: self.idle_until.is_some(),
            held: (self.hold, memory),
        });
    }
}

/// A defect in the reader costs its request nothing: the bytes go to uvicorn.
fn read_head(bytes: &[u8]) -> Verdict {
    panic::catch_unwind(|| head::read(bytes)).unwrap_or_else(|_| Reason::Failed.into())
}

/// Appends what has come; 0 at the end of the stream.
fn fill(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    append(bytes, |chunk| stream.try_read(chunk))
}

/// The same where the reactor has not been asked yet, without which `try_read` finds nothing.
fn fill_unasked(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    append(bytes, |chunk| {
        Ok(recv(stream, chunk, RecvFlags::DONTWAIT)?.0)
    })
}

/// As much at once as a loop of Python's reads.
fn append(
    bytes: &mut Vec<u8>,
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut chunk = [0; CHUNK_BYTES];
    let mut total = 0;
    while total < AT_ONCE_BYTES {
        let count = match read(&mut chunk) {
            Ok(count) => count,
            // What has come before it counts; it will be found again.
            Err(_) if total > 0 => break,
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        total += count;
        if count < CHUNK_BYTES {
            break;
        }
    }
    Ok(total)
}

fn reserve(memory: &Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let kib = u32::try_from(bytes.div_ceil(1024)).ok()?;
    Arc::clone(memory).try_acquire_many_owned(kib).ok()
}
