//! The front of one server: its thread, and what the event loop asks of it.

use std::fmt;
use std::future;
use std::io;
use std::net;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixDatagram as AsyncDatagram};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::admission::Admission;
use super::connection::{BODIES_KIB, Connection, Surroundings};
use super::incoming::Incoming;
use super::queue::{HandedOver, Held, Hold, Queue};
use super::returns::{self, Note};
use crate::core::guard::Guard;

/// Between two tries to take a connection back while the process has no descriptor left.
const RETRY: Duration = Duration::from_millis(10);

/// What the front has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections given back by the event loop.
    pub returned: u64,
    /// Connections handed over.
    pub handed_over: u64,
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    returned: AtomicU64,
    handed_over: AtomicU64,
}

/// A connection on its way to the lane's thread.
struct Accepted {
    stream: net::TcpStream,
    listener: u32,
    hold: Hold,
}

/// Where connections come in, until the front is told to stop.
struct Entrance {
    listeners: Vec<Incoming>,
    sender: mpsc::UnboundedSender<Accepted>,
}

/// Listening sockets whose requests are read on a thread of the lane's.
///
/// Belongs to the process that made it: in a forked child, where its thread does not exist, it does nothing.
pub struct Front {
    around: Arc<Surroundings>,
    held: Arc<Held>,
    counters: Arc<Counters>,
    entrance: Mutex<Option<Entrance>>,
    thread: JoinHandle<()>,
    process: u32,
}

impl Front {
    /// Starts the thread. `channel` is where connections come back, see [`returns::channel`].
    ///
    /// # Errors
    /// Where the system has no thread or descriptor left.
    pub fn start(
        guard: Arc<Guard>,
        listeners: Vec<OwnedFd>,
        channel: UnixDatagram,
    ) -> io::Result<Self> {
        let around = Arc::new(Surroundings {
            admission: Admission::new(guard),
            queue: Queue::new()?,
            memory: Arc::new(Semaphore::new(BODIES_KIB)),
        });
        let listeners = listeners
            .into_iter()
            .map(Incoming::new)
            .collect::<io::Result<_>>()?;
        let held = Arc::default();
        let counters = Arc::default();
        let (sender, receiver) = mpsc::unbounded_channel();
        let lane = Lane {
            around: Arc::clone(&around),
            held: Arc::clone(&held),
            counters: Arc::clone(&counters),
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new()
            .name("accel-lane".to_owned())
            .spawn(move || runtime.block_on(lane.run(receiver, channel)))?;
        Ok(Self {
            around,
            held,
            counters,
            entrance: Mutex::new(Some(Entrance { listeners, sender })),
            thread,
            process: process::id(),
        })
    }

    /// Accepts at most `most` connections that wait at a listening socket; how many. Never blocks.
    ///
    /// # Errors
    /// `BrokenPipe` where the lane's thread is gone, and then nothing was accepted; else what the system says, for
    /// instance that there is no descriptor left.
    pub fn accept(&self, listener: u32, most: usize) -> io::Result<usize> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let entrance = self.entrance.lock().unwrap_or_else(PoisonError::into_inner);
        let Entrance { listeners, sender } = entrance
            .as_ref()
            .filter(|entrance| self.is_mine() && !entrance.sender.is_closed())
            .ok_or_else(gone)?;
        let incoming = usize::try_from(listener)
            .ok()
            .and_then(|number| listeners.get(number))
            .ok_or_else(gone)?;
        // A connection that was given back and has not arrived yet has no descriptor: nobody new may take its place.
        let _places = (0..self.held.announced())
            .map(|_| incoming.duplicate())
            .collect::<io::Result<Vec<_>>>()?;
        incoming.accept(most, |stream| {
            let hold = self.held.hold();
            self.counters.accepted.fetch_add(1, Ordering::Relaxed);
            // The thread may end in between only when it is told to, by the thread that we are in.
            let _ = sender.send(Accepted {
                stream,
                listener,
                hold,
            });
        })
    }

