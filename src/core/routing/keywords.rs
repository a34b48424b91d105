//! All keywords of a router in one pass over a prompt.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::characters::{Characters, is_word};
use super::steps::{MARKS, Steps};

/// Bytes of keywords up to which a table of all steps is worth its size, some hundred times as much.
const SMALL: usize = 4_096;

/// One keyword.
#[derive(Clone, Debug)]
pub struct Keyword {
    /// In lower case.
    pub text: String,
    /// Whether a boundary of words (`\b`) must be on either side of it; of an empty one it always must.
    pub whole: bool,
}

/// What a keyword needs beside its text.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Nothing,
    /// Next to its first and last character one that is a word's exactly where they are not.
    Edges {
        first: bool,
        last: bool,
    },
    /// No text, and one boundary is enough: any character of a word has it beside it.
    Word,
}

/// What a prompt has.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// For each keyword whether it is there.
    pub keywords: Vec<bool>,
    /// Whether the prompt asks for several steps; `None`: Python must say.
    pub steps: Option<bool>,
}

/// An automaton of keywords. Immutable.
#[derive(Debug)]
pub struct Keywords {
    automaton: AhoCorasick,
    rules: Vec<Rule>,
}

fn rule<C: Characters>(text: &str, classes: &C) -> Result<Rule, C::Error> {
    if text.is_empty() {
        return Ok(Rule::Word);
    }
    Ok(Rule::Edges {
        first: is_word(classes, text.chars().next())?,
        last: is_word(classes, text.chars().next_back())?,
    })
}

/// Whether the keyword is there where its text is found between these.
fn fits<C: Characters>(rule: Rule, around: (&str, &str), classes: &C) -> Result<bool, C::Error> {
    match rule {
        Rule::Nothing => Ok(true),
        Rule::Word => Ok(false),
        Rule::Edges { first, last } => Ok(is_word(classes, around.0.chars().next_back())? != first
            && is_word(classes, around.1.chars().next())? != last),
    }
}

fn has_word<C: Characters>(text: &str, classes: &C) -> Result<bool, C::Error> {
    for character in text.chars() {
        if is_word(classes, Some(character))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn split(text: &str, start: usize, end: usize) -> (&str, &str) {
    // Never out of place: in UTF-8 what is found begins and ends with a character.
    (
        text.get(..start).unwrap_or_default(),
        text.get(end..).unwrap_or_default(),
    )
}

impl Keywords {
    /// # Errors
    /// Of a class of characters, or (the inner one) keywords so many that there is no automaton of them.
    pub fn new<C: Characters>(
        keywords: &[Keyword],
        classes: &C,
    ) -> Result<Result<Self, BuildError>, C::Error> {
        let rules = keywords.iter().map(|keyword| {
            if keyword.whole || keyword.text.is_empty() {
                rule(&keyword.text, classes)
            } else {
                Ok(Rule::Nothing)
            }
        });
        let rules = rules.collect::<Result<_, _>>()?;
        let bytes: usize = keywords.iter().map(|keyword| keyword.text.len()).sum();
        let texts = keywords.iter().map(|keyword| match keyword.text.as_str() {
            // It would be found everywhere; this one takes its number, and nobody looks at it.
            "" => "\n",
            text => text,
        });
        let built = AhoCorasick::builder()
            .kind((bytes <= SMALL).then_some(AhoCorasickKind::DFA))
            .build(MARKS.iter().map(|(text, _)| *text).chain(texts));
        Ok(built.map(|automaton| Self { automaton, rules }))
    }

    /// Which of them the text, in lower case, has.
    ///
    /// # Errors
    /// Of a class of characters.
    pub fn find<C: Characters>(&self, text: &str, classes: &C) -> Result<Found, C::Error> {
        let mut keywords = vec![false; self.rules.len()];
        let mut steps = Steps::default();
        for found in self.automaton.find_overlapping_iter(text) {
            let index = found.pattern().as_usize();
            if let Some((_, mark)) = MARKS.get(index) {
                let around = split(text, found.start(), found.end());
                steps.meet(*mark, found.range(), around, classes)?;
                continue;
            }
            let index = index - MARKS.len();
            if let (Some(there), Some(rule)) = (keywords.get_mut(index), self.rules.get(index))
                && !*there
            {
                *there = fits(*rule, split(text, found.start(), found.end()), classes)?;
            }
        }
        for (there, rule) in keywords.iter_mut().zip(&self.rules) {
            if matches!(rule, Rule::Word) {
                *there = has_word(text, classes)?;
            }
        }
        Ok(Found {
            keywords,
            steps: steps.found(),
        })
    }
}

/// Whether `\bword\b` is in the text.
///
/// # Errors
/// Of a class of characters.
pub fn has_whole<C: Characters>(text: &str, word: &str, classes: &C) -> Result<bool, C::Error> {
    let rule = rule(word, classes)?;
    if matches!(rule, Rule::Word) {
        return has_word(text, classes);
    }
    let step = word.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    // One may begin inside another that does not fit.
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(word)) {
        let start = from + at;
        if fits(rule, split(text, start, start + word.len()), classes)? {
            return Ok(true);
        }
        from = start + step;
    }
    Ok(false)
}
