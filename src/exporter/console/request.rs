//! The line of a request.

use std::fmt::Write as _;

use super::cells::{clean, cut_end, cut_middle, duration, fill, pad, pad_left, size, width};
use super::paint::Colour;
use super::{Look, tree};
use crate::record::{ErrorClass, Outcome, Record, rpc_code};

pub(super) const METHOD: usize = 6;
pub(super) const STATUS: usize = 3;
pub(super) const DURATION: usize = 7;
const SIZES: usize = 11;
const ID: usize = 8;
pub(super) const GAP: usize = 2;
/// Space, `HH:MM:SS.mmm`, gap.
pub(super) const AFTER_TIME: usize = 1 + 12 + GAP;
const MIN_ROUTE: usize = 16;
const MAX_ROUTE: usize = 48;
/// Cells that the route leaves for attributes.
const NOTES: usize = 18;

/// A narrower rest of the line is left empty.
const MIN_NOTES: usize = 8;

/// Appends the line of a request. Attributes that have no room in it are cut, as `show` has everything; the reason of a
/// refusal then stands under it.
pub(super) fn write(out: &mut String, look: &Look, record: &Record) {
    let columns = Columns::of(look.width);
    look.time(out, record.start_unix_ns());
    pad(out, &cut_end(&method(record), METHOD + 1), METHOD + GAP);
    let (status, colour) = status(record);
    let mut cell = String::new();
    pad_left(&mut cell, &status, STATUS);
    look.paint.push(out, &cell, colour);
    fill(out, GAP);
    match client_left(record) {
        Some(text) => {
            let room = columns.total().saturating_sub(width(&text) + GAP);
            let text = format!("{text}  {}", cut_middle(&route(record), room));
            pad(out, &cut_end(&text, columns.total()), columns.total());
        }
        None => middle(out, look, columns, record),
    }
    fill(out, GAP);
    let _ = write!(out, "{:ID$}", record.span_id().to_short());
    let used = AFTER_TIME + METHOD + GAP + STATUS + GAP + columns.total() + GAP + ID;
    let room = look.width.saturating_sub(used + 3);
    let (mut notes, mut reason) = (notes(record), reason(record));
    if notes.is_empty() && reason.as_ref().is_some_and(|reason| width(reason) <= room) {
        notes = reason.take().unwrap_or_default();
    }
    if !notes.is_empty() && room >= MIN_NOTES {
        let _ = write!(out, "   {}", cut_end(&notes, room));
    }
    out.push('\n');
    if let Some(reason) = reason {
        fill(out, AFTER_TIME);
        let _ = writeln!(out, "└ {reason}");
    }
}

/// Duration, route and sizes.
fn middle(out: &mut String, look: &Look, columns: Columns, record: &Record) {
    let mut cell = String::new();
    pad_left(&mut cell, &duration(record.duration_ns()), DURATION);
    let slow = record.duration_ns() >= look.slow_ns;
    look.paint.push(out, &cell, slow.then_some(Colour::Warning));
    fill(out, GAP);
    pad(out, &cut_middle(&route(record), columns.route), columns.route);
    if columns.has_sizes {
        fill(out, GAP);
        let read = record.request_body_bytes().filter(|bytes| *bytes > 0);
        let read = read.map(|bytes| format!("{}→", size(bytes))).unwrap_or_default();
        pad_left(out, &read, SIZES - 5);
        pad_left(out, &size(record.response_body_bytes()), 5);
    }
}

/// Which columns there are.
#[derive(Clone, Copy)]
struct Columns {
    route: usize,
    has_sizes: bool,
}

impl Columns {
    /// The route shrinks first, then the sizes go.
    fn of(width: usize) -> Self {
        let fixed = AFTER_TIME + METHOD + GAP + STATUS + GAP + DURATION + GAP + GAP + ID;
        let room = width.saturating_sub(fixed);
        let with_sizes = room.saturating_sub(GAP + SIZES);
        if with_sizes >= MIN_ROUTE {
            Self { route: with_sizes.saturating_sub(NOTES).clamp(MIN_ROUTE, MAX_ROUTE), has_sizes: true }
        } else {
            Self { route: room.clamp(8, MIN_ROUTE), has_sizes: false }
        }
    }

    /// Cells from the duration to the sizes.
    const fn total(self) -> usize {
        DURATION + GAP + self.route + if self.has_sizes { GAP + SIZES } else { 0 }
    }
}

fn method(record: &Record) -> String {
    if record.is_rpc() { "gRPC".to_owned() } else { clean(record.method()) }
}

/// The route, else the path; of gRPC the method's full name.
pub(super) fn route(record: &Record) -> String {
    if record.is_rpc() {
        return clean(record.path().trim_start_matches('/'));
    }
    clean(record.route().unwrap_or_else(|| record.path()))
}

pub(super) fn status(record: &Record) -> (String, Option<Colour>) {
    let failed = record.is_failed();
    if client_left(record).is_some() {
        return ("---".to_owned(), Some(Colour::Warning));
    }
    if let Some(code) = record.rpc_status() {
        let colour = match code {
            0 => Colour::Good,
            _ if failed => Colour::Bad,
            _ => Colour::Warning,
        };
        return (if code == 0 { "OK".to_owned() } else { code.to_string() }, Some(colour));
    }
    let Some(status) = record.status() else { return ("ERR".to_owned(), Some(Colour::Bad)) };
    let colour = match status {
        _ if failed => Colour::Bad,
        200..300 => Colour::Good,
        400..500 => Colour::Warning,
        _ => Colour::Calm,
    };
    (status.to_string(), Some(colour))
}

fn client_left(record: &Record) -> Option<String> {
    let after = duration(record.duration_ns());
    match record.outcome() {
        Outcome::ClientGoneBeforeHead => Some(format!("client left after {after}, nothing sent")),
        Outcome::ClientGoneMidBody => Some(format!("client left after {after}, {} sent", size(record.response_body_bytes()))),
        _ => None,
    }
}

/// The error behind an answer that is no failure, such as a refusal's reason.
fn reason(record: &Record) -> Option<String> {
    let failure = record.failure().filter(|_| !record.is_failed() && !tree::has_panic(record))?;
    if tree::was_shown(&failure) {
        return None;
    }
    Some(cut_end(&clean(failure.message()), 200)).filter(|reason| !reason.is_empty())
}

/// What else there is to say: how it ended, the gRPC code, attributes.
fn notes(record: &Record) -> String {
    let mut notes = Vec::new();
    match record.outcome() {
        Outcome::Upgraded => notes.push("upgraded".to_owned()),
        Outcome::BodyError => notes.push(format!("broke off after {}", size(record.response_body_bytes()))),
        Outcome::Panicked => notes.push("panicked".to_owned()),
        _ => {}
    }
    if let Some(code) = record.rpc_status().filter(|code| *code != 0) {
        notes.push(rpc_code(code).to_owned());
    }
    if let Some(class) = record.error_class().filter(|class| matches!(class, ErrorClass::Saturated | ErrorClass::Timeout)) {
        let among = record.in_flight().map(|in_flight| format!(" at {in_flight}")).unwrap_or_default();
        notes.push(format!("{class}{among}"));
    }
    let attributes = record.attributes().take(16);
    notes.extend(
        attributes
            .map(|field| format!("{}={}", cut_end(&clean(field.name()), 40), cut_end(&clean(&field.value().to_string()), 80))),
    );
    notes.join("  ")
}
