//! What changed between two answers.

use serde_json::Value as Json;

use super::lines::{self, Line};
use crate::record::parts::cut_at;
use crate::record::{Body, Header, Outcome, Record};

/// Stands where a secret was.
const REDACTED: &str = "REDACTED";
/// How a value begins that was withheld.
const WITHHELD: &str = "\u{2039}withheld";
/// Differences that are told one by one.
const MAX_CHANGES: usize = 1000;
/// Headers that are different every time, or that the server writes behind the layer's back.
const OF_ITS_OWN: [&str; 15] = [
    "date",
    "age",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "x-request-id",
    "x-correlation-id",
    "traceparent",
    "tracestate",
    "traceresponse",
    "server-timing",
    "x-campanile-link",
    "x-amzn-trace-id",
    "cf-ray",
];

/// What changed between two answers; of each pair the first is before, the second after.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The statuses.
    pub status: [Option<u16>; 2],
    /// How both ended.
    pub outcome: [Outcome; 2],
    /// How long they took, in nanoseconds; where one was seen by the client and the other by the server, the network lies
    /// between them.
    pub duration_ns: [u64; 2],
    /// Bytes of their bodies.
    pub body_bytes: [u64; 2],
    /// Headers and trailers that differ, without those that always do: `date`, ids, trace context, and what belongs to the
    /// connection. A value that is not stored is given as its length.
    pub headers: Vec<Change>,
    /// The bodies.
    pub body: BodyChange,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Where: the name of a header, or the place in JSON as `$.items[2].name`.
    pub place: String,
    /// What stood there; `None` where there was nothing. Values of JSON are written as JSON.
    pub before: Option<String>,
    /// What stands there now.
    pub after: Option<String>,
}

/// How two bodies differ. Where `REDACTED` stands in one of them, the value is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyChange {
    /// Not at all, as far as both were kept.
    Same,
    /// They cannot be compared: why one of them was not kept.
    Unknown(String),
    /// Both are JSON, and differ in these values; at most 1000 are told.
    Json(Vec<Change>),
    /// They differ in these lines. Of bodies that are cut, as much is compared as there is of both.
    Lines(Vec<Line>),
}

impl Comparison {
    /// Whether both were answered the same: durations are no difference.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.status[0] == self.status[1]
            && self.outcome[0] == self.outcome[1]
            && self.headers.is_empty()
            && matches!(self.body, BodyChange::Same | BodyChange::Unknown(_))
    }
}

/// Compares the answers of two records: of a request and of the same one sent again, or of any two.
#[must_use]
pub fn compare(before: &Record, after: &Record) -> Comparison {
    Comparison {
        status: [before.status(), after.status()],
        outcome: [before.outcome(), after.outcome()],
        duration_ns: [before.duration_ns(), after.duration_ns()],
        body_bytes: [before.response_body_bytes(), after.response_body_bytes()],
        headers: headers(before, after),
        body: bodies(before, after),
    }
}

