//! The memo of counts, alone and under threads that write into each other.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use _accel::core::tokens::memo::{Fingerprint, Memo, SLOT_BYTES};
use proptest::prelude::*;

const KEY: [u64; 4] = [1, 2, 3, 4];

/// One pair, so that everything falls on it.
fn pair() -> Memo {
    Memo::new(KEY, 1)
}

/// `text` counted by the first counter.
fn name(memo: &Memo, text: &str) -> Fingerprint {
    memo.naming(1).fingerprint(text)
}

#[test]
fn what_was_put_is_found_and_nothing_else() {
    let memo = Memo::new(KEY, 1_024);
    let name = |text| name(&memo, text);
    for text in ["", "a", "b"] {
        assert_eq!(memo.get(name(text)), None);
    }
    memo.put(name("a"), 7);
    memo.put(name("b"), 0);
    memo.put(name("c"), u64::MAX);
    assert_eq!(memo.get(name("a")), Some(7));
    assert_eq!(memo.get(name("b")), Some(0));
    assert_eq!(memo.get(name("c")), Some(u64::MAX));
    assert_eq!(memo.get(name("d")), None);
    memo.put(name("a"), 8);
    assert_eq!(memo.get(name("a")), Some(8));
}

#[test]
fn a_pair_remembers_two() {
    let memo = pair();
    for (count, text) in (0..).zip(["a", "b", "c"]) {
        memo.put(name(&memo, text), count);
    }
    assert_eq!(memo.get(name(&memo, "a")), None);
    assert_eq!(memo.get(name(&memo, "b")), Some(1));
    assert_eq!(memo.get(name(&memo, "c")), Some(2));
}

#[test]
fn a_count_put_again_displaces_nothing() {
    let memo = pair();
    memo.put(name(&memo, "a"), 1);
    memo.put(name(&memo, "b"), 2);
    memo.put(name(&memo, "b"), 2);
    assert_eq!(memo.get(name(&memo, "a")), Some(1));
    memo.put(name(&memo, "a"), 1);
    assert_eq!(memo.get(name(&memo, "b")), Some(2));
    // The latest count of a text is the one that is found, wherever the former stood.
    memo.put(name(&memo, "b"), 3);
    assert_eq!(memo.get(name(&memo, "b")), Some(3));
    memo.put(name(&memo, "a"), 4);
    assert_eq!(memo.get(name(&memo, "a")), Some(4));
    memo.put(name(&memo, "c"), 5);
    assert_eq!(memo.get(name(&memo, "a")), Some(4));
}

#[test]
fn counters_are_told_apart_by_their_salt() {
    let memo = pair();
    memo.put(memo.naming(1).fingerprint("text"), 10);
    assert_eq!(memo.get(memo.naming(2).fingerprint("text")), None);
    memo.put(memo.naming(2).fingerprint("text"), 20);
    assert_eq!(memo.get(memo.naming(1).fingerprint("text")), Some(10));
    assert_eq!(memo.get(memo.naming(2).fingerprint("text")), Some(20));
    // No part of the names is shared; see the race below.
    let units = [1, 2].map(|salt| memo.naming(salt).fingerprint("text").unit());
    assert_ne!(units[0], units[1]);
}

#[test]
fn a_text_has_another_name_under_another_key() {
    let memo = Memo::new(KEY, 1);
    for word in 0..4 {
        let mut key = KEY;
        key[word] ^= 1 << 63;
        let other = Memo::new(key, 1);
        let (name, other_name) = (name(&memo, "text"), name(&other, "text"));
        assert_ne!(name, other_name);
        assert_ne!(name.unit(), other_name.unit());
        other.put(name, 5);
        assert_eq!(other.get(other_name), None);
    }
    assert_eq!(name(&memo, "text"), name(&Memo::new(KEY, 64), "text"));
}

#[test]
fn memory_is_bounded_and_said() {
    assert_eq!(SLOT_BYTES, 24);
    for (pairs, rounded) in [(0, 1), (1, 1), (2, 2), (3, 4), (1_000, 1_024)] {
        let memo = Memo::new(KEY, pairs);
        assert_eq!(memo.bytes(), rounded * 2 * SLOT_BYTES, "{pairs}");
        for number in 0..5_000 {
            memo.put(name(&memo, &number.to_string()), number);
        }
        assert_eq!(memo.bytes(), rounded * 2 * SLOT_BYTES);
        let found =
            (0..5_000).filter(|number| memo.get(name(&memo, &number.to_string())).is_some());
        assert!(found.count() <= rounded * 2);
    }
}

