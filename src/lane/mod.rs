//! The request lane's front: it reads requests on a thread of its own and hands every one of them over.
//!
//! Knows nothing of Python. The event loop that serves the application accepts connections with [`front::Front::accept`],
//! is woken by a [`bell`], and takes from [`queue`] what it must serve itself: a descriptor and the bytes read so far.

pub mod admission;
pub mod bell;
pub mod connection;
pub mod front;
pub mod head;
pub mod incoming;
pub mod limiter;
pub mod queue;
pub mod reason;
pub mod redis;
pub mod returns;
pub mod secret;
