//! The line of an event or a span, set off from the lines of requests.

use std::fmt::Write as _;

use tracing::Level;

use super::Look;
use super::cells::{clean, cut_end, duration, fill, pad_left};
use super::paint::Colour;
use crate::exporter::call::Call;
use crate::record::{Event, Field, Kind, Losses, Record, Span, SpanKind};

/// Cells between the time and what follows: levels end where statuses end.
const LEVEL: usize = 11;
/// Cells of one message; a long one wraps rather than lose its end.
const MAX_TEXT: usize = 1_000;
const MAX_VALUE: usize = 200;
const MAX_FIELDS: usize = 24;

/// Appends the line of one event; one inside a request ends with the request's id.
pub(super) fn write(out: &mut String, look: &Look, record: &Record, event: &Event<'_>) {
    look.time(out, event.unix_ns());
    fill(out, LEVEL.saturating_sub(5));
    write_body(out, look, event);
    if record.kind() == Kind::Live {
        let _ = write!(out, "  {}", record.span_id().to_short());
    }
    out.push('\n');
}

/// Appends level, target, message and fields.
pub(super) fn write_body(out: &mut String, look: &Look, event: &Event<'_>) {
    level(out, look, event.level());
    let _ = write!(out, "  {}:", cut_end(&clean(event.target()), 60));
    if !event.message().is_empty() {
        let _ = write!(out, " {}", cut_end(&clean(event.message()), MAX_TEXT));
    }
    fields(out, event.fields());
}

/// Appends the line of one span outside any request; of an outgoing request, whom it asked and how that ended.
pub(super) fn write_span(out: &mut String, look: &Look, record: &Record, span: &Span<'_>) {
    look.time(out, record.start_unix_ns().saturating_add(span.start_ns()));
    fill(out, LEVEL.saturating_sub(4));
    let is_call = span.kind() == SpanKind::Client;
    out.push_str(if is_call { "call  " } else { "span  " });
    pad_left(out, &duration(span.duration_ns()), 7);
    if is_call {
        let _ = writeln!(out, "  {}", cut_end(&clean(&Call(*span).to_string()), MAX_TEXT));
        return;
    }
    let _ = write!(out, "  {}", cut_end(&clean(span.name()), 100));
    fields(out, span.fields());
    out.push('\n');
}

/// Appends the line about records that were dropped.
pub(super) fn write_losses(out: &mut String, look: &Look, losses: &Losses, unix_ns: u64) {
    look.time(out, unix_ns);
    fill(out, LEVEL.saturating_sub(5));
    level(out, look, Level::WARN);
    let _ = writeln!(out, "  campanile: {} records dropped: {losses}", losses.total());
}

fn level(out: &mut String, look: &Look, level: Level) {
    let colour = match level {
        Level::ERROR => Some(Colour::Bad),
        Level::WARN => Some(Colour::Warning),
        Level::INFO => Some(Colour::Good),
        Level::DEBUG | Level::TRACE => Some(Colour::Calm),
    };
    let mut cell = String::new();
    pad_left(&mut cell, level.as_str(), 5);
    look.paint.push(out, &cell, colour);
}

fn fields<'a>(out: &mut String, fields: impl Iterator<Item = Field<'a>> + Clone) {
    for field in fields.clone().take(MAX_FIELDS) {
        let value = cut_end(&clean(&field.value().to_string()), MAX_VALUE);
        let _ = write!(out, "  {}={value}", cut_end(&clean(field.name()), 60));
    }
    let more = fields.count().saturating_sub(MAX_FIELDS);
    if more > 0 {
        let _ = write!(out, "  (+{more} fields)");
    }
}
