//! The tools of `campanile mcp`, and the command that each of them is.

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value as Json, json};

/// Most rows that may be asked for.
const MAX_LIMIT: u64 = 200;

/// One tool: its name, what it is for, the command, and what it takes.
struct Row {
    name: &'static str,
    help: &'static str,
    command: &'static str,
    /// What the command takes behind its options.
    operand: Option<Operand>,
    options: &'static [Choice],
    rows: Option<u64>,
}

struct Operand {
    name: &'static str,
    help: &'static str,
    is_required: bool,
}

/// A word of a short list.
struct Choice {
    name: &'static str,
    help: &'static str,
    words: &'static [&'static str],
}

const QUERY: Operand =
    Operand { name: "query", help: "Which requests, in the query language; all where it is left out", is_required: false };
const SOME: Operand =
    Operand { name: "query", help: "Which requests, in the query language, such as status:5xx since:1h", is_required: true };

const ROWS: [Row; 8] = [
    Row {
        name: "search",
        help: "Finds requests, the newest last, one line each: time, id, method, route, status, duration, error.",
        command: "search",
        operand: Some(SOME),
        options: &[],
        rows: Some(20),
    },
    Row {
        name: "show",
        help: "Everything about one request: errors with their causes, timeline of spans and events, headers, bodies, fields.",
        command: "show",
        operand: Some(Operand {
            name: "id",
            help: "The short id, request id or trace id, or its first 4 characters at least",
            is_required: true,
        }),
        options: &[],
        rows: None,
    },
    Row {
        name: "errors",
        help: "Lists what fails: groups of errors with one cause, how often, for how many users, since when.",
        command: "errors",
        operand: None,
        options: &[Choice {
            name: "sort",
            help: "What comes first: last seen, first seen last, most often, most users",
            words: &["last", "first", "count", "users"],
        }],
        rows: Some(20),
    },
    Row {
        name: "why",
        help: "Explains a group of errors: what makes it one, its history, what is different about its requests, examples.",
        command: "why",
        operand: Some(Operand { name: "group", help: "The id of a group, or its start, as errors lists it", is_required: true }),
        options: &[],
        rows: None,
    },
    Row {
        name: "routes",
        help: "Lists the routes: how many requests, how many failed, percentiles of their durations.",
        command: "routes",
        operand: Some(QUERY),
        options: &[Choice {
            name: "sort",
            help: "What comes first: most requests, most failures, highest 95th percentile, or by name",
            words: &["requests", "failed", "p95", "route"],
        }],
        rows: Some(50),
    },
    Row {
        name: "stats",
        help: "Sums up what matches: outcomes, statuses, durations, the course over time.",
        command: "stats",
        operand: Some(QUERY),
        options: &[],
        rows: None,
    },
    Row {
        name: "diff",
        help: "Tells what is different about the requests that match, beside others of the same routes: the first place to look \
               for a cause.",
        command: "diff",
        operand: Some(SOME),
        options: &[],
        rows: Some(10),
    },
    Row {
        name: "running",
        help: "Lists the requests in flight, the oldest first, and those whose process died.",
        command: "ps",
        operand: None,
        options: &[],
        rows: None,
    },
];

/// What is told of them.
pub(crate) fn all() -> Vec<Tool> {
    ROWS.iter().map(tool).collect()
}

fn tool(row: &Row) -> Tool {
    let mut properties = JsonObject::new();
    let mut required = Vec::new();
    if let Some(operand) = &row.operand {
        properties.insert(operand.name.to_owned(), json!({ "type": "string", "description": operand.help }));
        required.extend(operand.is_required.then_some(operand.name));
    }
    for choice in row.options {
        let schema = json!({ "type": "string", "enum": choice.words, "description": choice.help });
        properties.insert(choice.name.to_owned(), schema);
    }
    if let Some(default) = row.rows {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": default, "description": "How many, at most" });
        properties.insert("limit".to_owned(), schema);
    }
    let schema = JsonObject::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), properties.into()),
        ("required".to_owned(), json!(required)),
        ("additionalProperties".to_owned(), json!(false)),
    ]);
    let hints = ToolAnnotations::new().read_only(true).destructive(false).open_world(false);
    Tool::new(row.name, row.help, schema).with_annotations(hints)
}

