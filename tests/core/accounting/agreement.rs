//! Whatever is thrown at the accounting: an answer is the reference's answer, and what the reference can answer is
//! only refused for a reason.

use _accel::core::value::Unhandled;
use proptest::prelude::*;

use super::shapes::{WORDS, blocks, choice, entries, entry, tools};
use super::{extra, message, reference, reference_tools};
use crate::support::{Plain, arbitrary};

/// Said of data that LiteLLM can count.
const REFUSED: &[&str] = &[
    "odd image URL",
    "odd image source",
    "document or file block",
    "search results",
    "tools are not a list",
    "tool choice is neither str nor dict",
    "odd list of required properties",
    "enum is not a list",
    "list or dict in place of a text",
];

/// `strange`: the data hold something that is refused wherever it stands.
fn agree<T: PartialEq + std::fmt::Debug>(
    answer: Result<T, Unhandled>,
    expected: Option<T>,
    strange: bool,
) -> Result<(), TestCaseError> {
    match (answer, expected) {
        (Ok(answer), expected) => prop_assert_eq!(Some(answer), expected),
        (Err(_), None) => {}
        (Err(Unhandled(reason)), Some(_)) => {
            prop_assert!(strange || REFUSED.contains(&reason), "{}", reason);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn of_any_message(
        keys in entries(&["role", "content", "name", "tool_calls", "function_call", "x"], arbitrary(WORDS)),
        default_image in prop::option::of(0..500_i64),
    ) {
        let any = Plain::Map(keys);
        let cost = message(&any, default_image).map(|(cost, _)| cost);
        agree(cost, reference::message(&any, default_image), any.is_strange())?;
    }

    #[test]
    fn of_any_blocks(blocks in blocks(), default_image in prop::option::of(0..500_i64)) {
        let any = Plain::Map(vec![entry("content", blocks)]);
        let cost = message(&any, default_image).map(|(cost, _)| cost);
        agree(cost, reference::message(&any, default_image), any.is_strange())?;
    }

    #[test]
    fn of_any_tools(tools in tools()) {
        let text = _accel::core::accounting::format_tools(&tools);
        agree(text, reference_tools::format(&tools), tools.is_strange())?;
    }

    #[test]
    fn of_any_tools_and_choice(tools in tools(), choice in choice(), system: bool) {
        let cost = extra(&tools, &choice, system);
        let strange = tools.is_strange() || choice.is_strange();
        agree(cost, reference_tools::extra(&tools, &choice, system), strange)?;
    }
}
