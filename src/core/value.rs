//! Plain data as the core reads it, wherever it lives: Python objects today, parsed JSON in the lane.

/// A text that may not be Unicode: Python's strings may hold lone surrogates.
pub trait Text {
    /// Length in code points.
    fn chars(&self) -> usize;
    /// None if it holds a lone surrogate.
    fn as_str(&self) -> Option<&str>;
}

/// What a [`Value`] is.
pub enum View<V: Value> {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer or a float.
    Number,
    /// A text.
    Text(V::Text),
    /// Values in order; see [`Value::items`].
    List,
    /// Texts to values in order; see [`Value::entries`].
    Map,
    /// Anything else, and anything that only derives from one of these: nothing is known of it.
    Foreign,
}

/// Plain data. Reading it runs no code of users, except [`Value::shown`] of a list or a map.
pub trait Value: Clone {
    /// Its texts.
    type Text: Text;

    /// What it is.
    fn view(&self) -> View<Self>;
    /// The items of a list; none of anything else.
    fn items(&self) -> impl Iterator<Item = Self>;
    /// The entries of a map, in order; none of anything else. None for a key that is not exactly a text.
    fn entries(&self) -> impl Iterator<Item = (Option<Self::Text>, Self)>;
    /// Whether Python takes it for true; of plain data.
    fn truthy(&self) -> bool;
    /// What Python's `str()` makes of it. None if it fails, as it does for an integer of more than 4,300 digits, or is no
    /// Unicode.
    fn shown(&self) -> Option<String>;
    /// Length in code points of Python's `repr()` of a text. None if it fails.
    fn repr_chars(text: &Self::Text) -> Option<usize>;
}

/// "Not covered here", said before any effect. A small, fixed set of sentences without a user's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unhandled(pub &'static str);

/// A lone surrogate where text had to be read.
pub const SURROGATE: Unhandled = Unhandled("lone surrogate");
/// Something that only looks like plain data.
pub const FOREIGN: Unhandled = Unhandled("not plain data");
/// Python raises, and raises it best itself.
pub const RAISES: Unhandled = Unhandled("LiteLLM raises");
/// Deeper than is walked here.
pub const DEEP: Unhandled = Unhandled("deeply nested");

/// The values of `keys` in a map, in one walk. Every key is looked at: one that is not exactly a text could equal one
/// of them.
///
/// # Errors
/// A key that is not exactly a text, or a map that is not exactly one.
pub fn entries_of<V: Value, const N: usize>(
    map: &V,
    keys: [&str; N],
) -> Result<[Option<V>; N], Unhandled> {
    if matches!(map.view(), View::Foreign) {
        return Err(FOREIGN);
    }
    let mut found = [const { None }; N];
    for (name, value) in map.entries() {
        let name = name.ok_or(FOREIGN)?;
        if let Some(name) = name.as_str() {
            let place = keys.iter().zip(&mut found).find(|(key, _)| **key == name);
            if let Some((_, place)) = place {
                *place = Some(value);
            }
        }
    }
    Ok(found)
}

/// The value of `key` in a map.
///
/// # Errors
/// As [`entries_of`].
pub fn entry<V: Value>(map: &V, key: &str) -> Result<Option<V>, Unhandled> {
    entries_of(map, [key]).map(|[found]| found)
}

/// The value that Python reads with `map[key]`.
///
/// # Errors
/// No such key, or no map, and then Python raises; a key, or a map, that is no plain data.
pub fn required<V: Value>(map: &V, key: &str) -> Result<V, Unhandled> {
    entry(map, key)?.ok_or_else(|| misplaced(map))
}

/// Why `value` is refused where Python raises for every other kind of plain data.
pub fn misplaced<V: Value>(value: &V) -> Unhandled {
    match value.view() {
        View::Foreign => FOREIGN,
        _ => RAISES,
    }
}
