//! Connections on their way back: none stays counted that can never arrive.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use _accel::core::clock::MonotonicClock;
use _accel::core::guard::Guard;
use _accel::lane::front::Front;
use _accel::lane::returns;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// Listening socket 0, streak 1, five seconds.
const NOTE: [u8; 12] = [0, 0, 0, 0, 1, 0, 0, 0, 0x88, 0x13, 0, 0];

#[test]
fn a_connection_sent_just_before_the_stop_does_not_stay_counted() {
    for _ in 0..200 {
        let (front, channel, listener) = started();
        let _clients: Vec<_> = (0..4).map(|_| client(&listener)).collect();
        // The thread has something to do when it is told to stop.
        front.accept(0, 16).unwrap();
        let returning = client(&listener);
        front.announce();
        send(&channel, &NOTE, Some(returning.as_fd()));
        front.stop();
        wait_until(|| !front.is_running());
        drop(front.take());
        assert_eq!(front.held(), 0);
    }
}

#[test]
fn a_message_without_a_descriptor_does_not_stay_counted() {
    let (front, channel, _listener) = started();
    // What the kernel delivers where the process has no descriptor left.
    front.announce();
    send(&channel, &NOTE, None);
    front.announce();
    send(&channel, &NOTE[..4], None);
    wait_until(|| front.held() == 0);
    front.stop();
}

fn started() -> (Front, OwnedFd, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (ours, theirs) = returns::channel().unwrap();
    let guard = Arc::new(Guard::new(
        "request_lane",
        1,
        Arc::new(MonotonicClock::default()),
    ));
    let sockets = vec![listener.try_clone().unwrap().into()];
    (
        Front::start(guard, sockets, ours).unwrap(),
        theirs,
        listener,
    )
}

fn client(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

fn send(channel: &OwnedFd, note: &[u8], descriptor: Option<BorrowedFd<'_>>) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors: Vec<_> = descriptor.into_iter().collect();
    if !descriptors.is_empty() {
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    }
    sendmsg(
        channel,
        &[IoSlice::new(note)],
        &mut ancillary,
        SendFlags::empty(),
    )
    .unwrap();
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come");
        thread::yield_now();
    }
}
