//! From the first byte to the hand-over.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use _accel::lane::front::Counts;

use super::support::{Bench, CHAT, OTHER, is_readable, wait_until};

#[test]
fn a_chat_is_handed_over_whole() {
    let bench = Bench::new("on");
    let mut client = bench.connect(CHAT);
    let item = bench.taken();
    assert_eq!(item.bytes, CHAT);
    assert_eq!((item.listener, item.streak, item.again), (0, 1, false));
    assert_eq!(bench.reason("declined: no plan"), 1);
    assert_eq!(bench.front.held(), 1, "until the item is let go");
    let mut server = TcpStream::from(item.descriptor);
    drop(item.held);
    assert_eq!(bench.front.held(), 0);
    let expected = Counts {
        accepted: 1,
        handed_over: 1,
        returned: 0,
    };
    assert_eq!(bench.front.counts(), expected);
    server.write_all(b"answer").unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer", "nothing else was written");
}

#[test]
fn it_accepts_no_more_than_it_is_told() {
    let bench = Bench::new("on");
    assert_eq!(bench.front.accept(0, 10).unwrap(), 0);
    let clients: Vec<_> = (0..3)
        .map(|_| TcpStream::connect(bench.addresses[0]).unwrap())
        .collect();
    wait_until(|| bench.front.accept(0, 1).unwrap() == 1);
    assert_eq!(bench.front.held(), 1);
    let mut accepted = 1;
    wait_until(|| {
        accepted += bench.front.accept(0, 10).unwrap();
        accepted == 3
    });
    assert_eq!((bench.front.held(), bench.front.counts().accepted), (3, 3));
    let error = bench.front.accept(1, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "no such listener");
    drop(clients);
    wait_until(|| bench.front.held() == 0);
    assert_eq!(bench.front.counts().handed_over, 0);
    assert!(!is_readable(bench.front.descriptor()));
}

#[test]
fn each_listener_has_its_number() {
    let bench = Bench::with_listeners("on", 3);
    for number in [2, 0, 1] {
        let index = usize::try_from(number).unwrap();
        let mut client = TcpStream::connect(bench.addresses[index]).unwrap();
        client.write_all(OTHER).unwrap();
        wait_until(|| bench.front.accept(number, 1).unwrap() == 1);
        assert_eq!(bench.taken().listener, number);
    }
}

#[test]
fn a_body_in_pieces_is_waited_for() {
    let bench = Bench::new("on");
    let (head, body) = CHAT.split_at(CHAT.len() - 2);
    // Written in one go with what follows, so that patience has no part in it.
    let mut client = bench.connect(head);
    client.write_all(&body[..1]).unwrap();
    client.write_all(&body[1..]).unwrap();
    let item = bench.taken();
    assert!(CHAT.starts_with(&item.bytes));
    let whole = bench.reason("declined: no plan");
    assert_eq!(whole + bench.reason("declined: slow request"), 1);
    assert_eq!(whole == 1, item.bytes == CHAT);
}

#[test]
fn what_is_not_complete_in_time_is_handed_over_in_part() {
    let bench = Bench::new("on");
    for end in [1, 40, CHAT.len() - 1] {
        let mut client = bench.connect(&CHAT[..end]);
        let mut item = bench.taken();
        assert_eq!(item.bytes, &CHAT[..end]);
        assert_eq!(item.streak, 1);
        client.write_all(&CHAT[end..]).unwrap();
        drop(client);
        // The rest is for the one who has the connection now.
        let mut server = TcpStream::from(item.descriptor);
        server.set_nonblocking(false).unwrap();
        server.read_to_end(&mut item.bytes).unwrap();
        assert_eq!(item.bytes, CHAT);
    }
    assert_eq!(bench.reason("declined: slow request"), 3);
}

#[test]
fn what_is_ambiguous_never_comes_back() {
    let bench = Bench::new("on");
    for (bytes, reason) in [
        (&b"\0"[..], "malformed"),
        (b"GET / HTTP/1.1\n", "bare newline"),
        (b"GET / HTTP/1.0\r\n\r\n", "HTTP/1.0"),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "host"),
        (&[OTHER, OTHER].concat(), "pipelined"),
    ] {
        let _client = bench.connect(bytes);
        let item = bench.taken();
        assert_eq!((&item.bytes[..], item.streak), (bytes, 0), "{reason}");
        assert_eq!(bench.reason(&format!("declined: {reason}")), 1);
    }
}

#[test]
fn a_client_that_ends_in_the_middle_is_handed_over() {
    let bench = Bench::new("on");
    let client = TcpStream::connect(bench.addresses[0]).unwrap();
    (&client).write_all(&CHAT[..50]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    wait_until(|| bench.front.accept(0, 1).unwrap() == 1);
    let item = bench.taken();
    assert_eq!((&item.bytes[..], item.streak), (&CHAT[..50], 0));
    assert_eq!(bench.reason("declined: half closed"), 1);
}

#[test]
fn of_a_large_head_all_that_has_come_is_handed_over() {
    for (end, reason) in [("\r\n\r\n", "route"), ("", "large head")] {
        let bench = Bench::new("on");
        let long = format!(
            "GET / HTTP/1.1\r\nhost: here\r\nx: {}{end}",
            "y".repeat(40_000)
        );
        // Sent before it is accepted: it has all come when the reader sees the first of it.
        let _client = bench.connect(long.as_bytes());
        let item = bench.taken();
        assert_eq!(item.bytes, long.as_bytes());
        assert_eq!(bench.reason(&format!("declined: {reason}")), 1);
    }
}

#[test]
fn bodies_have_so_much_memory_together() {
    let bench = Bench::new("on");
    let head = "POST /chat/completions HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n\
        content-length: 1048576\r\n\r\n";
    let clients: Vec<_> = (0..64).map(|_| bench.connect(head.as_bytes())).collect();
    // What waits for the event loop keeps its share: a body of 1 MiB with its head takes a little more than that.
    let items = bench.take(clients.len());
    assert_eq!(bench.reason("declined: slow request"), 63);
    assert_eq!(bench.reason("declined: memory"), 1);
    drop(items);
    let _another = bench.connect(head.as_bytes());
    bench.taken();
    assert_eq!(bench.reason("declined: slow request"), 64);
}

#[test]
fn off_nothing_is_read() {
    let bench = Bench::new("off");
    for bytes in [CHAT, b"\0", b"P"] {
        let _client = bench.connect(bytes);
        let item = bench.taken();
        assert_eq!((&item.bytes[..], item.streak), (bytes, 0));
    }
    assert_eq!(bench.reason("off"), 3);
}

#[test]
fn nothing_is_read_while_the_breaker_is_open() {
    let bench = Bench::new("on");
    let no_labels: [&str; 0] = [];
    let ticket = bench.guard.admit(1, no_labels);
    bench.guard.failed(ticket, "panic", true, true);
    let _client = bench.connect(&CHAT[..10]);
    let item = bench.taken();
    assert_eq!((&item.bytes[..], item.streak), (&CHAT[..10], 0));
    assert_eq!(bench.reason("breaker"), 1);
    bench.guard.reset_errors();
    let _client = bench.connect(CHAT);
    assert_eq!(bench.taken().streak, 1);
}
