//! The command of curl.

use std::fmt::Write as _;

use super::shell::{printed, shown, word};
use super::{Command, Request};
use crate::record::Record;

/// What curl says in a request that does not.
const CURL_SAYS: [&str; 2] = ["accept", "user-agent"];

/// The command of curl that sends a recorded request again, for a POSIX shell; `None` where the record is of no request.
///
/// It sends the method, the headers and the body as they were stored. `base` is sent to in place of the host that was asked.
#[must_use]
pub fn curl(record: &Record, base: Option<&str>) -> Option<Command> {
    Some(Request::of(record, base)?.curl())
}

pub(super) fn command(request: &Request) -> Command {
    let mut out = String::from("curl --globoff --path-as-is");
    match request.method.as_str() {
        "GET" if request.body.is_empty() => {}
        // With -X curl would wait for a body that never comes.
        "HEAD" => out.push_str(" --head"),
        method => out.push_str(&format!(" -X {}", word(method))),
    }
    let _ = write!(out, " {}", word(&request.url));
    let mut line = |text: &str| out.push_str(&format!(" \\\n  {text}"));
    for (name, value) in &request.headers {
        // A header without a value is written with a semicolon, or it would be taken away.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        line(&format!("-H {}", word(&header)));
    }
    let says = |name: &str| request.headers.iter().any(|(known, _)| known == name);
    for name in CURL_SAYS.into_iter().filter(|name| !says(name)) {
        line(&format!("-H '{name}:'"));
    }
    if !request.body.is_empty() {
        if !says("content-type") {
            line("-H 'content-type:'");
        }
        match shown(&request.body) {
            Some(text) => line(&format!("--data-raw {}", word(text))),
            None => out = format!("printf '{}' |\n{out} \\\n  --data-binary @-", printed(&request.body)),
        }
    }
    out.push('\n');
    Command { text: out, notes: request.notes().to_vec() }
}
