//! `_count_extra` and `_format_function_definitions`, line by line after LiteLLM's source. `None`: it raises, or is not
//! reproduced.

use _accel::core::value::{Text, Value};

use super::Cost;
use crate::support::{Plain, PlainText};

/// `_count_extra`
pub fn extra(tools: &Plain, tool_choice: &Plain, system: bool) -> Option<Cost> {
    let mut cost = (3, Vec::new());
    if tools.truthy() {
        cost.1.push(format(tools)?);
        cost.0 += 9;
        if system {
            cost.0 -= 4;
        }
    }
    if tool_choice == &Plain::text("none") {
        cost.0 += 1;
    } else if let Plain::Map(_) = tool_choice {
        let function = map(tool_choice.get("function")?)?;
        cost.0 += 7;
        cost.1.push(function.get("name")?.shown()?);
    }
    Some(cost)
}

/// `_format_function_definitions`
pub fn format(tools: &Plain) -> Option<String> {
    let Plain::List(tools) = tools else {
        return None;
    };
    let mut lines = vec!["namespace functions {".to_owned(), String::new()];
    for tool in tools {
        if *tool == Plain::Foreign {
            return None;
        }
        for function in definitions(tool) {
            lines.extend(definition(&function)?);
        }
    }
    lines.push("} // namespace functions".to_owned());
    Some(lines.join("\n"))
}

/// `_function_definitions_for_tool`
fn definitions(tool: &Plain) -> Vec<Plain> {
    if !tool.is_map() {
        return vec![];
    }
    if let Some(function) = tool.get("function").filter(|function| function.is_map()) {
        return vec![function.clone()];
    }
    if let Some(Plain::List(list)) = or(
        tool.get("function_declarations"),
        tool.get("functionDeclarations"),
    ) {
        return list.iter().filter(|item| item.is_map()).cloned().collect();
    }
    let parameters = or(tool.get("input_schema"), tool.get("parameters"));
    let parameters = parameters.filter(|parameters| parameters.is_map());
    let entry = |key: &str, value: Option<&Plain>| {
        let key = Some(PlainText::Proper(key.to_owned()));
        (key, value.cloned().unwrap_or(Plain::Null))
    };
    vec![Plain::Map(vec![
        entry("name", tool.get("name")),
        entry("description", tool.get("description")),
        entry("parameters", parameters),
    ])]
}

/// `_format_single_function_definition`
fn definition(function: &Plain) -> Option<Vec<String>> {
    let Some(name) = function.get("name").filter(|name| name.truthy()) else {
        return Some(vec![]);
    };
    let mut lines = Vec::new();
    if let Some(description) = function.get("description").filter(|text| text.truthy()) {
        lines.push(format!("// {}", description.shown()?));
    }
    let name = name.shown()?;
    let parameters = function.get("parameters").filter(|value| value.is_map());
    let properties = parameters.and_then(|parameters| parameters.get("properties"));
    match parameters {
        Some(parameters) if properties.is_some_and(|value| value.is_map() && value.truthy()) => {
            lines.push(format!("type {name} = (_: {{"));
            lines.push(object(parameters, 0)?);
            lines.push("}) => any;".to_owned());
        }
        _ => lines.push(format!("type {name} = () => any;")),
    }
    lines.push(String::new());
    Some(lines)
}

/// `_format_object_parameters`
fn object(schema: &Plain, indent: usize) -> Option<String> {
    let Some(properties) = schema.get("properties").filter(|value| value.truthy()) else {
        return Some(String::new());
    };
    let Plain::Map(properties) = properties else {
        return None;
    };
    let required = match schema.get("required") {
        Some(Plain::List(required)) => required.clone(),
        Some(odd) if odd.truthy() => return None,
        _ => vec![],
    };
    let mut lines = Vec::new();
    for (key, property) in properties {
        let key = key.as_ref()?.as_str()?;
        let property = map(property)?;
        if let Some(description) = property.get("description").filter(|text| text.truthy()) {
            lines.push(format!("// {}", description.shown()?));
        }
        let question = if required.contains(&Plain::text(key)) {
            ""
        } else {
            "?"
        };
        lines.push(format!("{key}{question}: {},", kind(property, indent)?));
    }
    let indented = lines.iter().map(|line| " ".repeat(indent) + line);
    Some(indented.collect::<Vec<_>>().join("\n"))
}

/// `_format_type`
fn kind(schema: &Plain, indent: usize) -> Option<String> {
    let of_enum = |otherwise: &str| match schema.get("enum") {
        None => Some(otherwise.to_owned()),
        Some(Plain::List(items)) => {
            let quoted = items
                .iter()
                .map(|item| Some(format!("\"{}\"", item.shown()?)));
            Some(quoted.collect::<Option<Vec<_>>>()?.join(" | "))
        }
        Some(_) => None,
    };
    let kind = match schema.get("type") {
        Some(Plain::Text(kind)) => kind.as_str().unwrap_or(""),
        Some(Plain::Foreign) => return None,
        _ => "",
    };
    match kind {
        "string" => of_enum("string"),
        "array" => Some(format!(
            "{}[]",
            self::kind(map(schema.get("items")?)?, indent)?
        )),
        "object" => Some(format!("{{\n{}\n}}", object(schema, indent + 2)?)),
        "integer" | "number" => of_enum("number"),
        "boolean" | "null" => Some(kind.to_owned()),
        _ => Some("any".to_owned()),
    }
}

/// Python's `or`
fn or<'a>(first: Option<&'a Plain>, second: Option<&'a Plain>) -> Option<&'a Plain> {
    first.filter(|value| value.truthy()).or(second)
}

fn map(value: &Plain) -> Option<&Plain> {
    value.is_map().then_some(value)
}
