//! What OTLP has no place for, as one attribute that is a list of keys and values.

use serde_json::Value as Json;

use super::keys::RECORD;
use super::write::{float, integer, key_value, list, map, text, truth};
use crate::query::kind_word;
use crate::record::parts::{Media, Side};
use crate::record::{Body, Failure, Header, Kind, Record, Redaction, Vitals};

/// Keys and values; what is absent or empty is left out.
#[derive(Default)]
struct Pairs(Vec<Json>);

impl Pairs {
    fn put(&mut self, key: &str, value: Json) {
        self.0.push(key_value(key, value));
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.put(key, text(value));
        }
    }

    fn number(&mut self, key: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.put(key, integer(value.into()));
        }
    }

    /// A count; zero is left out.
    fn count(&mut self, key: &str, value: u32) {
        self.number(key, (value > 0).then_some(value));
    }

    fn ratio(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.put(key, float(value));
        }
    }

    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.put(key, truth());
        }
    }

    fn list(&mut self, key: &str, values: Vec<Json>) {
        if !values.is_empty() {
            self.put(key, list(values.into_iter()));
        }
    }

    fn map(&mut self, key: &str, pairs: Self) {
        if !pairs.0.is_empty() {
            self.put(key, map(pairs.0));
        }
    }
}

/// The attribute of a record.
pub(super) fn attribute(record: &Record) -> Json {
    let mut pairs = Pairs::default();
    pairs.text("kind", kind_word(record.kind()));
    pairs.number("sequence", Some(record.sequence()));
    if record.kind() == Kind::Request {
        request(&mut pairs, record);
    } else {
        pairs.number("start_unix_ns", Some(record.start_unix_ns()));
        pairs.number("duration_ns", Some(record.duration_ns()));
        pairs.flag("no_trace", record.trace_id().is_none());
        pairs.text("request_id", record.request_id());
        if record.span_id().is_valid() {
            pairs.text("span_id", &record.span_id().to_string());
        }
        if let Some(parent) = record.parent_span_id() {
            pairs.text("parent_span_id", &parent.to_string());
        }
    }
    about(&mut pairs, record);
    key_value(RECORD, map(pairs.0))
}

/// That of a further event of a record outside any request.
pub(super) fn of_event(record: &Record) -> Json {
    let mut pairs = Pairs::default();
    pairs.text("kind", kind_word(Kind::Event));
    pairs.flag("no_trace", record.trace_id().is_none());
    pairs.number("sequence", Some(record.sequence()));
    pairs.text("request_id", record.request_id());
    if record.span_id().is_valid() {
        pairs.text("span_id", &record.span_id().to_string());
    }
    key_value(RECORD, map(pairs.0))
}

/// What OTLP does not tell of a request, or of one of gRPC.
fn request(pairs: &mut Pairs, record: &Record) {
    pairs.flag("no_trace", record.trace_id().is_none());
    pairs.number("head_ns", record.head_ns());
    pairs.number("first_byte_ns", record.parts().first_byte_ns);
    if record.is_rpc() {
        pairs.text("method", record.method());
        pairs.text("path", record.path());
        pairs.text("scheme", record.scheme());
        if let Some(query) = record.query() {
            pairs.put("query", text(query));
        }
        if let Some(route) = record.route() {
            pairs.put("route", text(route));
        }
        pairs.number("status", record.status());
        pairs.number("request_bytes", record.request_body_bytes());
        pairs.flag("unknown_method", record.known_method().is_none());
    }
    pairs.number("rpc_status", record.rpc_status());
    pairs.number("rpc_response_messages", record.rpc_response_messages());
    pairs.number("rpc_request_messages", record.parts().rpc_request_messages);
    if record.is_rpc() || record.status().is_none() {
        pairs.number("response_bytes", Some(record.response_body_bytes()));
    }
    pairs.number("port", record.port());
    pairs.number("client_port", record.parts().client_port);
    pairs.text("request_id_source", record.request_id_source().as_str());
    pairs.map(
        "request_body",
        record.request_body().map(|kept| body(kept, record.parts().request_body.map(|slot| slot.media))).unwrap_or_default(),
    );
    pairs.map(
        "response_body",
        record.response_body().map(|kept| body(kept, record.parts().response_body.map(|slot| slot.media))).unwrap_or_default(),
    );
    let sides = [
        headers(Side::Request, record.request_headers()),
        headers(Side::Response, record.response_headers()),
        headers(Side::Trailer, record.trailers()),
    ];
    pairs.list("headers", sides.concat());
}

