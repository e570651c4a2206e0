//! The parts of a page, from the top down.

use std::fmt::{Display, Write as _};

use super::units::{moment, ms};
use super::words::{called, detail, fields, head_of, header, is_whole_header, outcome, push, said, title, typed, why};
use super::{backtrace, body, load, timeline};
use crate::escape::escape;
use crate::record::{Body, Header, Kind, Record, Resource, SpanKind};
use crate::store::Stored;

/// Cells of the words on the left.
const LABEL: usize = 10;

/// The page of one record.
///
/// `fate` is what became of a request that has no record, `later` what its trace did outside any request.
pub(super) fn page(record: &Record, resource: &Resource, fate: Option<&str>, later: &[Stored], width: usize) -> String {
    let mut page = Page { out: String::new(), width };
    page.head(record, resource, fate);
    page.failures(record);
    if record.spans().len() > 0 {
        page.out.push('\n');
        for row in timeline::rows(record, width) {
            page.line(row.trim_end());
        }
    }
    page.calls(record);
    page.headers(("request", record), record.request_headers(), record.request_body_bytes(), record.request_body());
    let sent = record.status().map(|_| record.response_body_bytes());
    page.headers(("response", record), record.response_headers(), sent, record.response_body());
    page.headers(("trailers", record), record.trailers(), None, None);
    page.events(record);
    page.later(record, later);
    page.redactions(record);
    page.left_out(record);
    page.out
}

struct Page {
    out: String,
    width: usize,
}

impl Page {
    fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    /// A word on the left, and the text beside it.
    fn row(&mut self, label: &str, text: impl Display) {
        let _ = writeln!(self.out, "{label:LABEL$}{text}");
    }

    fn head(&mut self, record: &Record, resource: &Resource, fate: Option<&str>) {
        let left = title(record);
        let right = format!("{} · {}", record.span_id().to_short(), moment(record));
        let gap = self.width.saturating_sub(left.chars().count() + right.chars().count()).max(2);
        self.line(format_args!("{left}{:gap$}{right}", ""));
        if record.kind() == Kind::Request {
            self.row("outcome", outcome(record));
        }
        if let Some(met) = load::met(record) {
            self.row("load", met);
        }
        if let Some(process) = record.vitals().map(load::process).filter(|process| !process.is_empty()) {
            self.row("process", process);
        }
        if let Some(fate) = fate {
            self.row("outcome", fate);
        }
        let mut facts = Vec::new();
        push(&mut facts, "route", record.route());
        if let Some(head) = record.head_ns() {
            facts.push(format!("head after {}", ms(head)));
        }
        if let Some(first) = record.time_to_first_byte_ns().filter(|first| Some(*first) != record.head_ns()) {
            facts.push(format!("first byte after {}", ms(first)));
        }
        if let (Some(requests), Some(responses)) = (record.rpc_request_messages(), record.rpc_response_messages()) {
            facts.push(format!("messages {requests} in, {responses} out"));
        }
        push(&mut facts, "host", record.host());
        let peer = record.peer().map(|peer| peer.ip().to_canonical());
        let client = record.client_address().filter(|client| Some(*client) != peer);
        push(&mut facts, "client", client.map(|client| client.to_string()).as_deref());
        push(&mut facts, "peer", record.peer().map(|peer| peer.to_string()).as_deref());
        push(&mut facts, "probe", record.probe());
        push(&mut facts, "http", Some(record.protocol_version()));
        push(&mut facts, "service", resource.attribute("service.name"));
        push(&mut facts, "version", resource.attribute("service.version"));
        push(&mut facts, "revision", resource.attribute("vcs.ref.head.revision"));
        self.facts(&facts);
        if let Some(trace) = record.trace_id() {
            let parent = record.parent_span_id().map(|parent| format!(" · called by span {parent}")).unwrap_or_default();
            self.row("trace", format_args!("{trace}{parent}"));
        }
        if let Some((trace, span, _)) = record.linked_span() {
            self.row("link", format_args!("{trace} · the caller's, not continued · span {span}"));
        }
        if !record.request_id().is_empty() {
            let source = record.request_id_source().as_str();
            let refused = record.inbound_request_id().map(|id| format!(" · not taken: {}", escape(id))).unwrap_or_default();
            self.row("id", format_args!("{} ({source}){refused}", escape(record.request_id())));
        }
        if record.kind() == Kind::Request {
            self.row("detail", detail(record));
        }
        if record.attributes().next().is_some() {
            self.row("set", fields(record.attributes()).trim_start());
        }
    }

    /// Short facts side by side, as many in a line as it has room for.
    fn facts(&mut self, facts: &[String]) {
        let (mut label, mut text) = ("about", String::new());
        for fact in facts {
            if !text.is_empty() && LABEL + text.chars().count() + 3 + fact.chars().count() > self.width {
                self.row(label, std::mem::take(&mut text));
                label = "";
            }
            let separator = if text.is_empty() { "" } else { " · " };
            let _ = write!(text, "{separator}{fact}");
        }
        if !text.is_empty() {
            self.row(label, text);
        }
    }

