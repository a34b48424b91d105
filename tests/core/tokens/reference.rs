//! A byte-pair encoder as one would write it on paper, and a small vocabulary to run it on.

use std::collections::BTreeMap;

pub const CL100K: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

pub type Ranks = BTreeMap<Vec<u8>, u32>;

/// All bytes, then some merges of several lengths that overlap each other.
pub fn ranks() -> Ranks {
    let mut ranks: Ranks = (0..=255u8)
        .map(|byte| (vec![byte], u32::from(byte)))
        .collect();
    let merged = [
        "ab",
        "bc",
        "aa",
        "cd",
        "aaa",
        "abc",
        "aaaa",
        "bcd",
        "abcd",
        " a",
        " ab",
        "é",
        "漢",
        "字",
        "漢字",
        "aaaaaaaa",
        "abcdabcd",
        "aaaaaaaaaaaaaaaa",
        "abcdabcdabcdabcdabcd",
        "\r\n",
        "12",
        "123",
    ];
    for (rank, text) in (256..).zip(merged) {
        ranks.insert(text.as_bytes().to_vec(), rank);
    }
    ranks
}

/// Joins the leftmost pair of lowest rank until none joins; answers how many parts remain.
pub fn merge(piece: &[u8], ranks: &Ranks) -> usize {
    if ranks.contains_key(piece) {
        return 1;
    }
    let mut parts: Vec<Vec<u8>> = piece.iter().map(|byte| vec![*byte]).collect();
    loop {
        let joined = |at: usize| [&parts[at][..], &parts[at + 1][..]].concat();
        let best = (0..parts.len().saturating_sub(1))
            .filter_map(|at| ranks.get(&joined(at)).map(|rank| (*rank, at)))
            .min();
        let Some((_, at)) = best else {
            return parts.len();
        };
        parts[at] = joined(at);
        parts.remove(at + 1);
    }
}
