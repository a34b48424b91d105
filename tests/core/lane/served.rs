//! Connections that are given back.

use std::io::Write as _;
use std::os::fd::AsFd as _;

use super::support::{Bench, CHAT, OTHER, is_closed, note, send, wait_until};

const LONG_MS: u32 = 600_000;

#[test]
fn it_goes_to_and_fro_and_the_streak_grows() {
    let bench = Bench::new("on");
    let mut client = bench.connect(CHAT);
    for streak in 1..=200 {
        let item = bench.taken();
        let expected = if streak % 2 == 1 { CHAT } else { OTHER };
        assert_eq!(item.bytes, expected);
        assert_eq!((item.streak, item.again), (streak, streak > 1));
        bench.give_back(item, LONG_MS);
        assert!(bench.front.held() >= 1, "announced before it is sent");
        client
            .write_all(if streak % 2 == 1 { OTHER } else { CHAT })
            .unwrap();
    }
    assert_eq!(bench.taken().streak, 201);
    let counts = bench.front.counts();
    assert_eq!(
        (counts.accepted, counts.handed_over, counts.returned),
        (1, 201, 200)
    );
    assert_eq!(bench.front.held(), 0);
}

#[test]
fn what_came_meanwhile_is_read() {
    let bench = Bench::new("on");
    let mut client = bench.connect(CHAT);
    let item = bench.taken();
    client.write_all(OTHER).unwrap();
    bench.give_back(item, LONG_MS);
    assert_eq!(bench.taken().bytes, OTHER);
}

#[test]
fn it_remembers_that_it_was_here_where_it_may_not_come_back() {
    let bench = Bench::new("on");
    let mut client = bench.connect(CHAT);
    bench.give_back(bench.taken(), LONG_MS);
    client.write_all(b"\0").unwrap();
    let item = bench.taken();
    assert_eq!((item.streak, item.again), (0, true));
}

#[test]
fn idle_too_long_it_is_closed() {
    let bench = Bench::new("on");
    let client = bench.connect(CHAT);
    bench.give_back(bench.taken(), 20);
    assert!(is_closed(&client));
    wait_until(|| bench.front.held() == 0);
    assert_eq!(bench.front.counts().handed_over, 1);
}

#[test]
fn closed_by_the_client_it_is_let_go() {
    let bench = Bench::new("on");
    drop({
        let client = bench.connect(CHAT);
        bench.give_back(bench.taken(), LONG_MS);
        client
    });
    wait_until(|| bench.front.held() == 0);
    assert_eq!(bench.front.counts().handed_over, 1);
}

#[test]
fn the_longest_numbers_are_taken() {
    let bench = Bench::new("on");
    let mut client = bench.connect(CHAT);
    let item = bench.taken();
    bench.front.announce();
    let bytes = note(u32::MAX, u32::MAX, u32::MAX);
    send(&bench.channel, &bytes, &[item.descriptor.as_fd()]);
    client.write_all(CHAT).unwrap();
    let item = bench.taken();
    assert_eq!((item.listener, item.streak), (u32::MAX, u32::MAX));
}

#[test]
fn a_message_that_is_no_note_is_passed_over() {
    let bench = Bench::new("on");
    let mut client = bench.connect(CHAT);
    let item = bench.taken();
    // A descriptor is missing where the process had none left for it: the connection is closed, and not held.
    for bytes in [b"nonsense" as &[u8], &note(0, 1, LONG_MS)] {
        bench.front.announce();
        send(&bench.channel, bytes, &[]);
    }
    bench.give_back(item, LONG_MS);
    wait_until(|| bench.front.held() == 1);
    client.write_all(OTHER).unwrap();
    assert_eq!(bench.taken().bytes, OTHER);
    assert_eq!(bench.front.counts().returned, 1);
}

#[test]
fn many_at_once_lose_nothing() {
    let bench = Bench::new("on");
    let clients: Vec<_> = (0..50).map(|_| bench.connect(CHAT)).collect();
    for _ in 0..10 {
        for item in bench.take(clients.len()) {
            assert_eq!(item.bytes, CHAT);
            bench.give_back(item, LONG_MS);
        }
        // One that arrives while they are counted is counted twice.
        wait_until(|| bench.front.held() == clients.len());
        for mut client in &clients {
            client.write_all(CHAT).unwrap();
        }
    }
    assert!(
        bench
            .take(clients.len())
            .iter()
            .all(|item| item.streak == 11)
    );
}