    fn failures(&mut self, record: &Record) {
        for failure in record.failures() {
            self.out.push('\n');
            self.row(failure.kind().as_str(), head_of(failure));
            for cause in failure.causes() {
                self.row("", format_args!("├ caused by: {}", typed(cause.type_name(), cause.message())));
            }
            if let Some(file) = failure.file() {
                let line = failure.line().map(|line| format!(":{line}")).unwrap_or_default();
                self.row("", format_args!("└ {}{line}  +{}", escape(file), ms(failure.time_ns())));
            }
            for span in failure.spans() {
                self.row("", format_args!("  in {}{}", escape(span.name()), fields(span.fields())));
            }
            for line in backtrace::lines(&failure) {
                self.row("", format_args!("  {line}"));
            }
        }
        if let Some(group) = record.group() {
            let key = record.group_key().map(|key| format!("  {}", escape(key))).unwrap_or_default();
            self.out.push('\n');
            self.row("group", format_args!("{group}{key}"));
        }
    }

    /// Outgoing requests: when, whom, and how it ended.
    fn calls(&mut self, record: &Record) {
        let mut label = "calls";
        for call in record.spans().filter(|span| span.kind() == SpanKind::Client) {
            if !label.is_empty() {
                self.out.push('\n');
            }
            let after = format!("+{}", ms(call.start_ns()));
            self.row(label, format_args!("{after:>11}  {}", called(&call)));
            label = "";
        }
    }

    fn headers<'a>(
        &mut self,
        (side, record): (&str, &Record),
        headers: impl Iterator<Item = Header<'a>>,
        bytes: Option<u64>,
        body: Option<Body<'_>>,
    ) {
        let mut rows: Vec<String> = headers.map(|it| header(it, record)).collect();
        if let Some(bytes) = bytes {
            rows.push(body::title(bytes, body));
        }
        rows.extend(body.iter().flat_map(|body| body::lines(body.content())));
        let mut label = side;
        for row in rows {
            if label == side {
                self.out.push('\n');
            }
            self.row(label, row);
            label = "";
        }
    }

    fn events(&mut self, record: &Record) {
        let mut label = "events";
        for event in record.events() {
            if !label.is_empty() {
                self.out.push('\n');
            }
            let after = format!("+{}", ms(event.time_ns()));
            self.row(label, format_args!("{after:>11}  {}", said(event)));
            label = "";
        }
    }

    fn later(&mut self, record: &Record, later: &[Stored]) {
        let mut label = "later";
        for stored in later {
            if !label.is_empty() {
                self.out.push('\n');
            }
            let outside = stored.record();
            let after = format!("+{}", ms(outside.start_unix_ns().saturating_sub(record.start_unix_ns())));
            for line in said_outside(outside) {
                self.row(label, format_args!("{after:>11}  {line}"));
                label = "";
            }
        }
    }

    /// What was taken out of everything but whole headers, which say so themselves.
    fn redactions(&mut self, record: &Record) {
        let mut label = "redacted";
        for redaction in record.redactions().filter(|redaction| !is_whole_header(*redaction, record)) {
            if !label.is_empty() {
                self.out.push('\n');
            }
            let key = redaction.key().map(|key| format!(" {}", escape(key))).unwrap_or_default();
            self.row(label, format_args!("{}{key}: {}", escape(redaction.place()), why(redaction)));
            label = "";
        }
    }

    fn left_out(&mut self, record: &Record) {
        let dropped = record.dropped();
        let counts = [
            (dropped.headers, "headers"),
            (dropped.fields, "fields"),
            (dropped.spans, "spans"),
            (dropped.events, "events"),
            (dropped.failures, "errors"),
        ];
        let counts: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, of)| format!("{count} {of}")).collect();
        if !counts.is_empty() {
            self.out.push('\n');
            self.row("left out", format_args!("{}: the record was full", counts.join(", ")));
        }
        if dropped.thinned > 0 && record.kept().is_some() {
            self.out.push('\n');
            let many = if dropped.thinned == 1 { "event or span" } else { "events and spans" };
            self.row("thinned", format_args!("{} {many} gave way to later ones: the record was full", dropped.thinned));
        }
    }
}

/// What happened outside any request, a line for each call, span and event.
pub(super) fn said_outside(outside: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for call in outside.spans().filter(|span| span.kind() == SpanKind::Client) {
        lines.push(format!("call   {}", called(&call)));
    }
    for span in outside.spans().filter(|span| span.kind() != SpanKind::Client) {
        lines.push(format!("span   {} in {}{}", escape(span.name()), ms(span.duration_ns()), fields(span.fields())));
    }
    lines.extend(outside.events().map(said));
    lines
}
