//! What went wrong, under the line of the request.

use std::fmt::Write as _;

use super::Look;
use super::cells::{clean, cut_end, duration, fill};
use super::event;
use super::request::AFTER_TIME;
use crate::exporter::call::Call;
use crate::record::{Event, Failure, FailureKind, GroupId, Record, Span, SpanKind};

const MAX_FAILURES: usize = 4;
const MAX_EVENTS: usize = 3;
const MAX_CALLS: usize = 3;
/// Spans around a failure, innermost first, and what is shown of each.
const MAX_SPANS: usize = 4;
const MAX_FIELDS: usize = 4;
const MAX_VALUE: usize = 40;
/// Cells of one text; long messages wrap rather than lose their end.
const MAX_TEXT: usize = 600;

/// Whether something panicked for a request, although it may have been answered.
pub(super) fn has_panic(record: &Record) -> bool {
    record.failures().any(|failure| failure.kind() == FailureKind::Panic)
}

/// Whether a line of the log has told of it while the request ran.
pub(super) fn was_shown(failure: &Failure<'_>) -> bool {
    failure.kind() != FailureKind::Panic && failure.event().is_some_and(|event| event.was_shown())
}

/// Appends the failures of a failed request, each with its chain and its place, and the newest events that were not
/// shown while it ran. An error whose line of the log was shown is not told again.
pub(super) fn write(out: &mut String, look: &Look, record: &Record) {
    let failures = record.failures().filter(|failure| !was_shown(failure));
    for failure in failures.clone().take(MAX_FAILURES) {
        write_failure(out, failure, record.group_of(&failure));
    }
    let more = failures.count().saturating_sub(MAX_FAILURES);
    if more > 0 {
        branch(out, AFTER_TIME, "└", &format!("and {more} more"));
    }
    for call in failed_calls(record) {
        let took = duration(call.duration_ns());
        branch(out, AFTER_TIME, "└", &format!("call {} after {took}", clean(&Call(call).to_string())));
    }
    let is_told = |event: &Event<'_>| record.failures().any(|failure| failure.is_told_by(event));
    let unseen = record.events().filter(|event| !event.was_shown() && !is_told(event));
    let hidden = unseen.clone().count().saturating_sub(MAX_EVENTS);
    for (index, event) in unseen.skip(hidden).enumerate() {
        fill(out, AFTER_TIME + 4);
        event::write_body(out, look, &event);
        if index == 0 && hidden > 0 {
            let _ = write!(out, "  (+{hidden} before)");
        }
        out.push('\n');
    }
}

/// Appends what caused an error outside any request, and where it was, under the line of its event.
pub(super) fn write_outside(out: &mut String, record: &Record, event: &Event<'_>) {
    // An event of the application's own has said it among its fields.
    if event.name() == Some("exception")
        && let Some(failure) = record.failure()
    {
        write_children(out, failure, None);
    }
}

/// Outgoing requests that were answered with an error; of those without an answer there is an event.
fn failed_calls(record: &Record) -> impl Iterator<Item = Span<'_>> {
    let has_status =
        |span: &Span<'_>| span.field("http.response.status_code").is_some() || span.field("rpc.response.status_code").is_some();
    let is_failed = move |span: &Span<'_>| span.kind() == SpanKind::Client && span.error_type().is_some() && has_status(span);
    record.spans().filter(is_failed).take(MAX_CALLS)
}

fn write_failure(out: &mut String, failure: Failure<'_>, group: Option<GroupId>) {
    let head = match failure.kind() {
        FailureKind::Panic => format!("panicked: {}", clean(failure.message())),
        _ => typed(failure.type_name(), failure.message()),
    };
    branch(out, AFTER_TIME, "└", &head);
    write_children(out, failure, group);
}

/// What caused it, the spans that it happened in, and the place.
fn write_children(out: &mut String, failure: Failure<'_>, group: Option<GroupId>) {
    let causes = failure.causes().map(|cause| format!("caused by: {}", typed(cause.type_name(), cause.message())));
    let place = failure.file().map(|file| match failure.line() {
        Some(line) => format!("{}:{line}", clean(file)),
        None => clean(file),
    });
    let group = group.map(|group| format!("group {}", group.to_short()));
    let last = [place, group].into_iter().flatten().collect::<Vec<_>>().join("  ");
    let spans: Vec<_> = failure.spans().take(MAX_SPANS).map(span).collect();
    let spans = (!spans.is_empty()).then(|| format!("in {}", spans.join(" < ")));
    let mut children = causes.chain(spans).chain(Some(last).filter(|last| !last.is_empty())).peekable();
    while let Some(child) = children.next() {
        branch(out, AFTER_TIME + 2, if children.peek().is_some() { "├" } else { "└" }, &child);
    }
}

/// `name{field=value field=value}`.
fn span(span: Span<'_>) -> String {
    let values = span.fields().take(MAX_FIELDS).map(|field| {
        let value = cut_end(&clean(&field.value().to_string()), MAX_VALUE);
        format!("{}={value}", clean(field.name()))
    });
    let values: Vec<_> = values.collect();
    let name = clean(span.name());
    if values.is_empty() { name } else { format!("{name}{{{}}}", values.join(" ")) }
}

fn branch(out: &mut String, indent: usize, mark: &str, text: &str) {
    fill(out, indent);
    let _ = writeln!(out, "{mark} {}", cut_end(text, MAX_TEXT));
}

/// `Type: message`, with the last segment of the type's path; of `std::io::error::Error` that is `io::Error`.
fn typed(type_name: Option<&str>, message: &str) -> String {
    let Some(name) = type_name else { return clean(message) };
    // Of a type with parameters only what stands before them has segments that mean something.
    let (path, parameters) = name.find('<').map_or((name, ""), |at| name.split_at(at));
    let mut segments = path.rsplit("::");
    let last = segments.next().unwrap_or(path);
    let of = segments.find(|segment| *segment != "error").filter(|_| last == "Error");
    let of = of.map(|segment| format!("{}::", clean(segment))).unwrap_or_default();
    format!("{of}{}{}: {}", clean(last), clean(parameters), clean(message))
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn an_error_that_is_only_called_error_has_its_module_before_it() {
        for (name, text) in [
            ("std::io::error::Error", "io::Error: x"),
            ("hyper::Error", "hyper::Error: x"),
            ("Error", "Error: x"),
            ("shop::checkout::CheckoutError", "CheckoutError: x"),
        ] {
            assert_eq!(typed(Some(name), "x"), text);
        }
    }
}
