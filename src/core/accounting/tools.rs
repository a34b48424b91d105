//! Tool definitions as the text that they are counted as (LiteLLM: `_format_function_definitions`).

use crate::core::value::{
    DEEP, FOREIGN, RAISES, SURROGATE, Text, Unhandled, Value, View, entries_of, entry, misplaced,
};

/// Schemas nested deeper than this are left to Python.
const DEPTH: usize = 64;

/// The definitions of a list of tools in `OpenAI`'s, Gemini's or Anthropic's shape.
///
/// # Errors
/// No list, a shape that LiteLLM refuses or that is no plain data.
pub fn format<V: Value>(tools: &V) -> Result<String, Unhandled> {
    if !matches!(tools.view(), View::List) {
        return Err(Unhandled("tools are not a list"));
    }
    let mut out = String::from("namespace functions {\n\n");
    for tool in tools.items() {
        match tool.view() {
            View::Map => definitions(&tool, &mut out)?,
            View::Foreign => return Err(FOREIGN),
            _ => {}
        }
    }
    out.push_str("} // namespace functions");
    Ok(out)
}

fn definitions<V: Value>(tool: &V, out: &mut String) -> Result<(), Unhandled> {
    if let Some(function) = map(entry(tool, "function")?)? {
        return definition(entries_of(&function, DEFINITION)?, out);
    }
    let declarations = match truthy(entry(tool, "function_declarations")?)? {
        None => entry(tool, "functionDeclarations")?,
        found => found,
    };
    if let Some(declarations) = declarations {
        match declarations.view() {
            View::List => {
                for declaration in declarations.items() {
                    if let Some(declaration) = map(Some(declaration))? {
                        definition(entries_of(&declaration, DEFINITION)?, out)?;
                    }
                }
                return Ok(());
            }
            View::Foreign => return Err(FOREIGN),
            _ => {}
        }
    }
    let [name, description, mut parameters] = entries_of(tool, DEFINITION)?;
    if let Some(schema) = truthy(entry(tool, "input_schema")?)? {
        parameters = Some(schema);
    }
    definition([name, description, parameters], out)
}

const DEFINITION: [&str; 3] = ["name", "description", "parameters"];

fn definition<V: Value>(
    [name, description, parameters]: [Option<V>; 3],
    out: &mut String,
) -> Result<(), Unhandled> {
    let Some(name) = truthy(name)? else {
        return Ok(());
    };
    comment(description, 0, out)?;
    out.push_str("type ");
    append(&name, out)?;
    let parameters = map(parameters)?;
    if let Some(parameters) = parameters {
        let [properties, required] = entries_of(&parameters, ["properties", "required"])?;
        if let Some(properties) = map(properties)?.filter(Value::truthy) {
            out.push_str(" = (_: {\n");
            object(&properties, required, 0, 0, out)?;
            out.push_str("\n}) => any;\n\n");
            return Ok(());
        }
    }
    out.push_str(" = () => any;\n\n");
    Ok(())
}

