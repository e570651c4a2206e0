//! A test in Rust.

use std::fmt::Write as _;

use super::request::Origin;
use super::shell::is_shown;
use super::{Command, Request};
use crate::record::Record;

/// A test in Rust that gives a recorded request to an axum application and expects the status that was recorded; `None` where
/// the record is of no request.
///
/// It calls `app()` for the `Router`, and needs `tokio` and `tower` with its feature `util` among the dev-dependencies.
#[must_use]
pub fn rust_test(record: &Record) -> Option<Command> {
    Some(Request::of(record, None)?.rust_test())
}

pub(super) fn code(request: &Request) -> Command {
    let origin = request.origin();
    let status = origin.and_then(|origin| origin.status);
    let mut out = String::new();
    if let Some(Origin { id, .. }) = origin {
        let _ = writeln!(out, "// campanile show {id}");
    }
    for note in request.notes() {
        let _ = writeln!(out, "// {note}");
    }
    let _ = write!(
        out,
        "#[tokio::test]
async fn {}() {{
    use axum::body::{{Body, to_bytes}};
    use axum::http::Request;
    use tower::ServiceExt as _;

    let request = Request::builder()
        .method({})
        .uri({})
",
        name(request, status),
        text(&request.method),
        text(request.target()),
    );
    for (name, value) in &request.headers {
        let _ = writeln!(out, "        .header({}, {})", text(name), text(value));
    }
    let body = match std::str::from_utf8(&request.body) {
        Ok("") => "Body::empty()".to_owned(),
        Ok(body) => format!("Body::from({})", text(body)),
        Err(_) => format!("Body::from({:?}.to_vec())", request.body),
    };
    let expected = match status {
        Some(status) => format!("    assert_eq!(response.status.as_u16(), {status}, \"{{body}}\");\n"),
        None => "    assert!(response.status.is_success(), \"{body}\");\n".to_owned(),
    };
    let (response, bytes) = ("app().oneshot(request).await.unwrap()", "to_bytes(body, usize::MAX).await.unwrap()");
    let _ = write!(
        out,
        "        .body({body})
        .unwrap();
    let (response, body) = {response}.into_parts();
    let body = {bytes};
    let body = String::from_utf8_lossy(&body);
{expected}}}
"
    );
    Command { text: out, notes: request.notes().to_vec() }
}

/// A name such as `post_orders_id_checkout_is_answered_with_502`.
fn name(request: &Request, status: Option<u16>) -> String {
    let path = request.origin().and_then(|origin| origin.route.as_deref());
    let path = path.unwrap_or_else(|| request.target().split('?').next().unwrap_or_default());
    let mut name = String::new();
    for c in format!("{} {path}", request.method).chars().take(80) {
        match c.is_ascii_alphanumeric() {
            true => name.push(c.to_ascii_lowercase()),
            false if !name.ends_with('_') && !name.is_empty() => name.push('_'),
            false => {}
        }
    }
    let name = name.trim_end_matches('_');
    let name = if name.starts_with(|c: char| c.is_ascii_lowercase()) { name.to_owned() } else { format!("request_{name}") };
    match status {
        Some(status) => format!("{name}_is_answered_with_{status}"),
        None => format!("{name}_is_answered"),
    }
}

/// A literal that stands for exactly this text: raw where that reads better.
fn text(text: &str) -> String {
    let is_raw = text.contains(['"', '\\', '\n']) && text.chars().all(|c| is_shown(c) && c != '\r');
    if !is_raw {
        return literal(text);
    }
    // As many marks as no run of them behind a quote has.
    let mut marks = 1;
    while text.contains(&format!("\"{}", "#".repeat(marks))) && marks < 255 {
        marks += 1;
    }
    let marks = "#".repeat(marks);
    if text.contains(&format!("\"{marks}")) { literal(text) } else { format!("r{marks}\"{text}\"{marks}") }
}

fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if is_shown(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_it_reads_best_and_means_the_same() {
        assert_eq!(text("plain ü"), "\"plain ü\"");
        assert_eq!(text(r#"{"a":1}"#), r##"r#"{"a":1}"#"##);
        assert_eq!(text("a\"#b"), "r##\"a\"#b\"##");
        assert_eq!(text("a\u{1b}\r\"\u{202e}"), "\"a\\u{1b}\\u{d}\\\"\\u{202e}\"");
    }

    #[test]
    fn a_test_is_named_after_its_request() {
        let name = |method: &str, url: &str| name(&Request::new(method, url), Some(502));
        assert_eq!(name("POST", "http://x/orders/17/checkout?a=1"), "post_orders_17_checkout_is_answered_with_502");
        assert_eq!(name("GET", "http://x"), "get_is_answered_with_502");
        assert_eq!(name("-", "http://x/1/ü"), "request_1_is_answered_with_502");
    }
}
