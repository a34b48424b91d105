//! The Unicode character classes that the tokenizers' split patterns name.

use regex_syntax::Parser;
use regex_syntax::hir::{Class, HirKind};
use rustc_hash::FxHashMap;

/// `\p{L}`
pub const LETTER: u8 = 1;
/// `\p{N}`
pub const NUMBER: u8 = 2;
/// `\s`
pub const SPACE: u8 = 4;
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
pub const UPPER: u8 = 8;
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
pub const LOWER: u8 = 16;
/// Letters, numbers and white space: what `[^\s\p{L}\p{N}]` excludes.
pub const LETTER_NUMBER_SPACE: u8 = LETTER | NUMBER | SPACE;

const PATTERNS: [(&str, u8); 5] = [
    (r"\p{L}", LETTER),
    (r"\p{N}", NUMBER),
    (r"\s", SPACE),
    (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", UPPER),
    (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", LOWER),
];
const CODE_POINTS: usize = 0x11_0000;
const PAGE: usize = 256;

/// Class bits of every code point, in two levels: pages of 256 code points, equal pages shared.
pub struct Classes {
    ascii: [u8; 256],
    page_of: Vec<u16>,
    pages: Vec<[u8; PAGE]>,
}

impl Default for Classes {
    fn default() -> Self {
        Self::new()
    }
}

impl Classes {
    /// Builds the table from regex-syntax's own Unicode data (1–2 ms).
    #[must_use]
    pub fn new() -> Self {
        let mut flat = vec![0_u8; CODE_POINTS];
        for (pattern, bit) in PATTERNS {
            mark(&mut flat, pattern, bit);
        }
        let mut ascii = [0_u8; 256];
        for (slot, bits) in ascii.iter_mut().zip(flat.iter().take(128)) {
            *slot = *bits;
        }
        let mut seen = FxHashMap::default();
        let mut pages = Vec::new();
        let mut page_of = Vec::with_capacity(CODE_POINTS / PAGE);
        for page in flat.as_chunks::<PAGE>().0 {
            let number = *seen.entry(page).or_insert_with(|| {
                pages.push(*page);
                u16::try_from(pages.len() - 1).unwrap_or(0)
            });
            page_of.push(number);
        }
        Self {
            ascii,
            page_of,
            pages,
        }
    }

    #[inline]
    fn of_code_point(&self, code_point: u32) -> u8 {
        let page = self.page_of.get((code_point >> 8) as usize).copied();
        let page = page.and_then(|page| self.pages.get(usize::from(page)));
        page.map_or(0, |page| byte_entry(page, (code_point & 0xFF) as u8))
    }

    /// Class bits and length in bytes of the character that starts at `at`; `(0, 0)` past the end.
    /// `text` is valid UTF-8 and `at` a character boundary.
    #[inline]
    #[must_use]
    pub fn at(&self, text: &[u8], at: usize) -> (u8, usize) {
        match text.get(at) {
            Some(&first) if first < 0x80 => (byte_entry(&self.ascii, first), 1),
            Some(&first) => self.of_sequence(first, text, at),
            None => (0, 0),
        }
    }

    #[inline]
    fn of_sequence(&self, first: u8, text: &[u8], at: usize) -> (u8, usize) {
        let tail = |offset: usize| u32::from(text.get(at + offset).copied().unwrap_or(0) & 0x3F);
        let first = u32::from(first);
        if first < 0xE0 {
            (self.of_code_point((first & 0x1F) << 6 | tail(1)), 2)
        } else if first < 0xF0 {
            (
                self.of_code_point((first & 0x0F) << 12 | tail(1) << 6 | tail(2)),
                3,
            )
        } else {
            let code_point = (first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
            (self.of_code_point(code_point), 4)
        }
    }

    /// End of the longest run from `from` of characters whose bits under `mask` equal `wanted`.
    #[inline]
    #[must_use]
    pub fn run_equal(&self, text: &[u8], from: usize, mask: u8, wanted: u8) -> usize {
        self.run(text, from, |bits| bits & mask == wanted)
    }

    /// End of the longest run from `from` of characters that have any bit of `mask`.
    #[inline]
    #[must_use]
    pub fn run_any(&self, text: &[u8], from: usize, mask: u8) -> usize {
        self.run(text, from, |bits| bits & mask != 0)
    }

    #[inline]
    fn run(&self, text: &[u8], from: usize, member: impl Fn(u8) -> bool) -> usize {
        let mut end = from;
        while let Some(&first) = text.get(end) {
            let (bits, length) = if first < 0x80 {
                (byte_entry(&self.ascii, first), 1)
            } else {
                self.of_sequence(first, text, end)
            };
            if !member(bits) {
                break;
            }
            end += length;
        }
        end.min(text.len())
    }
}

/// A 256-entry table read by a byte: the index cannot be out of bounds.
#[inline]
#[expect(
    clippy::indexing_slicing,
    reason = "a u8 cannot reach past 256 entries"
)]
fn byte_entry(table: &[u8; 256], index: u8) -> u8 {
    table[usize::from(index)]
}

fn mark(flat: &mut [u8], pattern: &str, bit: u8) {
    // The patterns are constants of this file; a test checks that each one marks something.
    let Ok(parsed) = Parser::new().parse(pattern) else {
        return;
    };
    if let HirKind::Class(Class::Unicode(class)) = parsed.kind() {
        for range in class.iter() {
            let (start, end) = (range.start() as usize, range.end() as usize);
            for bits in flat.iter_mut().take(end + 1).skip(start) {
                *bits |= bit;
            }
        }
    }
}