fn body(body: Body<'_>, media: Option<Media>) -> Pairs {
    let mut pairs = Pairs::default();
    let media = match media {
        Some(Media::Json) => "json",
        Some(Media::Form) => "form",
        Some(Media::Text) | None => "text",
    };
    pairs.text("media", media);
    pairs.number("kept_bytes", Some(body.kept_bytes()));
    pairs
}

/// Every header in order: its side, the length of its value, whether that was kept, its name. Values stand in attributes.
fn headers<'a>(side: Side, headers: impl Iterator<Item = Header<'a>>) -> Vec<Json> {
    let word = match side {
        Side::Request => "request",
        Side::Response => "response",
        Side::Trailer => "trailer",
    };
    let one = |header: Header<'_>| {
        let kept = if header.value().is_some() { "kept" } else { "withheld" };
        text(&format!("{word} {} {kept} {}", header.len_bytes(), header.name()))
    };
    headers.map(one).collect()
}

/// What every kind of record may have.
fn about(pairs: &mut Pairs, record: &Record) {
    pairs.text("kept", record.kept().map(|kept| kept.as_str()).unwrap_or_default());
    pairs.ratio("weight", record.parts().weight);
    pairs.flag("flagged", record.is_flagged());
    pairs.flag("counts_client_errors", record.parts().counts_client_errors);
    pairs.number("in_flight", record.in_flight());
    pairs.number("in_flight_on_route", record.in_flight_on_route());
    pairs.map("vitals", record.vitals().map(vitals).unwrap_or_default());
    pairs.text("group", &record.group().map(|group| group.to_string()).unwrap_or_default());
    pairs.text("group_key", record.group_key().unwrap_or_default());
    let dropped = record.dropped();
    pairs.count("dropped_headers", dropped.headers);
    pairs.count("dropped_fields", dropped.fields);
    pairs.count("dropped_spans", dropped.spans);
    pairs.count("dropped_events", dropped.events);
    pairs.count("dropped_failures", dropped.failures);
    pairs.count("thinned", dropped.thinned);
    pairs.list("failures", record.failures().enumerate().map(|(at, told)| failure(record, at, &told)).collect());
    pairs.list("redactions", record.redactions().map(redaction).collect());
}

fn vitals(vitals: Vitals) -> Pairs {
    let mut pairs = Pairs::default();
    pairs.number("unix_ns", Some(vitals.unix_ns));
    pairs.number("memory_bytes", vitals.memory_bytes);
    pairs.number("open_files", vitals.open_files);
    pairs.ratio("cpu_ratio", vitals.cpu_ratio);
    pairs.number("runtime_lag_ns", vitals.runtime_lag_ns);
    pairs.ratio("runtime_busy_ratio", vitals.runtime_busy_ratio);
    pairs.number("runtime_tasks", vitals.runtime_tasks);
    pairs
}

fn failure(record: &Record, at: usize, failure: &Failure<'_>) -> Json {
    let mut pairs = Pairs::default();
    pairs.text("kind", failure.kind().as_str());
    pairs.text("type", failure.type_name().unwrap_or_default());
    pairs.text("message", failure.message());
    pairs.number("time_ns", Some(failure.time_ns()));
    pairs.text("span_id", &failure.span_id().map(|id| id.to_string()).unwrap_or_default());
    pairs.text("file", failure.file().unwrap_or_default());
    pairs.number("line", failure.line());
    pairs.text("backtrace", failure.backtrace().unwrap_or_default());
    pairs.number("event_ns", record.parts().failures.get(at).and_then(|slot| slot.event_ns));
    let cause = |(type_name, message): (Option<&str>, &str)| {
        let mut pairs = Pairs::default();
        pairs.text("type", type_name.unwrap_or_default());
        pairs.text("message", message);
        map(pairs.0)
    };
    pairs.list("causes", failure.causes().map(|told| cause((told.type_name(), told.message()))).collect());
    map(pairs.0)
}

fn redaction(redaction: Redaction<'_>) -> Json {
    let mut pairs = Pairs::default();
    pairs.text("place", redaction.place());
    pairs.text("key", redaction.key().unwrap_or_default());
    pairs.text("reason", redaction.rule());
    pairs.count("len_bytes", redaction.len_bytes());
    pairs.number("hash", redaction.hash());
    map(pairs.0)
}