fn headers(before: &Record, after: &Record) -> Vec<Change> {
    let (before, after) = (all(before), all(after));
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in before.iter().chain(&after) {
        if !names.contains(&name.as_str()) && !OF_ITS_OWN.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let values = |all: &[(String, String)], name: &str| {
        let values: Vec<_> = all.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let change = |name: &str| {
        let (before, after) = (values(&before, name), values(&after, name));
        let both = || [&before, &after].into_iter().flatten();
        // What is withheld on one side alone, by other rules, can only be told apart by those.
        let withheld = both().filter(|value| value.contains(WITHHELD)).count();
        let is_known = both().all(|value| !value.contains(REDACTED)) && (withheld != 1 || both().count() == 1);
        (before != after && is_known).then(|| Change { place: name.to_owned(), before, after })
    };
    names.into_iter().filter_map(change).collect()
}

fn all(record: &Record) -> Vec<(String, String)> {
    let value = |header: Header<'_>| match header.value() {
        Some(value) => value.to_owned(),
        None => format!("{WITHHELD} {} B\u{203a}", header.len_bytes()),
    };
    let headers = record.response_headers().chain(record.trailers());
    headers.map(|header| (header.name().to_ascii_lowercase(), value(header))).collect()
}

fn bodies(before: &Record, after: &Record) -> BodyChange {
    let sizes = [before.response_body_bytes(), after.response_body_bytes()];
    let kept = |record: &Record, which: &str| match record.response_body() {
        _ if record.response_body_bytes() == 0 => Ok(Kept::default()),
        Some(body) if body.skipped().is_none() => Ok(Kept::of(body)),
        Some(body) => Err(format!("the {which} body was not kept: {}", body.skipped().unwrap_or_default())),
        None => Err(format!("the {which} body was not kept")),
    };
    let [before, after] = match (kept(before, "first"), kept(after, "second")) {
        (Ok(before), Ok(after)) => [before, after],
        // Two that are as long may be the same; two that are not are not.
        (Err(why), _) | (_, Err(why)) => return BodyChange::Unknown(format!("{why}; {} and {} B", sizes[0], sizes[1])),
    };
    if before.text == after.text && before.is_cut == after.is_cut {
        return BodyChange::Same;
    }
    if !before.is_cut && !after.is_cut {
        let parsed = [before.text.as_str(), after.text.as_str()].map(serde_json::from_str::<Json>);
        if let [Ok(before), Ok(after)] = &parsed {
            let mut changes = Vec::new();
            values(before, after, "$".to_owned(), &mut changes);
            return if changes.is_empty() { BodyChange::Same } else { BodyChange::Json(changes) };
        }
    }
    texts(&before, &after)
}

/// What there is of a body.
#[derive(Default)]
struct Kept {
    text: String,
    kept_bytes: usize,
    is_cut: bool,
}

impl Kept {
    fn of(body: Body<'_>) -> Self {
        let kept_bytes = usize::try_from(body.kept_bytes()).unwrap_or(usize::MAX);
        Self { text: body.content().to_owned(), kept_bytes, is_cut: body.is_truncated() }
    }

    /// As much of it as the other has, where one is cut.
    fn start(&self, other: &Self) -> &str {
        let is_longer = other.is_cut && self.kept_bytes > other.kept_bytes;
        if is_longer { cut_at(&self.text, other.text.len()).0 } else { &self.text }
    }
}

fn texts(before: &Kept, after: &Kept) -> BodyChange {
    let (before, after) = (before.start(after), after.start(before));
    if before == after {
        return BodyChange::Same;
    }
    let is_json = [before, after].iter().all(|text| text.trim_start().starts_with(['{', '[']) && text.lines().nth(3).is_none());
    let (before, after) = (pieces(before, is_json), pieces(after, is_json));
    let lines = lines::compare(&before, &after);
    let is_change = |line: &Line| !matches!(line, Line::Same(_));
    if lines.iter().any(is_change) { BodyChange::Lines(lines) } else { BodyChange::Same }
}

/// The lines of a text; of JSON in one line, which here is cut, what stands between commas and brackets.
fn pieces(text: &str, is_json: bool) -> Vec<&str> {
    let pieces: Vec<_> = match is_json {
        true => text.split_inclusive(['{', '[', ',', '\n']).collect(),
        false => text.lines().collect(),
    };
    pieces.into_iter().map(|piece| piece.trim_end_matches(['\n', '\r'])).collect()
}

/// Compares two values and what is in them.
fn values(before: &Json, after: &Json, place: String, changes: &mut Vec<Change>) {
    if changes.len() >= MAX_CHANGES || before == after || is_redacted(before) || is_redacted(after) {
        return;
    }
    match (before, after) {
        (Json::Object(one), Json::Object(other)) => {
            for (name, value) in one {
                let place = format!("{place}{}", step(name));
                match other.get(name) {
                    Some(now) => values(value, now, place, changes),
                    None => changes.push(Change { place, before: Some(value.to_string()), after: None }),
                }
            }
            for (name, value) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                let place = format!("{place}{}", step(name));
                changes.push(Change { place, before: None, after: Some(value.to_string()) });
            }
        }
        (Json::Array(one), Json::Array(other)) => {
            for index in 0..one.len().max(other.len()) {
                let place = format!("{place}[{index}]");
                match (one.get(index), other.get(index)) {
                    (Some(value), Some(now)) => values(value, now, place, changes),
                    (before, after) => {
                        let [before, after] = [before, after].map(|value| value.map(Json::to_string));
                        changes.push(Change { place, before, after });
                    }
                }
            }
        }
        _ => changes.push(Change { place, before: Some(before.to_string()), after: Some(after.to_string()) }),
    }
    changes.truncate(MAX_CHANGES);
}

fn is_redacted(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.contains(REDACTED))
}

/// One step into an object.
fn step(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(is_plain) { format!(".{name}") } else { format!("[{}]", Json::from(name)) }
}
