//! LiteLLM counts a text in slices of a fixed number of code points, each on its own.

/// The slices of `text`, `size` code points each (the last may be shorter), as UTF-8.
pub fn slices(text: &str, size: usize) -> impl Iterator<Item = &[u8]> {
    let size = size.max(1);
    let ascii = text.is_ascii();
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // In ASCII a code point is a byte; otherwise `Chars::nth` counts many bytes at a time.
        let tail = if ascii {
            rest.get(size..).unwrap_or("")
        } else {
            let mut characters = rest.chars();
            characters.nth(size - 1);
            characters.as_str()
        };
        let slice = rest.get(..rest.len() - tail.len()).unwrap_or("");
        rest = tail;
        Some(slice.as_bytes())
    })
}