/// The lines of an object's properties, each indented at its start.
fn object<V: Value>(
    properties: &V,
    required: Option<V>,
    indent: usize,
    depth: usize,
    out: &mut String,
) -> Result<(), Unhandled> {
    let required = truthy(required)?;
    let required: Vec<V::Text> = match required.as_ref().map(Value::view) {
        None => Vec::new(),
        Some(View::List) => required
            .iter()
            .flat_map(Value::items)
            .filter_map(|item| match item.view() {
                View::Text(text) => Some(Ok(text)),
                View::Foreign => Some(Err(FOREIGN)),
                _ => None,
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(Unhandled("odd list of required properties")),
    };
    let mut first = true;
    for (key, property) in properties.entries() {
        let key = key.ok_or(FOREIGN)?;
        let key = key.as_str().ok_or(SURROGATE)?;
        if !matches!(property.view(), View::Map) {
            return Err(misplaced(&property));
        }
        let [description, fields @ ..] = entries_of(&property, PROPERTY)?;
        if !std::mem::take(&mut first) {
            out.push('\n');
        }
        comment(description, indent, out)?;
        pad(indent, out);
        out.push_str(key);
        if !required.iter().any(|name| name.as_str() == Some(key)) {
            out.push('?');
        }
        out.push_str(": ");
        kind(fields, indent, depth, out)?;
        out.push(',');
    }
    Ok(())
}

const PROPERTY: [&str; 6] = [
    "description",
    "type",
    "enum",
    "items",
    "properties",
    "required",
];

/// The type of a schema, of whose entries it gets those of [`PROPERTY`] from the second on.
fn kind<V: Value>(
    [kind, choices, items, properties, required]: [Option<V>; 5],
    indent: usize,
    depth: usize,
    out: &mut String,
) -> Result<(), Unhandled> {
    if depth > DEPTH {
        return Err(DEEP);
    }
    let kind = match kind.map(|kind| kind.view()) {
        Some(View::Text(kind)) => kind,
        Some(View::Foreign) => return Err(FOREIGN),
        _ => {
            out.push_str("any");
            return Ok(());
        }
    };
    match kind.as_str() {
        Some("string") => one_of(choices, "string", out),
        Some("integer" | "number") => one_of(choices, "number", out),
        Some("array") => {
            let items = map(items)?.ok_or(RAISES)?;
            let [_, fields @ ..] = entries_of(&items, PROPERTY)?;
            self::kind(fields, indent, depth + 1, out)?;
            out.push_str("[]");
            Ok(())
        }
        Some("object") => {
            out.push_str("{\n");
            if let Some(properties) = truthy(properties)? {
                if !matches!(properties.view(), View::Map) {
                    return Err(RAISES);
                }
                object(&properties, required, indent + 2, depth + 1, out)?;
            }
            out.push_str("\n}");
            Ok(())
        }
        Some(same @ ("boolean" | "null")) => {
            out.push_str(same);
            Ok(())
        }
        _ => {
            out.push_str("any");
            Ok(())
        }
    }
}

fn one_of<V: Value>(
    choices: Option<V>,
    otherwise: &str,
    out: &mut String,
) -> Result<(), Unhandled> {
    let Some(choices) = choices else {
        out.push_str(otherwise);
        return Ok(());
    };
    if !matches!(choices.view(), View::List) {
        return Err(Unhandled("enum is not a list"));
    }
    for (at, choice) in choices.items().enumerate() {
        if at > 0 {
            out.push_str(" | ");
        }
        out.push('"');
        append(&choice, out)?;
        out.push('"');
    }
    Ok(())
}

fn comment<V: Value>(
    description: Option<V>,
    indent: usize,
    out: &mut String,
) -> Result<(), Unhandled> {
    if let Some(description) = truthy(description)? {
        pad(indent, out);
        out.push_str("// ");
        append(&description, out)?;
        out.push('\n');
    }
    Ok(())
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Appends what an f-string makes of the value.
fn append<V: Value>(value: &V, out: &mut String) -> Result<(), Unhandled> {
    match value.view() {
        View::Text(text) => out.push_str(text.as_str().ok_or(SURROGATE)?),
        View::Null | View::Bool(_) | View::Number => {
            out.push_str(&value.shown().ok_or(RAISES)?);
        }
        // What is in them could run code of users in the middle of a walk.
        View::List | View::Map => return Err(Unhandled("list or dict in place of a text")),
        View::Foreign => return Err(FOREIGN),
    }
    Ok(())
}

/// The value if it is a map; none of anything else.
fn map<V: Value>(value: Option<V>) -> Result<Option<V>, Unhandled> {
    match value.as_ref().map(Value::view) {
        Some(View::Map) => Ok(value),
        Some(View::Foreign) => Err(FOREIGN),
        _ => Ok(None),
    }
}

/// The value if Python takes it for true.
fn truthy<V: Value>(value: Option<V>) -> Result<Option<V>, Unhandled> {
    match value.as_ref().map(Value::view) {
        Some(View::Foreign) => Err(FOREIGN),
        _ => Ok(value.filter(Value::truthy)),
    }
}
