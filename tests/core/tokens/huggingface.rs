use _accel::core::error::LoadError;
use _accel::core::tokens::{Classes, HuggingFaceCounter, SpellsAddedToken};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

static CLASSES: LazyLock<Arc<Classes>> = LazyLock::new(|| Arc::new(Classes::new()));
static COUNTER: LazyLock<HuggingFaceCounter> = LazyLock::new(|| counter(&definition()).unwrap());

fn counter(definition: &Value) -> Result<HuggingFaceCounter, LoadError> {
    HuggingFaceCounter::new(&definition.to_string(), Arc::clone(&CLASSES))
}

/// GPT-2's printable stand-ins, in the order of their code points.
fn byte_characters() -> Vec<char> {
    let printable = |byte: u32| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 0x100;
    let mut stand_in = |byte: u32| {
        if printable(byte) {
            return byte;
        }
        next += 1;
        next - 1
    };
    (0..256)
        .map(|byte| char::from_u32(stand_in(byte)).unwrap())
        .collect()
}

/// "abc" is a token that no merge makes: it must count as what its bytes merge into.
fn definition() -> Value {
    let mut vocabulary = serde_json::Map::new();
    vocabulary.insert("<EOT>".into(), 0.into());
    for (index, character) in byte_characters().into_iter().enumerate() {
        vocabulary.insert(character.to_string(), (index + 1).into());
    }
    for (index, token) in ["ab", "cd", "Ġab", "abc"].iter().enumerate() {
        vocabulary.insert((*token).into(), (257 + index).into());
    }
    json!({
        "truncation": null, "padding": null, "post_processor": null,
        "added_tokens": [{"content": "<EOT>"}],
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "byte_fallback": false,
            "continuing_subword_prefix": null, "end_of_word_suffix": null, "ignore_merges": false,
            "vocab": vocabulary, "merges": [["a", "b"], ["c", "d"], ["Ġ", "ab"]],
        },
    })
}

#[test]
fn counts_by_merges_after_normalisation() {
    for (text, tokens) in [
        ("", 0),
        ("ab", 1),
        ("ab ab", 2),
        ("abc", 2), // the token "abc" cannot be reached
        ("abcd", 2),
        ("ａｂ", 1), // NFKC makes it "ab"
        ("a", 1),
    ] {
        assert_eq!(COUNTER.count(text), Ok(tokens), "{text:?}");
    }
}

#[test]
fn a_text_that_spells_an_added_token_is_not_counted() {
    assert_eq!(COUNTER.count("a<EOT>b"), Err(SpellsAddedToken));
    assert_eq!(COUNTER.count("＜ＥＯＴ＞"), Err(SpellsAddedToken));
    assert!(COUNTER.count("<EOT").is_ok());
}

#[test]
fn whatever_is_not_reproduced_is_refused() {
    for (pointer, value, part) in [
        ("/truncation", json!({"max_length": 5}), "truncation"),
        ("/padding", json!({"strategy": "BatchLongest"}), "padding"),
        (
            "/post_processor",
            json!({"type": "ByteLevel"}),
            "post_processor",
        ),
        ("/normalizer", json!({"type": "NFC"}), "normalizer"),
        ("/normalizer", Value::Null, "normalizer"),
        (
            "/pre_tokenizer/add_prefix_space",
            json!(true),
            "pre_tokenizer",
        ),
        ("/added_tokens/0/content", json!("[EOT]"), "added_tokens"),
        ("/model/dropout", json!(0.1), "dropout"),
        ("/model/unk_token", json!("<unk>"), "unk_token"),
        (
            "/model/byte_fallback",
            json!(true),
            "byte_fallback or ignore_merges",
        ),
    ] {
        let mut changed = definition();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert_eq!(
            counter(&changed).err(),
            Some(LoadError::Unsupported(part)),
            "{pointer}"
        );
    }
    let mut reordered = definition();
    reordered["model"]["merges"] = json!([["c", "d"], ["a", "b"]]);
    assert!(matches!(
        counter(&reordered).err(),
        Some(LoadError::Unsupported(_))
    ));
    let mut incomplete = definition();
    incomplete["model"]["vocab"]
        .as_object_mut()
        .unwrap()
        .remove("a");
    assert_eq!(
        counter(&incomplete).err(),
        Some(LoadError::MissingByte(b'a'))
    );
    let refused = HuggingFaceCounter::new("{", Arc::clone(&CLASSES));
    assert!(matches!(refused.err(), Some(LoadError::Malformed(_))));
}

proptest! {
    #[test]
    fn any_text_is_counted_without_a_panic(text in any::<String>()) {
        if let Ok(tokens) = COUNTER.count(&text) {
            prop_assert_eq!(tokens == 0, text.is_empty());
        }
    }
}
