//! Wakes the event loop: a socket that becomes readable.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Rung by the lane's thread, heard by the event loop.
#[derive(Debug)]
pub struct Bell {
    rope: UnixStream,
    ear: UnixStream,
}

impl Bell {
    /// A silent bell. Fails where the process has no descriptors left.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        let (rope, ear) = UnixStream::pair()?;
        rope.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Self { rope, ear })
    }

    /// Makes [`Self::descriptor`] readable.
    pub fn ring(&self) {
        // A full socket is readable already, which is all that is wanted.
        let _ = (&self.rope).write(&[1]);
    }

    /// Makes [`Self::descriptor`] unreadable until the next [`Self::ring`].
    pub fn hush(&self) {
        let mut sink = [0; 64];
        // Nothing to read: it was heard already.
        let _ = (&self.ear).read(&mut sink);
    }

    /// What the event loop watches.
    #[must_use]
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }
}
