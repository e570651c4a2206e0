//! The keys of the query language: one row for each.

use super::columns::Column;
use super::expr::Number;
use super::source::Source;

/// What a key's values look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A status, a class such as `5xx`, or a range.
    Status,
    /// A duration.
    Duration,
    /// A moment; the operator is free.
    Time,
    /// A moment; at or after it.
    Since,
    /// A moment; before it.
    Until,
    /// A text in a column of its own.
    Text(Column),
    /// One of a closed list of words.
    Outcome,
    /// One of a closed list of words.
    Class,
    /// A count.
    Count(Number),
    /// A size in bytes.
    Bytes(Number),
    /// A duration that is not the whole one.
    Phase(Number),
    /// One of a closed list of words.
    Kind,
    /// Why detail was kept, as one of a closed list of words.
    Kept,
    /// The level of an event.
    Level,
    /// The start of the request's short id, its request id or its trace id.
    Id,
    /// A trace id.
    Trace,
    /// The version or the revision of the service.
    Release,
    /// A text that is meant as a whole.
    Whole(Source),
    /// A text of which a part is meant.
    Part(Source),
    /// A text of which words are meant.
    Words(Source),
    /// What this attribute says of who wrote the record.
    Resource(&'static str),
    /// An address or a network.
    Client,
    /// The start of a group's id.
    Group,
}

/// A key of the query language.
#[derive(Clone, Debug)]
pub struct Key {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) shape: Shape,
    help: &'static str,
    example: &'static str,
}

impl Key {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Other names that are understood.
    #[must_use]
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    /// What it compares, in one sentence.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.help
    }

    /// Whether its values are texts, in which a pattern may be looked for.
    pub(super) const fn is_text(&self) -> bool {
        matches!(
            self.shape,
            Shape::Text(_) | Shape::Release | Shape::Resource(_) | Shape::Whole(_) | Shape::Part(_) | Shape::Words(_)
        )
    }

    /// A term that uses it.
    #[must_use]
    pub const fn example(&self) -> &'static str {
        self.example
    }
}

const fn key(
    name: &'static str,
    aliases: &'static [&'static str],
    shape: Shape,
    help: &'static str,
    example: &'static str,
) -> Key {
    Key { name, aliases, shape, help, example }
}

