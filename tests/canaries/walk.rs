//! Everything that a record says through its public methods.

use std::fmt::Debug;

use campanile::record::{Event, Failure, Record, Span};

/// As text, for searching.
pub(crate) fn walk(record: &Record) -> String {
    let mut out = format!("{record:?}\n");
    let mut say = |name: &str, value: &dyn Debug| out.push_str(&format!("{name}: {value:?}\n"));
    say("kind", &record.kind());
    say("trace_id", &record.trace_id());
    say("trace_state", &record.trace_state());
    say("request_id", &record.request_id());
    say("inbound_request_id", &record.inbound_request_id());
    say("linked_span", &record.linked_span());
    say("method", &record.method());
    say("route", &record.route());
    say("path", &record.path());
    say("query", &record.query());
    say("scheme", &record.scheme());
    say("host", &record.host());
    say("peer", &record.peer());
    say("client_address", &record.client_address());
    say("probe", &record.probe());
    say("user_agent", &record.user_agent());
    say("error_type", &record.error_type());
    for body in record.request_body().into_iter().chain(record.response_body()) {
        say("body", &(body, body.content(), body.skipped()));
    }
    for redaction in record.redactions() {
        say("redaction", &(redaction, redaction.place(), redaction.key(), redaction.rule()));
    }
    for header in record.request_headers().chain(record.response_headers()).chain(record.trailers()) {
        say("header", &(header, header.name(), header.value()));
    }
    for field in record.attributes() {
        say("attribute", &(field, field.name(), field.value()));
    }
    out.extend(record.spans().map(|item| span(&item)));
    out.extend(record.events().map(|item| event(&item)));
    out.extend(record.failures().map(|item| failure(&item)));
    out
}

fn span(span: &Span<'_>) -> String {
    let fields: Vec<_> = span.fields().map(|field| (field, field.name(), field.value().to_string())).collect();
    format!("{span:?} {} {} {:?} {:?} {fields:?}\n", span.name(), span.target(), span.file(), span.error_type())
}

fn event(event: &Event<'_>) -> String {
    let fields: Vec<_> = event.fields().map(|field| (field, field.name(), field.value().to_string())).collect();
    format!("{event:?} {} {} {:?} {fields:?}\n", event.message(), event.target(), event.file())
}

fn failure(failure: &Failure<'_>) -> String {
    let causes: Vec<_> = failure.causes().map(|cause| (cause, cause.type_name(), cause.message())).collect();
    let place = (failure.type_name(), failure.file(), failure.backtrace());
    format!("{failure:?} {} {place:?} {causes:?}\n", failure.message())
}
