//! The front's end.

use std::io::ErrorKind;
use std::net::TcpStream;

use super::support::{Bench, CHAT, is_closed, is_readable, wait_until};

const LONG_MS: u32 = 600_000;

fn ended(bench: &Bench) {
    wait_until(|| !bench.front.is_running());
}

#[test]
fn silent_connections_are_closed() {
    let bench = Bench::new("on");
    let silent = bench.connect(b"");
    let returned = bench.connect(CHAT);
    bench.give_back(bench.taken(), LONG_MS);
    assert!(bench.front.is_running());
    bench.front.stop();
    assert!(is_closed(&silent));
    assert!(is_closed(&returned));
    ended(&bench);
    assert!(bench.front.take().is_empty());
    assert_eq!(bench.front.held(), 0);
    bench.front.stop();
}

#[test]
fn what_has_come_is_handed_over() {
    let bench = Bench::new("on");
    let _clients = [bench.connect(&CHAT[..30]), bench.connect(CHAT)];
    bench.front.stop();
    ended(&bench);
    let mut items = bench.front.take();
    items.sort_by_key(|item| item.bytes.len());
    assert_eq!(items.len(), 2);
    assert_eq!(
        (&items[0].bytes[..], &items[1].bytes[..]),
        (&CHAT[..30], CHAT)
    );
    assert_eq!(items[0].streak, 0);
    let stopping = bench.reason("declined: stopping");
    assert!((1..=2).contains(&stopping));
    assert_eq!(bench.reason("declined: no plan"), 2 - stopping);
    drop(items);
    assert_eq!(bench.front.held(), 0);
}

#[test]
fn what_was_given_back_just_before_is_not_lost() {
    for _ in 0..20 {
        let bench = Bench::new("on");
        let mut client = bench.connect(CHAT);
        let item = bench.taken();
        std::io::Write::write_all(&mut client, CHAT).unwrap();
        bench.give_back(item, LONG_MS);
        bench.front.stop();
        ended(&bench);
        let items = bench.front.take();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].bytes, CHAT);
        drop(items);
        assert_eq!(bench.front.held(), 0);
    }
}

#[test]
fn nothing_is_accepted_any_more() {
    let bench = Bench::new("on");
    bench.front.stop();
    assert_eq!(
        bench.front.accept(0, 1).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    ended(&bench);
    assert!(
        TcpStream::connect(bench.addresses[0]).is_err(),
        "its descriptor is closed"
    );
}

#[test]
fn it_ends_when_it_is_dropped() {
    let bench = Bench::new("on");
    let silent = bench.connect(b"");
    let Bench { front, channel, .. } = bench;
    drop(front);
    assert!(is_closed(&silent));
    wait_until(|| is_readable(&channel) || send_fails(&channel));
}

fn send_fails(channel: &std::os::fd::OwnedFd) -> bool {
    super::support::try_send(channel, &[], &[]).is_err()
}
