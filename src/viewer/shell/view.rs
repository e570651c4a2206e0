//! What can be read before the script has done anything.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{Html, Page};

/// A view of the answer to the page's own question.
pub(super) fn of(page: Page<'_>, answer: &Json, text: Option<&str>, base: &str) -> String {
    if let Some(problem) = answer["error"].as_str() {
        return format!("<h1>{}</h1>\n<p role=\"alert\">{}</p>", page.title(), Html(problem));
    }
    match page {
        Page::List => list(answer, base),
        Page::Request(_) => request(answer, text, base),
        _ => format!("<h1>{}</h1>\n<pre>{}</pre>", page.title(), lines(answer)),
    }
}

fn list(answer: &Json, base: &str) -> String {
    let rows = answer["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = String::from("<h1>Requests</h1>\n");
    if let Some(notice) = answer.pointer("/notice/message").and_then(Json::as_str) {
        let _ = writeln!(out, "<p>{}</p>", Html(notice));
    }
    if rows.is_empty() {
        out.push_str("<p>Nothing is stored yet.</p>");
        return out;
    }
    out.push_str(&table(rows, base));
    out
}

fn table(rows: &[Json], base: &str) -> String {
    let mut out = String::from(
        "<table>\n<thead><tr><th>Request</th><th>Status</th><th>Took</th><th>What</th><th>Error</th></tr></thead>\n<tbody>\n",
    );
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let word = |place: &str| row.pointer(place).and_then(Json::as_str);
        let what = match text("method") {
            "" => text("message").to_owned(),
            method => format!("{method} {}", text("path")),
        };
        let error = word("/error/message").filter(|text| !text.is_empty()).or_else(|| word("/error/type"));
        let _ = writeln!(
            out,
            "<tr><td><a href=\"{base}r/{id}\">{short}</a></td><td>{status}</td><td>{took:.1} ms</td><td>{what}</td><td>{error}</td></tr>",
            id = Html(text("id")),
            short = Html(text("short")),
            status = row["status"].as_u64().map_or_else(|| Html("").to_string(), |status| status.to_string()),
            took = row["ms"].as_f64().unwrap_or_default(),
            what = Html(&what),
            error = Html(error.unwrap_or_default()),
        );
    }
    out.push_str("</tbody>\n</table>");
    out
}

fn request(answer: &Json, text: Option<&str>, base: &str) -> String {
    if let Some(matches) = answer["matches"].as_array() {
        return format!("<h1>Several requests have this id</h1>\n{}", table(matches, base));
    }
    let record = &answer["record"];
    let word = |name: &str| record[name].as_str().unwrap_or_default();
    let status = record["status"].as_u64().map(|status| status.to_string()).unwrap_or_default();
    let title = match word("method") {
        "" => word("message").to_owned(),
        method => format!("{method} {} {status}", word("path")),
    };
    let mut out = format!("<h1>{}</h1>\n", Html(&title));
    let error = &record["error"];
    if !error.is_null() {
        let (name, message) = (error["type"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default());
        let _ = writeln!(out, "<p><strong>{}</strong> {}</p>", Html(name), Html(message));
    }
    if let Some(text) = text {
        // The page is escaped already, line by line.
        let _ = write!(out, "<pre>{}</pre>", lines(&Json::from(text)));
    }
    out
}

/// JSON, or a text, as lines.
fn lines(answer: &Json) -> String {
    let text = match answer {
        Json::String(text) => text.clone(),
        answer => serde_json::to_string_pretty(answer).unwrap_or_default(),
    };
    text.lines().map(|line| format!("{}\n", Html(line))).collect()
}
