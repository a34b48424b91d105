//! What LiteLLM counts of a prompt: which of its texts, and how many tokens are added for what is no text.
//!
//! A [`Prompt`] is gathered first and counted later, so that counting needs no Python. Shapes that LiteLLM treats in a
//! way not reproduced here are [`Unhandled`](super::value::Unhandled), the ones that it refuses with an error too.

mod blocks;
mod messages;
mod tools;

use super::value::{FOREIGN, RAISES, Unhandled, Value, View};

pub use messages::{Choice, extra, message};
pub use tools::format as format_tools;

/// LiteLLM's constants for one model.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Added for every message.
    pub tokens_per_message: i64,
    /// Added for every `name`; -1 under the accounting of gpt-3.5-turbo-0301.
    pub tokens_per_name: i64,
    /// What an image costs whose detail is not high.
    pub image_tokens: i64,
    /// Of Anthropic's `tool_use` blocks.
    pub tool_use: BlockFields,
    /// Of Anthropic's `tool_result` blocks.
    pub tool_result: BlockFields,
}

/// The fields of a typed block.
#[derive(Clone, Debug, Default)]
pub struct BlockFields {
    /// Without one of these LiteLLM raises.
    pub required: Vec<String>,
    /// Those whose content is counted.
    pub counted: Vec<String>,
}

/// A part of a prompt whose tokens are to be counted.
pub enum Piece<V: Value> {
    /// A text of the prompt.
    Text(V::Text),
    /// A text that was made of it.
    Written(String),
    /// What `str()` makes of a list or map; making it may run code of users, so it is put off.
    Shown(V),
    /// An image in high detail, as a URL.
    HighDetail(V::Text),
}

/// What a prompt, or one message of it, costs: `tokens` and those of its `pieces`.
pub struct Prompt<V: Value> {
    /// Tokens that are no text.
    pub tokens: i64,
    /// To be counted.
    pub pieces: Vec<Piece<V>>,
    /// Stands for every image, where the caller asked for that.
    pub default_image_tokens: Option<i64>,
}

impl<V: Value> Prompt<V> {
    /// An empty prompt.
    #[must_use]
    pub fn new(default_image_tokens: Option<i64>) -> Self {
        Self {
            tokens: 0,
            pieces: Vec::new(),
            default_image_tokens,
        }
    }

    /// Adds a text that was made.
    fn write(&mut self, text: String) {
        self.pieces.push(Piece::Written(text));
    }

    /// Adds `str(value)`; nothing for None, as LiteLLM's default is an empty text.
    fn show_if_any(&mut self, value: Option<V>) -> Result<(), Unhandled> {
        if let Some(value) = value {
            return self.show(value);
        }
        self.write(String::new());
        Ok(())
    }

    /// Adds `str(value)`.
    fn show(&mut self, value: V) -> Result<(), Unhandled> {
        self.pieces.push(match value.view() {
            View::Text(text) => Piece::Text(text),
            View::Null | View::Bool(_) | View::Number => {
                Piece::Written(value.shown().ok_or(RAISES)?)
            }
            View::List | View::Map => Piece::Shown(value),
            View::Foreign => return Err(FOREIGN),
        });
        Ok(())
    }
}