    /// What was handed over since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<HandedOver> {
        if !self.is_mine() {
            return Vec::new();
        }
        let items = self.around.queue.take();
        self.counters
            .handed_over
            .fetch_add(items.len() as u64, Ordering::Relaxed);
        items
    }

    /// Readable while [`Self::take`] has something to give.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.around.queue.descriptor()
    }

    /// Connections that are neither handed over nor closed.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.count()
    }

    /// Counts a connection among the held that will be sent back; to be called before it is sent.
    pub fn announce(&self) {
        self.held.announce();
    }

    /// It could not be sent.
    pub fn retract(&self) {
        self.held.retract();
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            accepted: self.counters.accepted.load(Ordering::Relaxed),
            returned: self.counters.returned.load(Ordering::Relaxed),
            handed_over: self.counters.handed_over.load(Ordering::Relaxed),
        }
    }

    /// Accounts for a request on a connection that stayed with the event loop.
    pub fn kept(&self) {
        self.around.admission.kept();
    }

    /// Stops: silent connections are closed, the others handed over. Does not wait; safe to call twice.
    pub fn stop(&self) {
        // The thread ends when nobody can send it anything more.
        *self.entrance.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the thread is there.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_mine() && !self.thread.is_finished()
    }

    fn is_mine(&self) -> bool {
        process::id() == self.process
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Front")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// What runs on the thread.
struct Lane {
    around: Arc<Surroundings>,
    held: Arc<Held>,
    counters: Arc<Counters>,
}

impl Lane {
    async fn run(self, mut accepted: mpsc::UnboundedReceiver<Accepted>, channel: UnixDatagram) {
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let serve = |connection: Connection, connections: &mut JoinSet<()>| {
            connections.spawn(connection.serve(Arc::clone(&self.around), stopping.clone()));
        };
        // Without it connections stay with the event loop, whose end of it is closed then.
        let channel = AsyncDatagram::from_std(channel).ok();
        loop {
            tokio::select! {
                next = accepted.recv() => match next.map(Self::begin) {
                    Some(Some(connection)) => serve(connection, &mut connections),
                    Some(None) => {}
                    None => break,
                },
                returned = next_return(channel.as_ref()) => {
                    if let Some(connection) = self.resume(returned) {
                        serve(connection, &mut connections);
                    }
                },
                Some(ended) = connections.join_next() => self.ended(ended),
            }
        }
        let _ = stop.send(true);
        // What was given back before the stop and not seen yet. The socket is asked itself: the reactor may not have
        // heard of it so far.
        while let Some(channel) = channel.as_ref() {
            match returns::receive(channel) {
                Ok(returned) => {
                    if let Some(connection) = self.resume(returned) {
                        serve(connection, &mut connections);
                    }
                }
                Err(error) if returns::is_full(&error) => sleep(RETRY).await,
                Err(_) => break,
            }
        }
        while let Some(ended) = connections.join_next().await {
            self.ended(ended);
        }
    }

    fn begin(accepted: Accepted) -> Option<Connection> {
        Some(Connection {
            stream: TcpStream::from_std(accepted.stream).ok()?,
            listener: accepted.listener,
            streak: 0,
            idle_until: None,
            hold: accepted.hold,
        })
    }

    fn resume(&self, returned: Option<(OwnedFd, Note)>) -> Option<Connection> {
        // Every message was announced, one whose descriptor was lost too.
        let hold = self.held.arrived();
        let (descriptor, note) = returned?;
        self.counters.returned.fetch_add(1, Ordering::Relaxed);
        Some(Connection {
            stream: TcpStream::from_std(net::TcpStream::from(descriptor)).ok()?,
            listener: note.listener,
            streak: note.streak,
            idle_until: Some(Instant::now() + note.keep_alive),
            hold,
        })
    }

    fn ended(&self, ended: Result<(), JoinError>) {
        if ended.is_err_and(|error| error.is_panic()) {
            self.around.admission.panicked(None, false);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.held.expect_none();
    }
}

/// The next message, see [`returns::receive`].
async fn next_return(channel: Option<&AsyncDatagram>) -> Option<(OwnedFd, Note)> {
    let Some(channel) = channel else {
        return future::pending().await;
    };
    loop {
        let ready = channel.readable().await;
        match ready.and_then(|()| channel.try_io(Interest::READABLE, || returns::receive(channel)))
        {
            Ok(returned) => return returned,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if returns::is_full(&error) => sleep(RETRY).await,
            Err(_) => return future::pending().await,
        }
    }
}
