//! Counts as Hugging Face's `tokenizers` does for a byte-level BPE behind NFKC: the tokenizer that
//! LiteLLM ships for Claude.

mod definition;

use super::classes::Classes;
use super::merge::{Pairs, parts_after_merging};
use super::pair_table::{NO_MERGE, PairTable};
use super::rank_table::{NO_RANK, RankTable};
use super::scan::gpt2_end;
use crate::core::error::LoadError;
use definition::Definition;
use std::borrow::Cow;
use std::sync::Arc;
use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The text spells an added token (such as `<EOT>`), which the whole tokenizer must cut out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpellsAddedToken;

/// A Hugging Face tokenizer reduced to what counting needs.
pub struct HuggingFaceCounter {
    byte_tokens: [u16; 256],
    merges: PairTable,
    /// Tokens that their own bytes merge into; a piece that is one of them counts 1 without merging.
    whole: RankTable,
    added: Vec<Box<str>>,
    classes: Arc<Classes>,
}

impl HuggingFaceCounter {
    /// Takes the JSON that `Tokenizer.to_str()` writes.
    ///
    /// # Errors
    /// Anything but byte-level BPE behind NFKC with its merges in the order of their tokens, no
    /// truncation, padding, post-processor, drop-out or unknown token.
    pub fn new(json: &str, classes: Arc<Classes>) -> Result<Self, LoadError> {
        let definition = Definition::parse(json)?;
        let mut counter = Self {
            byte_tokens: definition.byte_tokens,
            merges: PairTable::new(&definition.merges),
            whole: RankTable::new(&[]).ok_or(LoadError::BadEntry)?,
            added: definition.added,
            classes,
        };
        let reachable: Vec<(&[u8], u32)> = definition
            .tokens
            .iter()
            .filter(|(bytes, _)| bytes.len() > 1 && counter.merge(bytes) == 1)
            .map(|(bytes, token)| (&**bytes, u32::from(*token)))
            .collect();
        counter.whole = RankTable::new(&reachable).ok_or(LoadError::BadEntry)?;
        Ok(counter)
    }

    /// Tokens of `text`, counted whole.
    ///
    /// # Errors
    /// The text spells an added token, before or after normalisation: not counted here.
    pub fn count(&self, text: &str) -> Result<usize, SpellsAddedToken> {
        let normalized: Cow<'_, str> =
            if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
                text.into()
            } else {
                text.nfkc()
                    .map(|(character, _)| character)
                    .collect::<String>()
                    .into()
            };
        if self.spells_added_token(text)
            || (matches!(normalized, Cow::Owned(_)) && self.spells_added_token(&normalized))
        {
            return Err(SpellsAddedToken);
        }
        let bytes = normalized.as_bytes();
        let (mut start, mut tokens) = (0, 0);
        while start < bytes.len() {
            let end = gpt2_end(&self.classes, bytes, start);
            let piece = bytes.get(start..end).unwrap_or_default();
            tokens += match piece.len() {
                0..=1 => piece.len(),
                _ if self.whole.contains(piece) => 1,
                _ => self.merge(piece),
            };
            start = end;
        }
        Ok(tokens)
    }

    /// Every added token starts with `<`, which the definition's reader checked.
    fn spells_added_token(&self, text: &str) -> bool {
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            let (from, after) = (rest.get(at..), rest.get(at + 1..));
            let (Some(from), Some(after)) = (from, after) else {
                return false;
            };
            if self.added.iter().any(|added| from.starts_with(&**added)) {
                return true;
            }
            rest = after;
        }
        false
    }

    fn merge(&self, piece: &[u8]) -> usize {
        let mut small = [0; 64];
        let mut large = Vec::new();
        let tokens = if let Some(tokens) = small.get_mut(..piece.len()) {
            tokens
        } else {
            large.resize(piece.len(), 0);
            large.as_mut_slice()
        };
        for (token, byte) in tokens.iter_mut().zip(piece) {
            *token = byte_token(&self.byte_tokens, *byte);
        }
        parts_after_merging(
            piece.len(),
            &mut PieceTokens {
                tokens,
                merges: &self.merges,
            },
        )
    }
}

#[inline]
#[expect(
    clippy::indexing_slicing,
    reason = "a u8 cannot reach past 256 entries"
)]
fn byte_token(table: &[u16; 256], byte: u8) -> u16 {
    table[usize::from(byte)]
}

struct PieceTokens<'a> {
    tokens: &'a mut [u16],
    merges: &'a PairTable,
}

impl Pairs for PieceTokens<'_> {
    #[inline]
    fn rank(&self, left: usize, right: usize, _end: usize) -> u32 {
        const { assert!(NO_MERGE == NO_RANK) };
        match (self.tokens.get(left), self.tokens.get(right)) {
            // Merges are listed in the order of the tokens they make, so the token is the rank.
            (Some(&left), Some(&right)) => self.merges.merged(left, right),
            _ => NO_RANK,
        }
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "ranks are token ids, below 65,535"
    )]
    fn joined(&mut self, left: usize, rank: u32) {
        if let Some(token) = self.tokens.get_mut(left) {
            *token = rank as u16;
        }
    }
}