#[test]
fn texts_spread_over_the_table() {
    let memo = Memo::new(KEY, 1_024);
    let names: Vec<_> = (0..1_024_u64)
        .map(|number| (name(&memo, &format!("text {number}")), number))
        .collect();
    let units: HashSet<u64> = names.iter().map(|(name, _)| name.unit()).collect();
    assert_eq!(units.len(), names.len());
    for (name, number) in &names {
        memo.put(*name, *number);
    }
    // Half as many as there are slots: a pair that gets three is rare (8 %).
    let found = names
        .iter()
        .filter(|(name, number)| memo.get(*name) == Some(*number))
        .count();
    assert!(found > 900, "{found}");
}

/// Writers of different counts into one pair, and readers that know each text's count.
#[test]
fn what_threads_write_into_each_other_is_nobodys() {
    const TEXTS: u64 = 8;
    let memo = pair();
    // Each word of the count differs, so that a torn slot shows.
    let count = |text: u64| (text + 1) * 0x0101_0101_0101_0101;
    let names: Vec<_> = (0..TEXTS)
        .map(|text| name(&memo, &text.to_string()))
        .collect();
    let (stop, hits) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..3 {
            let (memo, names, stop) = (&memo, &names, &stop);
            scope.spawn(move || {
                for text in (0..TEXTS).cycle().skip(writer) {
                    memo.put(names[usize::try_from(text).unwrap()], count(text));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for _ in 0..2 {
            let (memo, names, stop, hits) = (&memo, &names, &stop, &hits);
            scope.spawn(move || {
                let end = Instant::now() + Duration::from_millis(500);
                while Instant::now() < end {
                    for (text, name) in (0..).zip(names) {
                        if let Some(found) = memo.get(*name) {
                            hits.fetch_add(1, Ordering::Relaxed);
                            if found != count(text) {
                                stop.store(true, Ordering::Relaxed);
                                panic!("{found:#x} for text {text}");
                            }
                        }
                    }
                }
                stop.store(true, Ordering::Relaxed);
            });
        }
    });
    assert!(hits.load(Ordering::Relaxed) > 0);
}

/// One text under several counters: their numbers and counts differ in the same few bits.
#[test]
fn counters_that_race_for_one_text_do_not_take_each_others_counts() {
    let memo = pair();
    // As the border makes salts: a small number in the upper half.
    let names = [0, 1, 2, 3].map(|number: u64| memo.naming(number << 32).fingerprint("text"));
    let counts = [96, 100, 102, 103];
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 1..4 {
            let (memo, stop) = (&memo, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    memo.put(names[writer], counts[writer]);
                }
            });
        }
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            for (name, count) in names.into_iter().zip(counts) {
                let found = memo.get(name);
                if found.is_some_and(|found| found != count) {
                    stop.store(true, Ordering::Relaxed);
                    panic!("{found:?} for {count}");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

proptest! {
    /// Against a list of what was put last.
    #[test]
    fn a_pair_is_the_two_texts_put_last(puts in prop::collection::vec((0..5_u64, any::<u64>()), 0..40)) {
        let memo = pair();
        let mut latest: Vec<(u64, u64)> = Vec::new();
        for (text, count) in puts {
            memo.put(name(&memo, &text.to_string()), count);
            latest.retain(|(known, _)| *known != text);
            latest.insert(0, (text, count));
            latest.truncate(2);
            for text in 0..5 {
                let expected = latest.iter().find(|(known, _)| *known == text).map(|(_, count)| *count);
                prop_assert_eq!(memo.get(name(&memo, &text.to_string())), expected);
            }
        }
    }

    #[test]
    fn any_texts_have_names_of_their_own(first: String, second: String, salts: (u64, u64)) {
        let memo = pair();
        let same = first == second && salts.0 == salts.1;
        let names = (memo.naming(salts.0).fingerprint(&first), memo.naming(salts.1).fingerprint(&second));
        prop_assert_eq!(names.0 == names.1, same);
    }
}
