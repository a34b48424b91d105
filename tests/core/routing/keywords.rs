//! Keywords and steps against a reference that looks at every place of the text.

use _accel::core::routing::keywords::{Found, Keyword, Keywords, has_whole};
use proptest::prelude::*;

use super::{Classes, Mute};

fn is_word(character: Option<&char>) -> bool {
    character.is_some_and(|one| *one == '_' || one.is_alphanumeric())
}

fn boundary(text: &[char], at: usize) -> bool {
    is_word(at.checked_sub(1).and_then(|before| text.get(before))) != is_word(text.get(at))
}

/// `re.search(r"\b" + re.escape(keyword) + r"\b", text)`, or `keyword in text`.
fn has(text: &str, keyword: &Keyword) -> bool {
    let text: Vec<char> = text.chars().collect();
    let sought: Vec<char> = keyword.text.chars().collect();
    let whole = keyword.whole || sought.is_empty();
    (0..=text.len()).any(|start| {
        text[start..].starts_with(&sought)
            && (!whole || boundary(&text, start) && boundary(&text, start + sought.len()))
    })
}

fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || ('\u{660}'..='\u{669}').contains(&character)
}

/// The four patterns, each tried at each place.
fn steps(text: &str) -> bool {
    let in_order = |line: &str| {
        line.split_once("first")
            .is_some_and(|(_, rest)| rest.contains("then"))
    };
    let step = |(at, _): (usize, &str)| {
        text[at + 4..]
            .trim_start_matches(is_space)
            .starts_with(is_digit)
    };
    let follows = |sign: &str, before: fn(char) -> bool| {
        text.match_indices(sign)
            .any(|(at, _)| text[..at].ends_with(before) && text[at + 1..].starts_with(is_space))
    };
    text.split('\n').any(in_order)
        || text.match_indices("step").any(step)
        || follows(".", is_digit)
        || follows(")", |letter| letter.is_ascii_lowercase())
}

fn find(keywords: &[Keyword], text: &str) -> Found {
    let made = Keywords::new(keywords, &Classes).unwrap().unwrap();
    made.find(text, &Classes).unwrap()
}

fn whole(text: &str) -> Keyword {
    Keyword {
        text: text.to_owned(),
        whole: true,
    }
}

proptest! {
    #[test]
    fn as_the_reference(
        text in "([ab_é字٣.) \n]|first|then|step|1|\u{2003}|\u{1c}|ab|ba){0,30}",
        texts in prop::collection::vec("[ab_é字. ]{0,3}", 0..8),
        whole in any::<bool>(),
    ) {
        let keywords: Vec<Keyword> = texts.into_iter().map(|text| Keyword { text, whole }).collect();
        let expected = keywords.iter().map(|keyword| has(&text, keyword)).collect();
        prop_assert_eq!(
            find(&keywords, &text),
            Found { keywords: expected, steps: Some(steps(&text)) }
        );
        for keyword in &keywords {
            let word = has(&text, &Keyword { whole: true, ..keyword.clone() });
            prop_assert_eq!(has_whole(&text, &keyword.text, &Classes), Ok(word));
        }
    }
}

#[test]
fn one_inside_another_that_does_not_fit() {
    let found = find(
        &[whole("a.a"), whole("a.a.a"), whole("b"), whole("a.a")],
        "_a.a.a",
    );
    assert_eq!(found.keywords, [true, false, false, true]);
    assert_eq!(has_whole("_a.a.a", "a.a", &Classes), Ok(true));
}

#[test]
fn what_begins_and_ends_without_a_word_needs_one_beside_it() {
    let keyword = [whole("c++"), whole("+")];
    for (text, expected) in [
        ("c++", [false, false]),
        ("c++11", [true, false]),
        ("c+ +", [false, false]),
        ("a+b", [false, true]),
    ] {
        assert_eq!(find(&keyword, text).keywords, expected, "{text}");
    }
}

#[test]
fn an_empty_one_is_in_every_text_with_a_word() {
    for (text, expected) in [("", false), (" .\n", false), (" a ", true), ("字", true)] {
        assert_eq!(find(&[whole("")], text).keywords, [expected], "{text}");
        assert_eq!(has_whole(text, "", &Classes), Ok(expected), "{text}");
    }
}

#[test]
fn steps_over_letters_that_fold_are_pythons() {
    for letter in ['\u{130}', '\u{131}', '\u{17f}', '\u{212a}'] {
        assert_eq!(find(&[], &format!("some {letter}")).steps, None);
        assert_eq!(find(&[], &format!("{letter} step 1")).steps, Some(true));
    }
}

#[test]
fn first_and_then_do_not_share_a_letter() {
    assert_eq!(find(&[], "firsthen").steps, Some(false));
    assert_eq!(find(&[], "first firsthen").steps, Some(true));
    assert_eq!(find(&[], "firsthen then").steps, Some(true));
    assert_eq!(find(&[], "first\nthen").steps, Some(false));
}

#[test]
fn many_keywords_without_a_table_of_all_steps() {
    let keywords: Vec<Keyword> = (0..5_000).map(|at| whole(&format!("word{at}"))).collect();
    let found = find(&keywords, "word17 word4999");
    let there: Vec<usize> = (0..5_000).filter(|at| found.keywords[*at]).collect();
    assert_eq!(there, [17, 4_999]);
}

#[test]
fn a_python_that_cannot_say_is_heard() {
    let made = Keywords::new(&[whole("a")], &Mute).unwrap().unwrap();
    assert_eq!(made.find("a b", &Mute).unwrap().keywords, [true]);
    assert_eq!(made.find("aé", &Mute), Err('é'));
    assert_eq!(made.find("1.é", &Mute), Err('é'));
    assert_eq!(Keywords::new(&[whole("é")], &Mute).unwrap_err(), 'é');
    assert_eq!(has_whole("aé", "a", &Mute), Err('é'));
}
