//! Descriptors in messages.

use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use _accel::lane::returns::{Note, channel, receive};

use super::support::{is_readable, note, send};

#[test]
fn a_descriptor_and_its_note() {
    let (ours, theirs) = channel().unwrap();
    assert_eq!(receive(&ours).unwrap_err().kind(), ErrorKind::WouldBlock);
    let (given, other) = UnixStream::pair().unwrap();
    for streak in [1, u32::MAX] {
        send(&theirs, &note(7, streak, 5_000), &[given.as_fd()]);
    }
    drop(given);
    for streak in [1, u32::MAX] {
        assert!(!is_readable(&other), "it lives on in the message");
        let (descriptor, found) = receive(&ours).unwrap().unwrap();
        let expected = Note {
            listener: 7,
            streak,
            keep_alive: Duration::from_secs(5),
        };
        assert_eq!(found, expected);
        drop(descriptor);
    }
    assert!(is_readable(&other));
    assert_eq!(receive(&ours).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_no_note_is_none_and_leaks_nothing() {
    let (ours, theirs) = channel().unwrap();
    for bytes in [&[] as &[u8], &[0; 4], &[0; 11], &[0; 8]] {
        let (given, other) = UnixStream::pair().unwrap();
        send(&theirs, bytes, &[given.as_fd()]);
        drop(given);
        assert!(receive(&ours).unwrap().is_none(), "{bytes:?}");
        assert!(is_readable(&other), "closed");
    }
    send(&theirs, &note(0, 1, 1), &[]);
    assert!(receive(&ours).unwrap().is_none(), "no descriptor");
}

#[test]
fn of_two_descriptors_the_second_is_closed() {
    let (ours, theirs) = channel().unwrap();
    let pairs: Vec<_> = (0..2).map(|_| UnixStream::pair().unwrap()).collect();
    let given: Vec<_> = pairs.iter().map(|(given, _)| given.as_fd()).collect();
    send(&theirs, &note(0, 1, 1), &given);
    let received = receive(&ours).unwrap();
    drop(given);
    let others: Vec<_> = pairs.into_iter().map(|(_, other)| other).collect();
    assert!(is_readable(&others[1]));
    assert_eq!(is_readable(&others[0]), received.is_none());
}

#[test]
fn it_is_full_rather_than_blocking() {
    let (ours, theirs) = channel().unwrap();
    let (given, _other) = UnixStream::pair().unwrap();
    let mut sent = 0;
    while super::support::try_send(&theirs, &note(0, 1, 1), &[given.as_fd()]).is_ok() {
        sent += 1;
        assert!(sent < 1_000_000);
    }
    assert!(sent > 0);
    for _ in 0..sent {
        assert!(receive(&ours).unwrap().is_some());
    }
    send(&theirs, &note(0, 1, 1), &[given.as_fd()]);
}
