//! Text to token count, exactly as the tokenizers that LiteLLM calls would count.
//!
//! Every counter is immutable after its construction and holds no text: safe to share between
//! threads and across a fork.

mod batch;
mod classes;
mod huggingface;
pub mod memo;
mod merge;
mod pair_table;
mod rank_table;
mod scan;
mod slices;
mod tiktoken;

pub use batch::{Batch, Haste, Memory};
pub use classes::Classes;
pub use huggingface::{HuggingFaceCounter, SpellsAddedToken};
pub use scan::Pattern;
pub use tiktoken::TiktokenCounter;
