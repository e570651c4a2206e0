//! Asks a record in memory.

use super::columns::{Column, number};
use super::expr::{Expr, Id, Keeping, Number, Test, Text, severity};
use super::source::any_text;
use super::words::{contains, contains_phrase, starts_with};
use crate::record::{Kind, Record, Resource};

impl Expr {
    pub(super) fn matches(&self, record: &Record, resource: Option<&Resource>, now: i64) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.matches(record, resource, now)),
            Self::Any(branches) => branches.iter().any(|branch| branch.matches(record, resource, now)),
            Self::Not(expr) => !expr.matches(record, resource, now),
            Self::Test(test) => test.matches(record, resource, now),
        }
    }
}

impl Test {
    fn matches(&self, record: &Record, resource: Option<&Resource>, now: i64) -> bool {
        match self {
            Self::Status(bounds) => record.status().is_some_and(|status| bounds.contains(status.into())),
            Self::DurationNs(bounds) => bounds.contains(number(record.duration_ns())),
            Self::Time { from, before } => {
                let start = number(record.start_unix_ns());
                from.is_none_or(|from| from.unix_ns(now) <= start) && before.is_none_or(|before| start < before.unix_ns(now))
            }
            Self::Column(column, text) => column.of(record).is_some_and(|value| text.matches(&value)),
            Self::In(source, text) => source.any(record, |value| text.matches(value)),
            Self::Release(text) => resource.is_some_and(|resource| text.is_release(resource)),
            Self::Resource(name, text) => {
                resource.and_then(|resource| resource.attribute(name)).is_some_and(|value| text.matches(value))
            }
            Self::Client(network) => record.client_address().is_some_and(|address| network.contains(&address)),
            // What is still running has not ended in any way.
            Self::Outcome(outcome) => record.kind() != Kind::Partial && record.outcome() == *outcome,
            Self::Class(class) => record.error_class() == Some(*class),
            Self::Number(of, bounds) => of.of(record).is_some_and(|value| bounds.contains(value)),
            Self::Kind(kind) => record.kind() == *kind,
            Self::Kept(Keeping::For(kept)) => record.kept() == Some(*kept),
            // What happened outside a request was never to be kept or not.
            Self::Kept(keeping) => record.kind() == Kind::Request && record.kept().is_some() == (*keeping == Keeping::Any),
            Self::Level(bounds) => record.events().any(|event| bounds.contains(severity(event.level()))),
            Self::Id(id) => id.matches(record),
            Self::Trace(first, last) => record.trace_id().is_some_and(|id| (first.0..=last.0).contains(&id.0)),
            Self::Group(first, last) => record.group().is_some_and(|group| (first..=last).contains(&&group)),
            Self::Words { phrase, id } => {
                id.as_ref().is_some_and(|id| id.matches(record)) || any_text(record, |text| contains_phrase(text, phrase))
            }
        }
    }
}

impl Number {
    /// `None` where the record does not know it.
    fn of(self, record: &Record) -> Option<i64> {
        match self {
            Self::InFlight => record.in_flight().map(i64::from),
            Self::TimeToFirstByteNs => record.time_to_first_byte_ns().map(number),
            Self::RequestBytes => record.request_body_bytes().map(number),
            // What is no request answers nothing.
            Self::ResponseBytes => (record.kind() == Kind::Request).then(|| number(record.response_body_bytes())),
        }
    }
}

impl Text {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Is(text) => value.eq_ignore_ascii_case(text),
            Self::StartsWith(start) => starts_with(value, start),
            Self::Contains(part) => contains(value, part),
            Self::Phrase(phrase) => contains_phrase(value, phrase),
            Self::Pattern(pattern) => pattern.is_match(value),
        }
    }

    /// Whether it is the version or the revision, of which the first digits are enough.
    fn is_release(&self, resource: &Resource) -> bool {
        let is_start = |revision: &str| match self {
            Self::Is(start) if start.len() >= MIN_DIGITS => starts_with(revision, start),
            text => text.matches(revision),
        };
        resource.attribute("service.version").is_some_and(|version| self.matches(version))
            || resource.attribute("vcs.ref.head.revision").is_some_and(is_start)
    }
}

/// Digits of a revision that stand for the whole of it, at least.
const MIN_DIGITS: usize = 4;

impl Id {
    fn matches(&self, record: &Record) -> bool {
        self.spans.is_some_and(|(first, last)| (first..=last).contains(&record.span_id().0))
            || self.trace.is_some_and(|id| record.trace_id() == Some(id))
            || Column::Request.of(record).is_some_and(|id| id.eq_ignore_ascii_case(&self.request))
    }
}
