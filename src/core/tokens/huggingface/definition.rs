//! Reads `Tokenizer.to_str()` and refuses whatever the counter does not reproduce.

use crate::core::error::LoadError;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// What counting needs of a tokenizer's definition.
pub struct Definition {
    /// The token of each byte.
    pub byte_tokens: [u16; 256],
    /// (left, right, merged), lowest rank first; `merged` rises.
    pub merges: Vec<(u16, u16, u16)>,
    /// Tokens as bytes; tokens that no byte string spells are left out.
    pub tokens: Vec<(Box<[u8]>, u16)>,
    /// Spellings that the tokenizer cuts out before splitting.
    pub added: Vec<Box<str>>,
}

#[derive(Deserialize)]
struct Json<'a> {
    truncation: Option<IgnoredAny>,
    padding: Option<IgnoredAny>,
    #[serde(borrow)]
    added_tokens: Vec<AddedToken<'a>>,
    #[serde(borrow)]
    normalizer: Option<Typed<'a>>,
    #[serde(borrow)]
    pre_tokenizer: Option<PreTokenizer<'a>>,
    post_processor: Option<IgnoredAny>,
    #[serde(borrow)]
    model: Model<'a>,
}

#[derive(Deserialize)]
struct AddedToken<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PreTokenizer<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    add_prefix_space: bool,
    #[serde(default)]
    use_regex: bool,
}

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    dropout: Option<IgnoredAny>,
    unk_token: Option<IgnoredAny>,
    continuing_subword_prefix: Option<IgnoredAny>,
    end_of_word_suffix: Option<IgnoredAny>,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
    #[serde(borrow)]
    vocab: FxHashMap<Cow<'a, str>, u32>,
    #[serde(borrow)]
    merges: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Definition {
    /// # Errors
    /// [`LoadError::Malformed`] for other JSON, [`LoadError::Unsupported`] for another tokenizer.
    pub fn parse(json: &str) -> Result<Self, LoadError> {
        let json: Json<'_> =
            serde_json::from_str(json).map_err(|error| LoadError::Malformed(error.to_string()))?;
        refuse_unknown_parts(&json)?;
        let model = &json.model;
        let token = |spelling: &str| {
            let id = model.vocab.get(spelling).copied();
            // 65,535 stays free: the pair table uses it in its mark of an empty slot.
            id.and_then(|id| u16::try_from(id).ok().filter(|&id| id < u16::MAX))
        };
        let mut byte_tokens = [0; 256];
        for (byte, slot) in (0..=u8::MAX).zip(byte_tokens.iter_mut()) {
            let spelling = byte_character(byte).to_string();
            *slot = token(&spelling).ok_or(LoadError::MissingByte(byte))?;
        }
        let mut merges: Vec<(u16, u16, u16)> = Vec::with_capacity(model.merges.len());
        let mut spelling = String::new();
        for (left, right) in &model.merges {
            spelling.clear();
            spelling.push_str(left);
            spelling.push_str(right);
            let ids = token(left).zip(token(right)).zip(token(&spelling));
            let ((left, right), joined) = ids.ok_or(LoadError::BadEntry)?;
            if merges.last().is_some_and(|(_, _, last)| *last >= joined) {
                return Err(LoadError::Unsupported(
                    "merges out of the order of their tokens",
                ));
            }
            merges.push((left, right, joined));
        }
        let bytes_of: FxHashMap<char, u8> = (0..=u8::MAX)
            .map(|byte| (byte_character(byte), byte))
            .collect();
        let spelled = |spelling: &str| -> Option<Box<[u8]>> {
            spelling
                .chars()
                .map(|character| bytes_of.get(&character).copied())
                .collect()
        };
        let tokens = model.vocab.keys();
        Ok(Self {
            byte_tokens,
            merges,
            tokens: tokens
                .filter_map(|key| spelled(key).zip(token(key)))
                .collect(),
            added: json
                .added_tokens
                .iter()
                .map(|added| (&*added.content).into())
                .collect(),
        })
    }
}

fn refuse_unknown_parts(json: &Json<'_>) -> Result<(), LoadError> {
    let model = &json.model;
    let byte_level = |part: &PreTokenizer<'_>| {
        part.r#type == "ByteLevel" && part.use_regex && !part.add_prefix_space
    };
    let parts = [
        (json.truncation.is_none(), "truncation"),
        (json.padding.is_none(), "padding"),
        (json.post_processor.is_none(), "post_processor"),
        (
            json.normalizer
                .as_ref()
                .is_some_and(|part| part.r#type == "NFKC"),
            "normalizer",
        ),
        (
            json.pre_tokenizer.as_ref().is_some_and(byte_level),
            "pre_tokenizer",
        ),
        (
            json.added_tokens
                .iter()
                .all(|added| added.content.starts_with('<')),
            "added_tokens",
        ),
        (model.r#type == "BPE", "model"),
        (model.dropout.is_none(), "dropout"),
        (model.unk_token.is_none(), "unk_token"),
        (
            model.continuing_subword_prefix.is_none(),
            "continuing_subword_prefix",
        ),
        (model.end_of_word_suffix.is_none(), "end_of_word_suffix"),
        (
            !model.byte_fallback && !model.ignore_merges,
            "byte_fallback or ignore_merges",
        ),
    ];
    match parts.into_iter().find(|(supported, _)| !supported) {
        Some((_, part)) => Err(LoadError::Unsupported(part)),
        None => Ok(()),
    }
}

/// GPT-2's printable stand-in for a byte.
fn byte_character(byte: u8) -> char {
    let code_point = match byte {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u32::from(byte),
        0x00..=0x20 => 0x100 + u32::from(byte),
        0x7F..=0xA0 => 0x121 + u32::from(byte - 0x7F),
        0xAD => 0x143,
    };
    char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER)
}
