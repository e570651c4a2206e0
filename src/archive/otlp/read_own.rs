//! Reads what was written of a record beside OTLP.

use super::attributes::Attributes;
use super::keys::RECORD;
use super::wire::{Any, KeyValue};
use crate::archive::make::{ToldRedaction, push_field_text, push_word};
use crate::query::kind_word;
use crate::record::parts::{CauseSlot, FailureSlot, MAX_BACKTRACE_BYTES, MAX_FAILURES, MAX_GROUP_KEY_BYTES, Media, Parts, Side};
use crate::record::{FailureKind, GroupId, Kept, Kind, Vitals};

/// The attribute of a record that was written here.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) kind: Kind,
    pub(super) pairs: Attributes,
}

/// A header as it was stored.
pub(super) struct ToldHeader {
    pub(super) side: Side,
    pub(super) len: u32,
    pub(super) is_kept: bool,
    pub(super) name: String,
}

impl Own {
    /// Takes it out of the attributes of a span or log record.
    pub(super) fn take(attributes: &mut Vec<KeyValue>) -> Option<Self> {
        let at = attributes.iter().position(|pair| pair.key == RECORD && matches!(pair.value, Any::Map(_)))?;
        let Any::Map(pairs) = attributes.remove(at).value else { return None };
        let mut pairs = Attributes::new(pairs);
        let word = pairs.text(&["kind"])?;
        let kind = [Kind::Request, Kind::Event, Kind::Span].into_iter().find(|kind| kind_word(*kind) == word)?;
        Some(Self { kind, pairs })
    }

    /// What every kind of record may have.
    pub(super) fn about(&mut self, parts: &mut Parts) {
        let pairs = &mut self.pairs;
        parts.kept = pairs.text(&["kept"]).and_then(|word| Kept::parse(&word));
        parts.weight = pairs.float(&["weight"]).filter(|weight| weight.is_finite());
        parts.is_flagged = pairs.flag(&["flagged"]);
        parts.counts_client_errors = pairs.flag(&["counts_client_errors"]);
        parts.in_flight = pairs.number(&["in_flight"]);
        parts.in_flight_on_route = pairs.number(&["in_flight_on_route"]);
        parts.vitals = pairs.map("vitals").map(vitals);
        parts.group = pairs.text(&["group"]).and_then(|id| GroupId::parse(&id));
        if let Some(key) = pairs.text(&["group_key"]) {
            parts.group_key = parts.push_text(&key, MAX_GROUP_KEY_BYTES);
        }
        parts.sequence = pairs.number(&["sequence"]).unwrap_or_default();
        parts.dropped_headers = pairs.number(&["dropped_headers"]).unwrap_or_default();
        parts.dropped_fields = pairs.number(&["dropped_fields"]).unwrap_or_default();
        parts.dropped_spans = pairs.number(&["dropped_spans"]).unwrap_or_default();
        parts.dropped_events = pairs.number(&["dropped_events"]).unwrap_or_default();
        parts.dropped_failures = pairs.number(&["dropped_failures"]).unwrap_or_default();
        parts.thinned = pairs.number(&["thinned"]).unwrap_or_default();
        for failure in pairs.list("failures") {
            if let Any::Map(told) = failure
                && parts.failures.len() < MAX_FAILURES
            {
                self::failure(parts, Attributes::new(told));
            }
        }
    }

    pub(super) fn redactions(&mut self) -> Vec<ToldRedaction> {
        let one = |value| {
            let Any::Map(pairs) = value else { return None };
            let mut pairs = Attributes::new(pairs);
            Some(ToldRedaction {
                place: pairs.text(&["place"])?,
                key: pairs.text(&["key"]).unwrap_or_default(),
                rule: pairs.text(&["reason"]).unwrap_or_default(),
                len: pairs.number(&["len_bytes"]).unwrap_or_default(),
                hash: pairs.number(&["hash"]).unwrap_or_default(),
            })
        };
        self.pairs.list("redactions").into_iter().filter_map(one).collect()
    }

    /// Every header, in order.
    pub(super) fn headers(&mut self) -> Vec<ToldHeader> {
        self.pairs.list("headers").into_iter().filter_map(header).collect()
    }
}

/// How a body that was kept is written, and for how many bytes its text stands.
pub(super) fn media(pairs: &mut Attributes) -> (Media, u32) {
    let media = match pairs.text(&["media"]).as_deref() {
        Some("json") => Media::Json,
        Some("form") => Media::Form,
        _ => Media::Text,
    };
    (media, pairs.number(&["kept_bytes"]).unwrap_or_default())
}

fn header(value: Any) -> Option<ToldHeader> {
    let Any::Text(text) = value else { return None };
    let mut words = text.splitn(4, ' ');
    let side = match words.next()? {
        "request" => Side::Request,
        "response" => Side::Response,
        "trailer" => Side::Trailer,
        _ => return None,
    };
    let (len, is_kept) = (words.next()?.parse().ok()?, words.next()? == "kept");
    Some(ToldHeader { side, len, is_kept, name: words.next()?.to_owned() })
}

fn vitals(mut pairs: Attributes) -> Vitals {
    Vitals {
        unix_ns: pairs.number(&["unix_ns"]).unwrap_or_default(),
        memory_bytes: pairs.number(&["memory_bytes"]),
        open_files: pairs.number(&["open_files"]),
        cpu_ratio: pairs.float(&["cpu_ratio"]),
        runtime_lag_ns: pairs.number(&["runtime_lag_ns"]),
        runtime_busy_ratio: pairs.float(&["runtime_busy_ratio"]),
        runtime_tasks: pairs.number(&["runtime_tasks"]),
    }
}

fn failure(parts: &mut Parts, mut pairs: Attributes) {
    let word = pairs.text(&["kind"]).unwrap_or_default();
    let Some(kind) = FailureKind::ALL.into_iter().find(|kind| kind.as_str() == word) else { return };
    let first = u32::try_from(parts.causes.len()).unwrap_or_default();
    let mut count = 0;
    for cause in pairs.list("causes").into_iter().take(MAX_FAILURES) {
        let Any::Map(told) = cause else { continue };
        let mut told = Attributes::new(told);
        let type_name = push_word(parts, &told.text(&["type"]).unwrap_or_default());
        let message = push_field_text(parts, &told.text(&["message"]).unwrap_or_default());
        parts.causes.push(CauseSlot { type_name, message });
        count += 1;
    }
    let at = (pairs.span_id("span_id"), pairs.number(&["time_ns"]).unwrap_or_default());
    let slot = FailureSlot {
        type_name: push_word(parts, &pairs.text(&["type"]).unwrap_or_default()),
        message: push_field_text(parts, &pairs.text(&["message"]).unwrap_or_default()),
        file: push_word(parts, &pairs.text(&["file"]).unwrap_or_default()),
        line: pairs.number(&["line"]).unwrap_or_default(),
        backtrace: parts.push_text(&pairs.text(&["backtrace"]).unwrap_or_default(), MAX_BACKTRACE_BYTES),
        causes: (first, count),
        event_ns: pairs.number(&["event_ns"]),
        ..FailureSlot::new(kind, at)
    };
    parts.failures.push(slot);
}
