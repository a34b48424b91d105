//! Accepts connections, on the event loop's own thread: a loop that is blocked accepts none.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

/// A listening socket, and what is accepted from it.
#[derive(Debug)]
pub struct Incoming(TcpListener);

impl Incoming {
    /// Takes a listening socket over.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let listener = TcpListener::from(descriptor);
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// One more descriptor of it.
    ///
    /// # Errors
    /// Where there is none left.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.0.try_clone().map(OwnedFd::from)
    }

    /// At most `most` connections that wait, each given to `take`; how many.
    ///
    /// # Errors
    /// What the system says, apart from there being none: descriptors or memory may have run out.
    pub fn accept(
        &self,
        most: usize,
        mut take: impl FnMut(std::net::TcpStream),
    ) -> io::Result<usize> {
        for count in 0..most {
            match self.0.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    take(stream);
                }
                Err(error) => {
                    return match error.kind() {
                        io::ErrorKind::WouldBlock
                        | io::ErrorKind::Interrupted
                        | io::ErrorKind::ConnectionAborted => Ok(count),
                        _ => Err(error),
                    };
                }
            }
        }
        Ok(most)
    }
}
