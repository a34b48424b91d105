//! Connections that come back from the event loop, as descriptors in messages (`SCM_RIGHTS`).

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};

/// Bytes of a message.
const NOTE_BYTES: usize = 12;

/// From the first moment, where the system can: Apple's cannot.
#[cfg(not(target_vendor = "apple"))]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const CLOSE_ON_EXEC: RecvFlags = RecvFlags::empty();

/// What is said of a descriptor: three little-endian numbers of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Number of the listening socket that the connection came through.
    pub listener: u32,
    /// How many of its requests in a row were handed over.
    pub streak: u32,
    /// How long it may stay idle.
    pub keep_alive: Duration,
}

impl Note {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([listener, streak, keep_alive_ms], []) = bytes.as_chunks() else {
            return None;
        };
        Some(Self {
            listener: u32::from_le_bytes(*listener),
            streak: u32::from_le_bytes(*streak),
            keep_alive: Duration::from_millis(u32::from_le_bytes(*keep_alive_ms).into()),
        })
    }
}

/// A pair of sockets: ours, and the one that the event loop sends on.
///
/// # Errors
/// What the system says.
pub fn channel() -> io::Result<(UnixDatagram, OwnedFd)> {
    let (ours, theirs) = UnixDatagram::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((ours, theirs.into()))
}

/// The next descriptor and what is said of it; `None` for a message that is not one.
///
/// # Errors
/// `WouldBlock` when no message waits. [`is_full`] while the process has no descriptor left, and the message waits on.
/// Else what the system says.
pub fn receive(socket: impl AsFd) -> io::Result<Option<(OwnedFd, Note)>> {
    // Looked at first: taken without room for its descriptor, the message would be lost with the connection.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let (note, flags) = next_message(&socket, &mut ancillary, RecvFlags::PEEK)?;
    let descriptor = ancillary.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    if descriptor.is_none() && flags.contains(ReturnFlags::CTRUNC) {
        return Err(Errno::MFILE.into());
    }
    next_message(
        &socket,
        &mut RecvAncillaryBuffer::default(),
        RecvFlags::empty(),
    )?;
    Ok(descriptor.zip(note))
}

/// Whether it says that the process has no descriptor left.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MFILE.raw_os_error())
}

fn next_message(
    socket: impl AsFd,
    ancillary: &mut RecvAncillaryBuffer<'_>,
    flags: RecvFlags,
) -> io::Result<(Option<Note>, ReturnFlags)> {
    let mut bytes = [0; NOTE_BYTES];
    let message = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut bytes)],
        ancillary,
        flags | CLOSE_ON_EXEC,
    )?;
    let note = bytes.get(..message.bytes).and_then(Note::decode);
    Ok((note, message.flags))
}
