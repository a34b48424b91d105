//! Many texts counted as one: what the memo is asked, and what its guard has in the account afterwards.

mod guarded;

use std::cell::RefCell;
use std::sync::Arc;

use _accel::core::clock::ManualClock;
use _accel::core::guard::Guard;
use _accel::core::guard::settings::Settings;
use _accel::core::guard::tally::Calls;
use _accel::core::tokens::memo::{Memo, SHORTEST};
use _accel::core::tokens::{Batch, Haste, Memory, SpellsAddedToken};

use crate::guard::{SECOND_NS, settings};

const SALT: u64 = 1;
/// All is looked up first and counted after.
const ASIDE: Haste = Haste {
    count_bytes: 0,
    look_up_bytes: usize::MAX,
};
/// What the counter refuses.
const ADDED: &str = "<EOT>";

struct Bench {
    memory: Memory,
    guard: Arc<Guard>,
    clock: Arc<ManualClock>,
    counted: RefCell<Vec<String>>,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::at(7 * SECOND_NS));
        let guard = Arc::new(Guard::new("token_memo", 1, clock.clone()));
        guard.configure(settings);
        Self {
            memory: Memory::new(Memo::new([1, 2, 3, 4], 1_024), Arc::clone(&guard)),
            guard,
            clock,
            counted: RefCell::default(),
        }
    }

    fn on() -> Self {
        Self::new(settings("on", 100.0, 0.0))
    }

    /// Counts texts as one batch, `factor` tokens a byte.
    fn count_by(&self, factor: usize, texts: &[&str]) -> Result<u64, SpellsAddedToken> {
        self.counted.borrow_mut().clear();
        let count = |text: &str| {
            self.counted.borrow_mut().push(text.to_owned());
            if text.starts_with(ADDED) {
                return Err(SpellsAddedToken);
            }
            Ok(text.len() * factor)
        };
        Batch::begin(
            texts.iter().copied(),
            count,
            SALT,
            Some(&self.memory),
            ASIDE,
        )
        .finish()
    }

    fn count(&self, texts: &[&str]) -> Result<u64, SpellsAddedToken> {
        self.count_by(1, texts)
    }

    /// How many texts the last batch had to count.
    fn counted(&self) -> usize {
        self.counted.borrow().len()
    }

    fn calls(&self) -> Calls {
        self.guard.status().calls
    }

    fn python(&self, reason: &str) -> u64 {
        self.calls().python.get(reason).copied().unwrap_or(0)
    }

    /// Texts that were not remembered.
    fn unknown(&self) -> u64 {
        self.python("declined: not counted before")
    }

    fn in_flight(&self) -> usize {
        self.guard.status().breaker.trials.unwrap().in_flight
    }
}

/// A text long enough to be looked up.
fn long(start: &str) -> String {
    format!("{start:x<SHORTEST$}")
}

#[test]
fn what_was_counted_is_not_counted_again() {
    let bench = Bench::on();
    let (a, b) = (long("a"), long("b"));
    assert_eq!(bench.count(&[&a, &b]), Ok(96));
    assert_eq!(
        (bench.counted(), bench.unknown(), bench.calls().native),
        (2, 2, 0)
    );
    assert_eq!(bench.count(&[&b, &a, &long("c")]), Ok(144));
    assert_eq!(
        (bench.counted(), bench.unknown(), bench.calls().native),
        (1, 3, 2)
    );
    assert_eq!(bench.guard.status().native_latency.count, 0); // the clock is not read for each
}

#[test]
fn another_counter_counts_for_itself() {
    let bench = Bench::on();
    let a = long("a");
    assert_eq!(bench.count(&[&a]), Ok(48));
    let texts = [a.as_str()].into_iter();
    let other = Batch::begin(texts, |_| Ok(5), SALT + 1, Some(&bench.memory), ASIDE);
    assert!(other.is_open());
    assert_eq!(other.finish(), Ok(5));
    assert_eq!(bench.count(&[&a]), Ok(48));
    assert_eq!(bench.counted(), 0);
}

#[test]
fn short_texts_are_counted_without_asking() {
    let bench = Bench::on();
    let short = "x".repeat(SHORTEST - 1);
    let beyond_ascii = "é".repeat(SHORTEST / 2); // as many bytes as are enough
    for _ in 0..2 {
        assert_eq!(bench.count(&[&short, "", "hi"]), Ok(SHORTEST as u64 + 1));
        assert_eq!(bench.counted(), 3);
    }
    assert_eq!(bench.calls(), Calls::default());
    bench.count(&[&beyond_ascii]).unwrap();
    bench.count(&[&beyond_ascii]).unwrap();
    assert_eq!((bench.calls().native, bench.unknown()), (1, 1));
}

#[test]
fn what_is_put_off_is_looked_up_or_counted_at_the_end() {
    let bench = Bench::on();
    let (a, b) = (long("a"), long("bb"));
    let in_time = |count_bytes, look_up_bytes| Haste {
        count_bytes,
        look_up_bytes,
    };
    let is_open = |texts: &[&str], memory, haste| {
        let texts = texts.iter().copied();
        let batch = Batch::begin(texts, |text: &str| Ok(text.len()), SALT, memory, haste);
        let open = batch.is_open();
        (open, batch.finish().unwrap())
    };
    let memory = Some(&bench.memory);
    assert_eq!(is_open(&[&a, "short"], None, in_time(53, 0)), (false, 53));
    assert_eq!(is_open(&[&a, "short"], None, in_time(52, 0)), (true, 53));
    // A later text that still fits is counted at once.
    assert_eq!(is_open(&[&b, "short"], memory, in_time(5, 48)), (true, 53));
    assert_eq!(is_open(&[&b], memory, in_time(0, 48)), (false, 48));
    // Too much to look up now.
    assert_eq!(is_open(&[&b], memory, in_time(48, 47)), (true, 48));
    assert_eq!(is_open(&[&b, &b], memory, in_time(48, 95)), (true, 96));
    assert_eq!((bench.calls().native, bench.unknown()), (4, 1));
}

#[test]
fn a_batch_that_is_dropped_gives_back_what_it_asked() {
    let bench = Bench::on();
    let a = long("a");
    bench.count(&[&a]).unwrap();
    bench.guard.configure(settings("on", 100.0, 100.0));
    let texts = [a.as_str()].into_iter();
    drop(Batch::begin(
        texts,
        |_| Ok(1),
        SALT,
        Some(&bench.memory),
        ASIDE,
    ));
    assert_eq!((bench.calls().abandoned, bench.calls().verified), (1, 0));
}

#[test]
fn without_a_memory_everything_is_counted() {
    let texts = [long("a"), long("a")];
    let count = |text: &str| Ok(text.len());
    let batch = Batch::begin(texts.iter().map(String::as_str), count, SALT, None, ASIDE);
    assert!(batch.is_open());
    assert_eq!(batch.finish(), Ok(96));
    let none = Batch::begin(std::iter::empty(), |_| Ok(1), SALT, None, ASIDE);
    assert!(!none.is_open());
    assert_eq!(none.finish(), Ok(0));
}
