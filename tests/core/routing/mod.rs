//! How deployments are chosen, and what is read in prompts for it.

mod draws;
mod keywords;
mod latency;

use _accel::core::routing::characters::Characters;

/// Classes of Rust's own; what Python has otherwise is tested with Python.
pub struct Classes;

impl Characters for Classes {
    type Error = ();

    fn is_alphanumeric(&self, character: char) -> Result<bool, ()> {
        assert!(!character.is_ascii());
        Ok(character.is_alphanumeric())
    }

    fn is_decimal(&self, character: char) -> Result<bool, ()> {
        assert!(!character.is_ascii());
        Ok(('\u{660}'..='\u{669}').contains(&character))
    }

    fn is_space(&self, character: char) -> Result<bool, ()> {
        assert!(!character.is_ascii());
        Ok(character.is_whitespace())
    }
}

/// A Python that cannot say.
pub struct Mute;

impl Characters for Mute {
    type Error = char;

    fn is_alphanumeric(&self, character: char) -> Result<bool, char> {
        Err(character)
    }

    fn is_decimal(&self, character: char) -> Result<bool, char> {
        Err(character)
    }

    fn is_space(&self, character: char) -> Result<bool, char> {
        Err(character)
    }
}
