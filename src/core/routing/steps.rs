//! Whether a prompt asks for several steps: the patterns of LiteLLM's `ComplexityRouter`, without case
//! `first.*?then`, `step\s*\d`, `\d+\.\s`, `[a-z]\)\s`.

use super::characters::{Characters, is_digit, is_space};

/// What each pattern has to have in it, and what tells more of the text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    First,
    Then,
    LineEnd,
    Step,
    Dot,
    Bracket,
    /// Not ASCII, and yet an ASCII letter where case does not count.
    Letter,
}

/// Where a mark is found.
pub(super) const MARKS: [(&str, Mark); 10] = [
    ("first", Mark::First),
    ("then", Mark::Then),
    ("\n", Mark::LineEnd),
    ("step", Mark::Step),
    (".", Mark::Dot),
    (")", Mark::Bracket),
    ("\u{130}", Mark::Letter),
    ("\u{131}", Mark::Letter),
    ("\u{17f}", Mark::Letter),
    ("\u{212a}", Mark::Letter),
];

/// What is known after a part of a text.
#[derive(Debug, Default)]
pub(super) struct Steps {
    found: bool,
    /// Where the first `first` of this line ends.
    first_end: Option<usize>,
    odd_letter: bool,
}

impl Steps {
    /// The next mark, in the order of their ends, with its place and the texts around it.
    pub(super) fn meet<C: Characters>(
        &mut self,
        mark: Mark,
        place: std::ops::Range<usize>,
        around: (&str, &str),
        classes: &C,
    ) -> Result<(), C::Error> {
        if self.found {
            return Ok(());
        }
        let (before, after) = around;
        match mark {
            Mark::First => {
                self.first_end.get_or_insert(place.end);
            }
            Mark::LineEnd => self.first_end = None,
            Mark::Then => self.found = self.first_end.is_some_and(|end| end <= place.start),
            Mark::Step => {
                for character in after.chars() {
                    if !is_space(classes, Some(character))? {
                        self.found = is_digit(classes, Some(character))?;
                        break;
                    }
                }
            }
            Mark::Dot => {
                self.found = is_digit(classes, before.chars().next_back())?
                    && is_space(classes, after.chars().next())?;
            }
            Mark::Bracket => {
                self.found = before.ends_with(|letter: char| letter.is_ascii_alphabetic())
                    && is_space(classes, after.chars().next())?;
            }
            Mark::Letter => self.odd_letter = true,
        }
        Ok(())
    }

    /// After the last mark. `None`: there are letters of which Python must say whether they match.
    pub(super) fn found(&self) -> Option<bool> {
        (self.found || !self.odd_letter).then_some(self.found)
    }
}