/// The command that a call stands for; an error says what is wrong with the call.
pub(crate) fn words(name: &str, arguments: &JsonObject) -> Result<Vec<String>, String> {
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        let names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        return Err(format!("there is no such tool; there are {}", names.join(", ")));
    };
    let mut words = vec![row.command.to_owned()];
    let mut operand = None;
    for (name, value) in arguments {
        let choice = row.options.iter().find(|choice| choice.name == name);
        match value {
            Json::Null => {}
            Json::Number(number) if name == "limit" && row.rows.is_some() => {
                let number = number.as_u64().filter(|number| (1..=MAX_LIMIT).contains(number));
                let number = number.ok_or_else(|| format!("limit is a whole number from 1 to {MAX_LIMIT}"))?;
                words.push(format!("--limit={number}"));
            }
            Json::String(word) if choice.is_some_and(|choice| choice.words.contains(&word.as_str())) => {
                words.push(format!("--{name}={word}"));
            }
            Json::String(text) if row.operand.as_ref().is_some_and(|known| known.name == name) => operand = Some(text.clone()),
            _ => return Err(format!("{} takes no such value: {}", row.name, takes(row))),
        }
    }
    if !arguments.contains_key("limit")
        && let Some(rows) = row.rows
    {
        words.push(format!("--limit={rows}"));
    }
    match (&row.operand, operand.filter(|text| !text.trim().is_empty())) {
        (_, Some(text)) => words.extend(["--".to_owned(), text]),
        (Some(known), None) if known.is_required => return Err(format!("{} is missing: {}", known.name, takes(row))),
        _ => {}
    }
    Ok(words)
}

/// What a tool takes, for whoever got it wrong.
fn takes(row: &Row) -> String {
    let mut all: Vec<String> = row.operand.iter().map(|operand| format!("{} ({})", operand.name, operand.help)).collect();
    all.extend(row.options.iter().map(|choice| format!("{} ({})", choice.name, choice.words.join(", "))));
    all.extend(row.rows.map(|rows| format!("limit (1 to {MAX_LIMIT}, {rows} where it is left out)")));
    if all.is_empty() { format!("{} takes nothing", row.name) } else { format!("it takes {}", all.join("; ")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;

    #[test]
    fn every_tool_is_a_command_with_every_option_that_it_tells_of() {
        for row in &ROWS {
            let mut arguments = JsonObject::new();
            arguments.extend(row.operand.iter().map(|operand| (operand.name.to_owned(), json!("--store"))));
            for choice in row.options {
                for word in choice.words {
                    arguments.insert(choice.name.to_owned(), json!(word));
                    let words = words(row.name, &arguments).unwrap();
                    Args::try_parse_from(["campanile"].into_iter().map(str::to_owned).chain(words)).unwrap();
                }
            }
            let words = words(row.name, &arguments).unwrap();
            let parsed = Args::try_parse_from(["campanile", "--store=x"].into_iter().map(str::to_owned).chain(words)).unwrap();
            assert_eq!(parsed.store.as_deref(), Some("x".as_ref()), "what is asked for is never an option: {}", row.name);
        }
    }

    #[test]
    fn a_call_that_is_wrong_is_told_what_is_right() {
        let call = |name: &str, arguments: Json| words(name, arguments.as_object().unwrap());
        assert!(call("purge", json!({})).unwrap_err().contains("there are search, show"));
        assert!(call("search", json!({})).unwrap_err().contains("query is missing"));
        assert!(call("search", json!({ "query": "a", "limit": 0 })).unwrap_err().contains("1 to 200"));
        assert!(call("routes", json!({ "sort": "--json" })).unwrap_err().contains("requests, failed, p95, route"));
        assert!(call("running", json!({ "query": "a" })).unwrap_err().contains("takes nothing"));
        assert_eq!(call("routes", json!({ "query": "" })).unwrap(), ["routes", "--limit=50"]);
    }
}
