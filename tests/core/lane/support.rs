//! A front on a port of its own, driven as an event loop would.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use _accel::core::clock::ManualClock;
use _accel::core::guard::Guard;
use _accel::core::guard::settings::Settings;
use _accel::lane::front::Front;
use _accel::lane::queue::HandedOver;
use _accel::lane::returns;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};

pub const CHAT: &[u8] = b"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\n\
    content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
/// One that the lane never serves, on a connection that may come back.
pub const OTHER: &[u8] = b"GET /models HTTP/1.1\r\nhost: here\r\n\r\n";

const DEADLINE: Duration = Duration::from_secs(20);

/// Whether the socket is readable now; at its end it is.
pub fn is_readable(socket: impl AsFd) -> bool {
    recv(socket, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT).is_ok()
}

pub fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "not true in time");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn note(listener: u32, streak: u32, keep_alive_ms: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&listener.to_le_bytes());
    bytes[4..8].copy_from_slice(&streak.to_le_bytes());
    bytes[8..].copy_from_slice(&keep_alive_ms.to_le_bytes());
    bytes
}

pub fn try_send(
    channel: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
    }
    sendmsg(
        channel,
        &[IoSlice::new(bytes)],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok(())
}

pub fn send(channel: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    try_send(channel, bytes, descriptors).unwrap();
}

/// A running front, and the loop's end of its channel.
pub struct Bench {
    pub front: Front,
    pub guard: Arc<Guard>,
    pub channel: OwnedFd,
    pub addresses: Vec<SocketAddr>,
}

impl Bench {
    pub fn new(mode: &str) -> Self {
        Self::with_listeners(mode, 1)
    }

    pub fn with_listeners(mode: &str, count: usize) -> Self {
        let guard = Arc::new(Guard::new("request_lane", 1, Arc::new(ManualClock::at(1))));
        guard.configure(Settings::parse(mode, 100.0, 0.0, vec![], vec![]).unwrap());
        let listeners: Vec<_> = (0..count)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let addresses = listeners
            .iter()
            .map(|one| one.local_addr().unwrap())
            .collect();
        let listeners = listeners.into_iter().map(OwnedFd::from).collect();
        let (ours, channel) = returns::channel().unwrap();
        Self {
            front: Front::start(Arc::clone(&guard), listeners, ours).unwrap(),
            guard,
            channel,
            addresses,
        }
    }

    /// A connection that has been accepted, after the client has sent this.
    pub fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.addresses[0]).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.write_all(bytes).unwrap();
        wait_until(|| self.front.accept(0, 1).unwrap() == 1);
        client
    }

    /// The next one that is handed over, and no other.
    pub fn taken(&self) -> HandedOver {
        let mut items = self.take(1);
        items.pop().unwrap()
    }

    /// So many.
    pub fn take(&self, count: usize) -> Vec<HandedOver> {
        let mut items = vec![];
        wait_until(|| {
            // As an event loop does: only when the bell is heard.
            if is_readable(self.front.descriptor()) {
                items.extend(self.front.take());
            }
            items.len() >= count
        });
        assert_eq!(items.len(), count);
        items
    }

    /// Sends it back, for so many milliseconds of idleness.
    pub fn give_back(&self, item: HandedOver, keep_alive_ms: u32) {
        self.front.announce();
        let bytes = note(item.listener, item.streak, keep_alive_ms);
        send(&self.channel, &bytes, &[item.descriptor.as_fd()]);
        drop(item);
    }

    /// How many requests were handed over for this reason.
    pub fn reason(&self, name: &str) -> u64 {
        let calls = self.guard.status().calls;
        calls.python.get(name).copied().unwrap_or(0)
    }
}

/// Whether the other side closes, without a word.
pub fn is_closed(mut client: &TcpStream) -> bool {
    matches!(client.read(&mut [0]), Ok(0))
        || client.take_error().is_ok_and(|error| {
            error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
        })
}
