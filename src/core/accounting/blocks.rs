//! Blocks of a content list (LiteLLM: `_count_content_list`, `_count_image_tokens`, `_count_anthropic_content`).

use super::{BlockFields, Piece, Prompt, Rules};
use crate::core::value::{
    DEEP, FOREIGN, RAISES, SURROGATE, Text, Unhandled, Value, View, entry, misplaced, required,
};

/// `tool_result` blocks hold lists of blocks; deeper than this is left to Python.
const DEPTH: usize = 32;

/// Adds the blocks of `list`.
pub fn content<V: Value>(
    rules: &Rules,
    list: &V,
    prompt: &mut Prompt<V>,
    depth: usize,
) -> Result<(), Unhandled> {
    if depth > DEPTH {
        return Err(DEEP);
    }
    for item in list.items() {
        match item.view() {
            View::Text(text) => prompt.pieces.push(Piece::Text(text)),
            View::Map => block(rules, &item, prompt, depth)?,
            View::Foreign => return Err(FOREIGN),
            _ => return Err(RAISES),
        }
    }
    Ok(())
}

fn block<V: Value>(
    rules: &Rules,
    block: &V,
    prompt: &mut Prompt<V>,
    depth: usize,
) -> Result<(), Unhandled> {
    let kind = required(block, "type")?;
    let View::Text(kind) = kind.view() else {
        return Err(misplaced(&kind));
    };
    match kind.as_str().ok_or(SURROGATE)? {
        "text" => prompt.show_if_any(entry(block, "text")?),
        "image_url" => image_url(rules, &required(block, "image_url")?, prompt),
        "image" => anthropic_image(rules, &required(block, "source")?, prompt),
        "tool_use" => fields(rules, &rules.tool_use, block, prompt, depth),
        "tool_result" => fields(rules, &rules.tool_result, block, prompt, depth),
        "thinking" | "redacted_thinking" => prompt.show_if_any(entry(block, "thinking")?),
        "tool_reference" => match entry(block, "tool_name")? {
            Some(name) if matches!(name.view(), View::Foreign) => Err(FOREIGN),
            Some(name) if name.truthy() => prompt.show(name),
            _ => Ok(()),
        },
        "document" | "file" => Err(Unhandled("document or file block")),
        _ => Err(RAISES),
    }
}

fn image_url<V: Value>(rules: &Rules, image: &V, prompt: &mut Prompt<V>) -> Result<(), Unhandled> {
    let high = match image.view() {
        View::Text(url) => {
            // What Python strips is more than ASCII space; a visible first character settles it.
            let first = url.as_str().ok_or(SURROGATE)?.bytes().next();
            if !first.is_some_and(|byte| byte.is_ascii_graphic()) {
                return Err(Unhandled("odd image URL"));
            }
            None
        }
        View::Map => {
            let View::Text(url) = entry(image, "url")?.ok_or(RAISES)?.view() else {
                return Err(Unhandled("odd image URL"));
            };
            if url.chars() == 0 {
                return Err(RAISES);
            }
            match entry(image, "detail")? {
                None => None,
                Some(detail) => match detail.view() {
                    View::Text(detail) => match detail.as_str() {
                        Some("low" | "auto") => None,
                        Some("high") => Some(url),
                        _ => return Err(RAISES),
                    },
                    _ => return Err(misplaced(&detail)),
                },
            }
        }
        _ => return Err(misplaced(image)),
    };
    match (prompt.default_image_tokens, high) {
        (Some(tokens), _) => prompt.tokens += tokens,
        (None, None) => prompt.tokens += rules.image_tokens,
        (None, Some(url)) => prompt.pieces.push(Piece::HighDetail(url)),
    }
    Ok(())
}

/// The detail is `auto`, so the data does not matter; that LiteLLM can read them off the source does.
fn anthropic_image<V: Value>(
    rules: &Rules,
    source: &V,
    prompt: &mut Prompt<V>,
) -> Result<(), Unhandled> {
    required(source, "type")?;
    for (_, value) in source.entries() {
        // LiteLLM writes the data into a URL: a long integer raises there, the others could run code of users.
        if !matches!(value.view(), View::Text(_) | View::Null | View::Bool(_)) {
            return Err(Unhandled("odd image source"));
        }
    }
    prompt.tokens += prompt.default_image_tokens.unwrap_or(rules.image_tokens);
    Ok(())
}

fn fields<V: Value>(
    rules: &Rules,
    fields: &BlockFields,
    block: &V,
    prompt: &mut Prompt<V>,
    depth: usize,
) -> Result<(), Unhandled> {
    for name in &fields.required {
        required(block, name)?;
    }
    for name in &fields.counted {
        let Some(value) = entry(block, name)? else {
            continue;
        };
        match value.view() {
            View::Text(text) => prompt.pieces.push(Piece::Text(text)),
            View::List => content(rules, &value, prompt, depth + 1)?,
            View::Map => prompt.pieces.push(Piece::Shown(value)),
            View::Foreign => return Err(FOREIGN),
            View::Null | View::Bool(_) | View::Number => {}
        }
    }
    Ok(())
}
