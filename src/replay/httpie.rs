//! The command of HTTPie.

use std::fmt::Write as _;

use super::shell::{printed, shown, word};
use super::{Command, Note, Request};
use crate::record::Record;

/// What HTTPie says in a request that does not; the last one only of a body.
const HTTPIE_SAYS: [&str; 5] = ["accept", "accept-encoding", "connection", "user-agent", "content-type"];

/// The command of HTTPie that sends a recorded request again, for a POSIX shell; `None` where the record is of no request.
///
/// As [`curl`](super::curl()), except that HTTPie encodes what a URL should not hold, such as `{`.
#[must_use]
pub fn httpie(record: &Record, base: Option<&str>) -> Option<Command> {
    Some(Request::of(record, base)?.httpie())
}

pub(super) fn command(request: &Request) -> Command {
    let body = shown(&request.body).filter(|text| !text.is_empty());
    // What it reads from a pipe is the body.
    let is_piped = !request.body.is_empty() && body.is_none();
    let mut out = format!("http{} --path-as-is", if is_piped { "" } else { " --ignore-stdin" });
    if let Some(text) = body {
        let _ = write!(out, " \\\n  --raw {} \\\n ", word(text));
    }
    let _ = write!(out, " {} {}", word(&request.method), word(&request.url));
    let mut unsayable = Vec::new();
    for (name, value) in &request.headers {
        match item(name, value) {
            Some(item) => {
                let _ = write!(out, " \\\n  {}", word(&item));
            }
            None => unsayable.push(name.clone()),
        }
    }
    for name in HTTPIE_SAYS {
        let is_said = request.headers.iter().any(|(known, _)| known == name);
        if !is_said && (name != "content-type" || !request.body.is_empty()) {
            let _ = write!(out, " \\\n  {name}:");
        }
    }
    if is_piped {
        out = format!("printf '{}' |\n{out}", printed(&request.body));
    }
    out.push('\n');
    let mut notes = request.notes().to_vec();
    if !unsayable.is_empty() {
        notes.push(Note::Unsayable(unsayable));
    }
    Command { text: out, notes }
}

/// A header as an item of HTTPie; `None` where a backslash stands before what separates: no item says that.
fn item(name: &str, value: &str) -> Option<String> {
    let is_separator = |c: char| ":;=@".contains(c);
    if value.is_empty() {
        return Some(format!("{name};"));
    }
    if value.split('\\').skip(1).any(|after| after.starts_with(is_separator)) {
        return None;
    }
    // `:=` and `:@` mean something else.
    let mark = if value.starts_with(is_separator) { "\\" } else { "" };
    Some(format!("{name}:{mark}{value}"))
}
