use super::reference::{CL100K, Ranks, merge, ranks};
use _accel::core::error::LoadError;
use _accel::core::tokens::{Classes, Pattern, TiktokenCounter};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static CLASSES: LazyLock<Arc<Classes>> = LazyLock::new(|| Arc::new(Classes::new()));
static RANKS: LazyLock<Ranks> = LazyLock::new(ranks);
static COUNTER: LazyLock<TiktokenCounter> = LazyLock::new(|| counter(CL100K, &RANKS).unwrap());

fn counter(pattern: &str, ranks: &Ranks) -> Result<TiktokenCounter, LoadError> {
    let entries: Vec<(&[u8], u32)> = ranks
        .iter()
        .map(|(bytes, rank)| (&bytes[..], *rank))
        .collect();
    TiktokenCounter::new(pattern, &entries, Arc::clone(&CLASSES))
}

fn count_of(pieces: &[&str]) -> usize {
    pieces
        .iter()
        .map(|piece| merge(piece.as_bytes(), &RANKS))
        .sum()
}

#[test]
fn pieces_split_as_the_pattern_says() {
    // A wrong split shows where a merge would cross it, or where one would be lost.
    let cases: [(&str, &[&str]); 8] = [
        ("", &[]),
        ("ab", &["ab"]),
        ("ab ab", &["ab", " ab"]),
        ("ab  ab", &["ab", " ", " ab"]),
        ("1234", &["123", "4"]),
        ("ab\r\n", &["ab", "\r\n"]),
        ("!\r\nab", &["!\r\n", "ab"]),
        ("漢字ab", &["漢字ab"]),
    ];
    for (text, pieces) in cases {
        assert_eq!(COUNTER.count(text, 1024), count_of(pieces), "{text:?}");
    }
}

#[test]
fn slices_are_counted_each_on_its_own() {
    // A slice is a number of code points, not of bytes.
    let cases: [(&str, usize, &[&str]); 5] = [
        ("abab", 1024, &["abab"]),
        ("abab", 1, &["a", "b", "a", "b"]),
        ("abab", 3, &["aba", "b"]),
        ("漢字漢字", 2, &["漢字", "漢字"]),
        ("漢字漢字", 3, &["漢字漢", "字"]),
    ];
    for (text, size, pieces) in cases {
        assert_eq!(
            COUNTER.count(text, size),
            count_of(pieces),
            "{text:?} by {size}"
        );
    }
}

#[test]
fn a_definition_that_cannot_count_every_text_is_refused() {
    assert_eq!(
        counter(r"\w+", &RANKS).err(),
        Some(LoadError::UnknownPattern)
    );
    let mut missing = RANKS.clone();
    missing.remove(&vec![7]);
    assert_eq!(
        counter(CL100K, &missing).err(),
        Some(LoadError::MissingByte(7))
    );
    let mut empty = RANKS.clone();
    empty.insert(vec![], 9999);
    assert_eq!(counter(CL100K, &empty).err(), Some(LoadError::BadEntry));
    let repeated = [(&b"ab"[..], 1), (&b"ab"[..], 2)];
    let mut entries: Vec<(&[u8], u32)> = RANKS
        .iter()
        .map(|(bytes, rank)| (&bytes[..], *rank))
        .collect();
    entries.extend(repeated);
    let refused = TiktokenCounter::new(CL100K, &entries, Arc::clone(&CLASSES));
    assert_eq!(refused.err(), Some(LoadError::BadEntry));
}

#[test]
fn only_known_patterns_have_a_scanner() {
    assert_eq!(Pattern::from_text(CL100K), Some(Pattern::Cl100k));
    assert_eq!(Pattern::from_text(&CL100K[1..]), None);
}

#[test]
fn a_long_run_is_counted_once_and_rightly() {
    let slice = merge(&[b'a'; 1024], &RANKS);
    assert_eq!(COUNTER.count(&"a".repeat(10 * 1024), 1024), 10 * slice);
}

proptest! {
    /// Letters only, so that the text is one piece: the merge alone is under test, small and large.
    #[test]
    fn merging_equals_the_reference(text in "[abcd]{1,200}") {
        prop_assert_eq!(COUNTER.count(&text, 1 << 20), merge(text.as_bytes(), &RANKS));
    }

    #[test]
    fn slicing_equals_counting_the_slices(text in "[a-d漢字é 1\r\n!]{0,80}", size in 1_usize..9) {
        let characters: Vec<char> = text.chars().collect();
        let slices = characters.chunks(size).map(|slice| slice.iter().collect::<String>());
        let expected: usize = slices.map(|slice| COUNTER.count(&slice, usize::MAX)).sum();
        prop_assert_eq!(COUNTER.count(&text, size), expected);
    }

    #[test]
    fn any_text_is_counted_without_a_panic(text in any::<String>(), size in 0_usize..2000) {
        let tokens = COUNTER.count(&text, size);
        prop_assert!(tokens <= text.len());
        prop_assert_eq!(tokens == 0, text.is_empty());
    }
}
