//! Classes of characters as Python's regular expressions know them.

/// Classes beyond ASCII: which characters they have depends on the Unicode of the running Python, so it says it.
pub trait Characters {
    /// What may go wrong in asking.
    type Error;

    /// `str.isalnum` of one character.
    ///
    /// # Errors
    /// Python could not say.
    fn is_alphanumeric(&self, character: char) -> Result<bool, Self::Error>;

    /// `str.isdecimal` of one character.
    ///
    /// # Errors
    /// Python could not say.
    fn is_decimal(&self, character: char) -> Result<bool, Self::Error>;

    /// `str.isspace` of one character.
    ///
    /// # Errors
    /// Python could not say.
    fn is_space(&self, character: char) -> Result<bool, Self::Error>;
}

/// `\w`; where there is no character, before and after the text, there is no word.
pub(super) fn is_word<C: Characters>(
    classes: &C,
    character: Option<char>,
) -> Result<bool, C::Error> {
    match character {
        None => Ok(false),
        Some(one) if one.is_ascii() => Ok(one.is_ascii_alphanumeric() || one == '_'),
        Some(other) => classes.is_alphanumeric(other),
    }
}

/// `\d`.
pub(super) fn is_digit<C: Characters>(
    classes: &C,
    character: Option<char>,
) -> Result<bool, C::Error> {
    match character {
        None => Ok(false),
        Some(one) if one.is_ascii() => Ok(one.is_ascii_digit()),
        Some(other) => classes.is_decimal(other),
    }
}

/// `\s`.
pub(super) fn is_space<C: Characters>(
    classes: &C,
    character: Option<char>,
) -> Result<bool, C::Error> {
    match character {
        None => Ok(false),
        Some(one) if one.is_ascii() => Ok(matches!(one, ' ' | '\t'..='\r' | '\u{1c}'..='\u{1f}')),
        Some(other) => classes.is_space(other),
    }
}
