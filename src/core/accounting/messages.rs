//! Messages, tools and tool choice (LiteLLM: `_count_messages`, `_count_function_call_tokens`, `_count_extra`).

use super::{Piece, Prompt, Rules, blocks, tools};
use crate::core::value::{
    FOREIGN, RAISES, SURROGATE, Text, Unhandled, Value, View, entry, misplaced, required,
};

/// Adds one message to the prompt. Answers whether it is a system message.
///
/// # Errors
/// A shape that is not reproduced.
pub fn message<V: Value>(
    rules: &Rules,
    message: &V,
    prompt: &mut Prompt<V>,
) -> Result<bool, Unhandled> {
    if !matches!(message.view(), View::Map) {
        return Err(Unhandled("message is not a dict"));
    }
    let mut system = false;
    prompt.tokens += rules.tokens_per_message;
    for (key, value) in message.entries() {
        let key = key.ok_or(FOREIGN)?;
        let key = key.as_str().ok_or(SURROGATE)?;
        match value.view() {
            View::Null => {}
            View::Foreign => return Err(FOREIGN),
            view if key == "tool_calls" => tool_calls(&view, &value, prompt)?,
            View::Map if key == "function_call" => arguments(&value, prompt)?,
            _ if key == "function_call" => return Err(RAISES),
            View::Text(text) => {
                if key == "role" {
                    system = text.as_str() == Some("system");
                } else if key == "name" {
                    prompt.tokens += rules.tokens_per_name;
                }
                prompt.pieces.push(Piece::Text(text));
            }
            View::List if key == "content" => blocks::content(rules, &value, prompt, 0)?,
            View::List if key == "search_results" => return Err(Unhandled("search results")),
            View::List | View::Map | View::Bool(_) | View::Number => {}
        }
    }
    Ok(system)
}

fn tool_calls<V: Value>(
    view: &View<V>,
    calls: &V,
    prompt: &mut Prompt<V>,
) -> Result<(), Unhandled> {
    if !matches!(view, View::List) {
        return Err(RAISES);
    }
    for call in calls.items() {
        let function = required(&call, "function")?;
        if !matches!(function.view(), View::Map) {
            return Err(misplaced(&function));
        }
        arguments(&function, prompt)?;
    }
    Ok(())
}

fn arguments<V: Value>(function: &V, prompt: &mut Prompt<V>) -> Result<(), Unhandled> {
    prompt.show_if_any(entry(function, "arguments")?)
}

/// What comes beside the messages.
pub struct Choice<'a, V> {
    /// The tools of the request.
    pub tools: &'a V,
    /// The choice among them.
    pub tool_choice: &'a V,
}

/// Adds what primes the answer, the tools and the choice among them.
///
/// # Errors
/// A shape that is not reproduced.
pub fn extra<V: Value>(
    choice: &Choice<'_, V>,
    system: bool,
    prompt: &mut Prompt<V>,
) -> Result<(), Unhandled> {
    // Every reply is primed with <|start|>assistant<|message|>.
    prompt.tokens += 3;
    match choice.tools.view() {
        View::Null => {}
        View::List if !choice.tools.truthy() => {}
        _ => {
            let definitions = tools::format(choice.tools)?;
            prompt.write(definitions);
            prompt.tokens += if system { 5 } else { 9 };
        }
    }
    match choice.tool_choice.view() {
        View::Null => {}
        View::Text(text) => prompt.tokens += i64::from(text.as_str() == Some("none")),
        View::Map => {
            let function = required(choice.tool_choice, "function")?;
            prompt.tokens += 7;
            prompt.show(required(&function, "name")?)?;
        }
        _ => return Err(Unhandled("tool choice is neither str nor dict")),
    }
    Ok(())
}
