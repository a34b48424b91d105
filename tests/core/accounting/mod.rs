//! What is counted of a prompt, against LiteLLM's rules written down slowly.

mod agreement;
mod blocks;
mod extra;
mod messages;
mod reasons;
mod reference;
mod reference_tools;
mod shapes;
mod tools;

use _accel::core::accounting::{self, BlockFields, Choice, Piece, Prompt, Rules};
use _accel::core::value::{Text, Unhandled, Value};

use super::support::{Plain, json};

/// Tokens that are no text, and the texts to be counted.
pub type Cost = (i64, Vec<String>);

/// LiteLLM 1.106.2: its constants, and the fields of its typed dicts.
pub fn rules() -> Rules {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Rules {
        tokens_per_message: 3,
        tokens_per_name: 1,
        image_tokens: 85,
        tool_use: BlockFields {
            required: names(&["type"]),
            counted: names(&["name", "input", "caller"]),
        },
        tool_result: BlockFields {
            required: names(&["tool_use_id", "type"]),
            counted: names(&["content"]),
        },
    }
}

/// The cost of one message, and whether it is a system message.
pub fn message(message: &Plain, default_image: Option<i64>) -> Result<(Cost, bool), Unhandled> {
    let mut prompt = Prompt::new(default_image);
    let system = accounting::message(&rules(), message, &mut prompt)?;
    Ok((cost(prompt)?, system))
}

/// The cost of one block, without what its message costs.
pub fn block(block: &str) -> Result<Cost, Unhandled> {
    let content = json(&format!(r#"{{"content": [{block}]}}"#));
    let ((tokens, texts), _) = message(&content, None)?;
    Ok((tokens - rules().tokens_per_message, texts))
}

/// The cost of what comes beside the messages.
pub fn extra(tools: &Plain, tool_choice: &Plain, system: bool) -> Result<Cost, Unhandled> {
    let mut prompt = Prompt::new(None);
    accounting::extra(&Choice { tools, tool_choice }, system, &mut prompt)?;
    cost(prompt)
}

/// An image in high detail is the text `<image …>`, so that it cannot be taken for its URL.
fn cost(prompt: Prompt<Plain>) -> Result<Cost, Unhandled> {
    let surrogate = Unhandled("found late: lone surrogate");
    let raises = Unhandled("found late: str() raises");
    let text = |piece: Piece<Plain>| match piece {
        Piece::Text(text) => text.as_str().map(str::to_owned).ok_or(surrogate),
        Piece::Written(text) => Ok(text),
        Piece::Shown(value) => value.shown().ok_or(raises),
        Piece::HighDetail(url) => Ok(format!("<image {}>", url.as_str().ok_or(surrogate)?)),
    };
    let texts: Result<_, _> = prompt.pieces.into_iter().map(text).collect();
    Ok((prompt.tokens, texts?))
}

/// A cost as one writes it down.
#[expect(
    clippy::unnecessary_wraps,
    reason = "compared with what may be refused"
)]
pub fn costs(tokens: i64, texts: &[&str]) -> Result<Cost, Unhandled> {
    Ok((tokens, texts.iter().map(ToString::to_string).collect()))
}
