//! `Value` in memory.

use _accel::core::value::{Text, Value, View};

use super::repr;

/// A text of Python.
#[derive(Clone, Debug, PartialEq)]
pub enum PlainText {
    Proper(String),
    /// Nothing but one lone surrogate, which no `String` can hold.
    Lone,
}

/// Plain data, its maps in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    Null,
    Bool(bool),
    /// As `str()` writes it.
    Number(String),
    /// An integer so long that `str()` raises.
    Huge,
    Text(PlainText),
    List(Vec<Self>),
    /// None for a key that is no text.
    Map(Vec<(Option<PlainText>, Self)>),
    /// An object of a user's class.
    Foreign,
}

impl Text for PlainText {
    fn chars(&self) -> usize {
        self.as_str().map_or(1, |text| text.chars().count())
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Proper(text) => Some(text),
            Self::Lone => None,
        }
    }
}

impl Value for Plain {
    type Text = PlainText;

    fn view(&self) -> View<Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(truth) => View::Bool(*truth),
            Self::Number(_) | Self::Huge => View::Number,
            Self::Text(text) => View::Text(text.clone()),
            Self::List(_) => View::List,
            Self::Map(_) => View::Map,
            Self::Foreign => View::Foreign,
        }
    }

    fn items(&self) -> impl Iterator<Item = Self> {
        match self {
            Self::List(items) => items.clone().into_iter(),
            _ => Vec::new().into_iter(),
        }
    }

    fn entries(&self) -> impl Iterator<Item = (Option<PlainText>, Self)> {
        match self {
            Self::Map(entries) => entries.clone().into_iter(),
            _ => Vec::new().into_iter(),
        }
    }

    fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(truth) => *truth,
            Self::Number(number) => !matches!(number.as_str(), "0" | "0.0"),
            Self::Text(text) => text.as_str() != Some(""),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Huge | Self::Foreign => true,
        }
    }

    fn shown(&self) -> Option<String> {
        repr::shown(self)
    }

    fn repr_chars(text: &PlainText) -> Option<usize> {
        Some(repr::of_text(text).chars().count())
    }
}

impl Plain {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(PlainText::Proper(text.into()))
    }

    /// What Python's `map.get(key)` answers.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            panic!("{self:?} has no get");
        };
        let named = |(name, _): &&(Option<PlainText>, Self)| {
            name == &Some(PlainText::Proper(key.to_owned()))
        };
        entries.iter().find(named).map(|(_, value)| value)
    }

    pub fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }

    /// Whether some part of it is one that Python's `json` could not have made.
    pub fn is_strange(&self) -> bool {
        match self {
            Self::Huge | Self::Foreign | Self::Text(PlainText::Lone) => true,
            Self::List(items) => items.iter().any(Self::is_strange),
            Self::Map(entries) => entries.iter().any(|(key, value)| {
                !matches!(key, Some(PlainText::Proper(_))) || value.is_strange()
            }),
            _ => false,
        }
    }
}

/// A map with these keys.
pub fn object<const N: usize>(entries: [(&str, Plain); N]) -> Plain {
    let proper = |(key, value): (&str, Plain)| (Some(PlainText::Proper(key.to_owned())), value);
    Plain::Map(entries.into_iter().map(proper).collect())
}
