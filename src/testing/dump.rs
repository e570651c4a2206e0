//! A record in lines for people.

use std::fmt::{self, Display, Write as _};

use crate::escape::escape;
use crate::record::{Body, Event, Failure, Field, Header, Kind, Record, Span};

/// Every text of the record, a line for each thing.
pub(super) fn dump(record: &Record) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "  {name:<17} {text}");
    };
    if record.kind() == Kind::Request {
        line("request", &head(record));
        line("route", &escape(record.route().unwrap_or("none")).to_string());
        if let Some(query) = record.query() {
            line("query", &escape(query).to_string());
        }
        line("request id", &escape(record.request_id()).to_string());
        for (name, text) in [("host", record.host()), ("user agent", record.user_agent())] {
            if let Some(text) = text {
                line(name, &escape(text).to_string());
            }
        }
        if let Some(client) = record.client_address() {
            line("client", &client.to_string());
        }
    }
    if let Some(trace) = record.trace_id() {
        line("trace", &format!("{trace}  span {}", record.span_id()));
    }
    if let Some(error) = record.error_type() {
        line("failed", &escape(error).to_string());
    }
    record.attributes().for_each(|field| line("attribute", &Shown(field).to_string()));
    record.request_headers().for_each(|header| line("request header", &of_header(header)));
    record.response_headers().for_each(|header| line("response header", &of_header(header)));
    record.trailers().for_each(|header| line("trailer", &of_header(header)));
    for (name, body) in [("request body", record.request_body()), ("response body", record.response_body())] {
        if let Some(body) = body {
            line(name, &of_body(body));
        }
    }
    record.spans().for_each(|span| line("span", &of_span(span)));
    record.events().for_each(|event| line("event", &of_event(event)));
    for failure in record.failures() {
        line("error", &of_failure(failure));
        for cause in failure.causes() {
            line("  caused by", &named(cause.type_name(), cause.message()));
        }
    }
    let dropped = record.dropped();
    if dropped != Default::default() {
        line("had no room for", &format!("{dropped:?}"));
    }
    out
}

/// Method, path, status and how it ended.
fn head(record: &Record) -> String {
    let (method, path) = (escape(record.method()), escape(record.path()));
    let status = record.status().map_or("no status".to_owned(), |status| status.to_string());
    format!("{method} {path} -> {status}, {}", record.outcome())
}

struct Shown<'a>(Field<'a>);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", escape(self.0.name()), escape(&self.0.value().to_string()))
    }
}

fn with_fields<'a>(mut text: String, fields: impl Iterator<Item = Field<'a>>) -> String {
    fields.for_each(|field| {
        let _ = write!(text, "  {}", Shown(field));
    });
    text
}

fn of_header(header: Header<'_>) -> String {
    match header.value() {
        Some(value) => format!("{}: {}", escape(header.name()), escape(value)),
        None => format!("{}: (withheld, {} bytes)", escape(header.name()), header.len_bytes()),
    }
}

fn of_body(body: Body<'_>) -> String {
    match body.skipped() {
        Some(why) => format!("{} bytes, not kept: {why}", body.seen_bytes()),
        None => format!("{} of {} bytes: {}", body.kept_bytes(), body.seen_bytes(), escape(body.content())),
    }
}

fn of_span(span: Span<'_>) -> String {
    with_fields(format!("{} {}: {}", span.level(), escape(span.target()), escape(span.name())), span.fields())
}

fn of_event(event: Event<'_>) -> String {
    let text = format!("{} {}: {}", event.level(), escape(event.target()), escape(event.message()));
    with_fields(text, event.fields())
}

fn of_failure(failure: Failure<'_>) -> String {
    let mut text = format!("{} {}", failure.kind().as_str(), named(failure.type_name(), failure.message()));
    if let Some((file, line)) = failure.file().zip(failure.line()) {
        let _ = write!(text, "  at {}:{line}", escape(file));
    }
    text
}

fn named(type_name: Option<&str>, message: &str) -> String {
    match type_name {
        Some(name) => format!("{}: {}", escape(name), escape(message)),
        None => escape(message).to_string(),
    }
}

/// How many of them there are and which, as the end of a sentence.
pub(super) struct Count<'a>(pub(super) &'a [Record]);

/// Records that are shown in full.
const SHOWN: usize = 10;

impl Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 => return f.write_str("none arrived"),
            1 => f.write_str("1 arrived:")?,
            count => write!(f, "{count} arrived:")?,
        }
        for (index, record) in self.0.iter().take(SHOWN).enumerate() {
            // Its first line says the same as this one.
            let dump = dump(record);
            let rest = dump.split_once('\n').map_or("", |(_, rest)| rest.trim_end());
            write!(f, "\n{}. {}\n{rest}", index + 1, head(record))?;
        }
        match self.0.len().checked_sub(SHOWN) {
            Some(more) if more > 0 => write!(f, "\nand {more} more"),
            _ => Ok(()),
        }
    }
}

/// What happened outside any request, which explains some absences.
pub(super) fn outside(records: &[Record]) -> String {
    let mut out = String::new();
    for record in records.iter().filter(|record| record.kind() != Kind::Request).take(SHOWN) {
        let _ = write!(out, "\noutside any request:\n{}", dump(record).trim_end());
    }
    out
}