/// Every key, in the order in which help lists them.
pub(super) const KEYS: &[Key] = &[
    key(
        "status",
        &["code", "http.response.status_code"],
        Shape::Status,
        "the response's status: a number, a class or a range",
        "status:5xx",
    ),
    key("method", &["http.request.method"], Shape::Text(Column::Method), "the request's method", "method:POST"),
    key("route", &["http.route"], Shape::Text(Column::Route), "the route's template, as {id} or as :id", "route:/orders/{id}"),
    key(
        "path",
        &["url", "url.path"],
        Shape::Text(Column::Path),
        "the path; a trailing * for its start, ~ for a part",
        "path:/orders/*",
    ),
    key("duration", &["ms"], Shape::Duration, "how long it took; milliseconds unless a unit is given", "duration>1.5s"),
    key("ttfb", &[], Shape::Phase(Number::TimeToFirstByteNs), "how long until the first byte of the answer's body", "ttfb>200ms"),
    key(
        "bytes",
        &["response_bytes"],
        Shape::Bytes(Number::ResponseBytes),
        "bytes of the answer's body; also with kB, MB, GB, KiB, MiB or GiB",
        "bytes>1MB",
    ),
    key("request_bytes", &[], Shape::Bytes(Number::RequestBytes), "bytes of the request's body", "request_bytes:0"),
    key("since", &[], Shape::Since, "began no longer ago than this, or at or after this moment", "since:10m"),
    key("until", &[], Shape::Until, "began longer ago than this, or before this moment", "until:2026-01-31T12:00:00Z"),
    key("time", &[], Shape::Time, "when it began", "time>=2026-01-31T12:00:00Z"),
    key("outcome", &[], Shape::Outcome, "how it ended", "outcome:panicked"),
    key("class", &[], Shape::Class, "what kind of trouble it met: panic, saturated, timeout or error", "class:saturated"),
    key(
        "in_flight",
        &["inflight"],
        Shape::Count(Number::InFlight),
        "requests in flight when it came, itself included",
        "in_flight>100",
    ),
    key("kept", &[], Shape::Kept, "why its detail was kept: a reason, any, or none for a summary", "kept:slow"),
    key("error", &[], Shape::Part(Source::Error), "part of an error's type or message", "error:PoolTimedOut"),
    key(
        "type",
        &["error.type"],
        Shape::Whole(Source::ErrorType),
        "an error's type, with or without its modules; also a cause's",
        "type:PoolTimedOut",
    ),
    key("message", &["error.message"], Shape::Words(Source::ErrorMessage), "words of an error's message", "message:declined"),
    key("group", &[], Shape::Group, "the start of the id of its group of errors", "group:1f3a"),
    key("event", &[], Shape::Words(Source::Event), "words of an event's message", "event:\"retry later\""),
    key("span", &[], Shape::Whole(Source::Span), "the name of a span inside it", "span:\"load user\""),
    key("level", &[], Shape::Level, "has an event of this level, or with >= at least of it", "level>=warn"),
    key("user", &["user.id"], Shape::Text(Column::User), "the attribute user.id", "user:42"),
    key("host", &["server.address"], Shape::Whole(Source::Host), "the host that was asked for, without the port", "host:*"),
    key("agent", &["user_agent", "user_agent.original"], Shape::Whole(Source::UserAgent), "the user agent", "agent:curl/*"),
    key("client", &["ip", "client.address"], Shape::Client, "the client's address, or a network it is in", "client:10.0.0.0/8"),
    key("body", &[], Shape::Words(Source::Body), "words of a body, where bodies are kept", "body:\"card declined\""),
    key("id", &["span_id"], Shape::Id, "the start of the request's short id, or its request id or trace id", "id:8f2c"),
    key("request", &["request_id"], Shape::Text(Column::Request), "the request id, or with * its start", "request:req-17"),
    key("trace", &["trace_id"], Shape::Trace, "the trace id, or its start", "trace:4bf92f3577b34da6a3ce929d0e0e4736"),
    key(
        "release",
        &["version"],
        Shape::Release,
        "the service's version, or at least 4 digits of its revision",
        "release:9d59409",
    ),
    key("service", &["service.name"], Shape::Resource("service.name"), "the service that wrote it", "service:shop"),
    key(
        "instance",
        &["service.instance.id"],
        Shape::Resource("service.instance.id"),
        "the instance of the service that wrote it",
        "instance:web-1",
    ),
    key(
        "kind",
        &[],
        Shape::Kind,
        "request, or event or span outside any request, or partial: a report of one that runs",
        "kind:event",
    ),
    key("text", &[], Shape::Words(Source::Any), "words anywhere in the record; ~ for a part", "text~\"out of st\""),
];

/// The key of this name or alias, in any case.
pub(super) fn find(word: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name.eq_ignore_ascii_case(word) || key.aliases.iter().any(|a| a.eq_ignore_ascii_case(word)))
}

/// The known name that a misspelt one probably meant.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let names = KEYS.iter().flat_map(|key| std::iter::once(key.name).chain(key.aliases.iter().copied()));
    let (distance, name) = names.map(|name| (distance(&word, name), name)).min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + name.len() / 4 && distance < name.len()).then_some(name)
}

/// How many characters have to be added, removed, replaced or swapped with their neighbour.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(32).collect(), b.chars().take(32).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    at(&last, b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_examples_parse() {
        let mut seen = std::collections::HashSet::new();
        for key in KEYS {
            for name in std::iter::once(&key.name).chain(key.aliases) {
                assert!(seen.insert(*name), "{name} twice");
                assert_eq!(find(name).unwrap().name, key.name);
            }
            crate::query::Query::parse(key.example).unwrap();
        }
    }

    #[test]
    fn a_misspelt_key_is_recognised() {
        assert_eq!(nearest("stauts"), Some("status"));
        assert_eq!(nearest("metod"), Some("method"));
        assert_eq!(nearest("zzzzz"), None);
    }
}
