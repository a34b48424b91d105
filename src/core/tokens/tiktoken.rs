//! Counts as tiktoken's `len(encoding.encode_ordinary(text))` does.

use super::classes::Classes;
use super::merge::{Pairs, parts_after_merging};
use super::rank_table::{NO_RANK, RankTable};
use super::scan::{Pattern, cl100k_end, o200k_end};
use super::slices::slices;
use crate::core::error::LoadError;
use std::sync::Arc;

/// A tiktoken encoding reduced to what counting needs.
pub struct TiktokenCounter {
    pattern: Pattern,
    ranks: RankTable,
    classes: Arc<Classes>,
}

impl TiktokenCounter {
    /// Takes an encoding's pattern and its mergeable ranks.
    ///
    /// # Errors
    /// A pattern without a scanner, a byte without a token, a repeated or empty entry.
    pub fn new(
        pattern: &str,
        entries: &[(&[u8], u32)],
        classes: Arc<Classes>,
    ) -> Result<Self, LoadError> {
        let pattern = Pattern::from_text(pattern).ok_or(LoadError::UnknownPattern)?;
        let mut has_token = [false; 256];
        for (bytes, _) in entries {
            match bytes {
                [] => return Err(LoadError::BadEntry),
                [byte] => {
                    if let Some(slot) = has_token.get_mut(usize::from(*byte)) {
                        *slot = true;
                    }
                }
                _ => {}
            }
        }
        if let Some(byte) =
            (0..=u8::MAX).find(|&byte| has_token.get(usize::from(byte)) == Some(&false))
        {
            return Err(LoadError::MissingByte(byte));
        }
        let ranks = RankTable::new(entries).ok_or(LoadError::BadEntry)?;
        Ok(Self {
            pattern,
            ranks,
            classes,
        })
    }

    /// Tokens of `text`, counted in slices of `slice_chars` code points, each on its own.
    #[must_use]
    pub fn count(&self, text: &str, slice_chars: usize) -> usize {
        match self.pattern {
            Pattern::Cl100k => self.count_slices(text, slice_chars, cl100k_end),
            Pattern::O200k => self.count_slices(text, slice_chars, o200k_end),
        }
    }

    #[inline]
    fn count_slices(
        &self,
        text: &str,
        slice_chars: usize,
        piece_end: impl Fn(&Classes, &[u8], usize) -> usize,
    ) -> usize {
        let mut repeated = LongPieces::default();
        let mut tokens = 0;
        for slice in slices(text, slice_chars) {
            let mut start = 0;
            while start < slice.len() {
                let end = piece_end(&self.classes, slice, start);
                let piece = slice.get(start..end).unwrap_or_default();
                tokens += self.count_piece(piece, &mut repeated);
                start = end;
            }
        }
        tokens
    }

    #[inline]
    fn count_piece<'a>(&self, piece: &'a [u8], repeated: &mut LongPieces<'a>) -> usize {
        match piece.len() {
            // Every byte is a token, which the constructor checked.
            0..=1 => piece.len(),
            2 if self.ranks.contains(piece) => 1,
            2 => 2,
            _ if self.ranks.contains(piece) => 1,
            3..=LONG_PIECE => self.count_parts(piece),
            _ => repeated.count(piece, || self.count_parts(piece)),
        }
    }

    fn count_parts(&self, piece: &[u8]) -> usize {
        parts_after_merging(
            piece.len(),
            &mut PieceRanks {
                piece,
                ranks: &self.ranks,
            },
        )
    }
}

struct PieceRanks<'a> {
    piece: &'a [u8],
    ranks: &'a RankTable,
}

impl Pairs for PieceRanks<'_> {
    #[inline]
    fn rank(&self, left: usize, _right: usize, end: usize) -> u32 {
        self.piece
            .get(left..end)
            .map_or(NO_RANK, |bytes| self.ranks.rank(bytes))
    }

    #[inline]
    fn joined(&mut self, _left: usize, _rank: u32) {}
}

/// Pieces above this many bytes are remembered within one count.
const LONG_PIECE: usize = 96;
const REMEMBERED: usize = 4;

/// The last few long pieces of the text under count. A long run of one character gives the same
/// piece in every slice, and merging it again costs more than all else. Lives no longer than the
/// count and only borrows the text.
#[derive(Default)]
struct LongPieces<'a> {
    entries: [(&'a [u8], usize); REMEMBERED],
    oldest: usize,
}

impl<'a> LongPieces<'a> {
    fn count(&mut self, piece: &'a [u8], merge: impl FnOnce() -> usize) -> usize {
        if let Some((_, tokens)) = self.entries.iter().find(|(held, _)| *held == piece) {
            return *tokens;
        }
        let tokens = merge();
        if let Some(slot) = self.entries.get_mut(self.oldest % REMEMBERED) {
            *slot = (piece, tokens);
        }
        self.oldest += 1;
        tokens
    }
}
