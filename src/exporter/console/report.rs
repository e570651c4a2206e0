//! The line about a request that is still running.

use std::fmt::Write as _;

use super::Look;
use super::cells::{clean, cut_middle, duration, size};
use super::cells::{cut_end, fill, pad, pad_left};
use super::request::{AFTER_TIME, GAP, METHOD, STATUS, route};
use crate::record::{Outcome, Record, Value};

/// Appends the line: the time of the report, and under the columns of requests what is known so far.
pub(super) fn write(out: &mut String, look: &Look, record: &Record) {
    look.time(out, record.end_unix_ns());
    pad(out, &cut_end(&clean(record.method()), METHOD + 1), METHOD + GAP);
    pad_left(out, "…", STATUS);
    fill(out, GAP);
    let text = format!("still running {}  ", duration(record.duration_ns()));
    let progress = format!("  {}  {}", progress(record), record.span_id().to_short());
    let used = AFTER_TIME + METHOD + GAP + STATUS + GAP + text.chars().count() + progress.chars().count();
    let room = look.width.saturating_sub(used).max(8);
    let _ = writeln!(out, "{text}{}{progress}", cut_middle(&route(record), room));
}

/// What was sent so far.
fn progress(record: &Record) -> String {
    let sent = size(record.response_body_bytes());
    let is_upgrade = record.outcome() == Outcome::Upgraded;
    match record.attribute("campanile.frames") {
        Some(Value::U64(messages)) if is_upgrade => format!("upgraded, {messages} messages"),
        _ if is_upgrade => "upgraded".to_owned(),
        Some(Value::U64(frames)) => format!("{sent}, {frames} frames"),
        _ if record.status().is_some() => format!("{sent} sent"),
        _ => "no answer yet".to_owned(),
    }
}
