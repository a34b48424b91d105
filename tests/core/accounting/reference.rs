//! `_count_messages` and what it calls, line by line after LiteLLM's source. `None`: it raises, or is not reproduced.

use _accel::core::value::{Text, Value};

use super::Cost;
use crate::support::{Plain, PlainText};

const IMAGE: i64 = 85;

/// `messages` is one message; its cost.
pub fn message(message: &Plain, default_image: Option<i64>) -> Option<Cost> {
    let Plain::Map(entries) = message else {
        return None;
    };
    let mut cost = (3, Vec::new());
    for (key, value) in entries {
        let key = written(key.as_ref()?)?;
        match value {
            Plain::Null => {}
            Plain::List(calls) if key == "tool_calls" => {
                for call in calls {
                    let function = map(call)?.get("function")?;
                    cost.1.push(text_of(map(function)?, "arguments")?);
                }
            }
            Plain::Map(_) if key == "function_call" => cost.1.push(text_of(value, "arguments")?),
            _ if key == "tool_calls" || key == "function_call" => return None,
            Plain::Text(text) => {
                cost.1.push(written(text)?.to_owned());
                if key == "name" {
                    cost.0 += 1;
                }
            }
            Plain::List(blocks) if key == "content" => {
                content_list(blocks, default_image, &mut cost)?;
            }
            Plain::List(_) if key == "search_results" => return None,
            Plain::Foreign => return None,
            _ => {}
        }
    }
    Some(cost)
}

fn content_list(blocks: &[Plain], default_image: Option<i64>, cost: &mut Cost) -> Option<()> {
    for block in blocks {
        if let Plain::Text(text) = block {
            cost.1.push(written(text)?.to_owned());
            continue;
        }
        let Plain::Text(kind) = map(block)?.get("type")? else {
            return None;
        };
        match written(kind)? {
            "text" => cost.1.push(text_of(block, "text")?),
            "image_url" => image_url(block.get("image_url")?, default_image, cost)?,
            "image" => {
                let source = map(block.get("source")?)?;
                source.get("type")?;
                cost.0 += default_image.unwrap_or(IMAGE);
            }
            "tool_use" => {
                for field in ["name", "input", "caller"] {
                    field_of(block, field, default_image, cost)?;
                }
            }
            "tool_result" => {
                block.get("tool_use_id")?;
                field_of(block, "content", default_image, cost)?;
            }
            "thinking" | "redacted_thinking" => cost.1.push(text_of(block, "thinking")?),
            "tool_reference" => match block.get("tool_name") {
                Some(name) if name.truthy() => cost.1.push(name.shown()?),
                _ => {}
            },
            _ => return None,
        }
    }
    Some(())
}

fn field_of(block: &Plain, field: &str, default_image: Option<i64>, cost: &mut Cost) -> Option<()> {
    match block.get(field) {
        Some(Plain::Text(text)) => cost.1.push(written(text)?.to_owned()),
        Some(Plain::List(blocks)) => content_list(blocks, default_image, cost)?,
        Some(value @ Plain::Map(_)) => cost.1.push(value.shown()?),
        Some(Plain::Foreign) => return None,
        _ => {}
    }
    Some(())
}

fn image_url(image: &Plain, default_image: Option<i64>, cost: &mut Cost) -> Option<()> {
    let (url, detail) = match image {
        Plain::Text(url) => {
            if written(url)?.trim().is_empty() {
                return None;
            }
            (url, "auto")
        }
        Plain::Map(_) => {
            let detail = match image.get("detail") {
                None => "auto",
                Some(Plain::Text(detail)) => written(detail)?,
                _ => return None,
            };
            let url = image.get("url").filter(|url| url.truthy());
            let Some(Plain::Text(url)) = url else {
                return None;
            };
            (url, detail)
        }
        _ => return None,
    };
    match (default_image, detail) {
        (_, "low" | "auto") => cost.0 += default_image.unwrap_or(IMAGE),
        (Some(tokens), "high") => cost.0 += tokens,
        (None, "high") => cost.1.push(format!("<image {}>", written(url)?)),
        _ => return None,
    }
    Some(())
}

/// `str(map.get(key, ""))`
fn text_of(map: &Plain, key: &str) -> Option<String> {
    map.get(key)
        .map_or_else(|| Some(String::new()), Value::shown)
}

fn map(value: &Plain) -> Option<&Plain> {
    value.is_map().then_some(value)
}

fn written(text: &PlainText) -> Option<&str> {
    text.as_str()
}
