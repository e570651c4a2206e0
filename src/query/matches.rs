//! Asks a record in memory.

use super::columns::{Column, number};
use super::expr::{Expr, Id, Keeping, Test, Text, severity};
use super::words::{contains, contains_phrase, starts_with};
use crate::record::{Field, Header, Kind, Record, Resource, Value};

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
            Self::Attribute(name, text) => record.attribute(name).is_some_and(|value| text.matches(&value.to_string())),
            Self::Release(text) => resource.is_some_and(|resource| text.is_release(resource)),
            Self::Failure(part) => is_in_failures(record, part),
            // What is still running has not ended in any way.
            Self::Outcome(outcome) => record.kind() != Kind::Partial && record.outcome() == *outcome,
            Self::Class(class) => record.error_class() == Some(*class),
            Self::InFlight(bounds) => record.in_flight().is_some_and(|in_flight| bounds.contains(in_flight.into())),
            Self::Kind(kind) => record.kind() == *kind,
            Self::Kept(Keeping::For(kept)) => record.kept() == Some(*kept),
            // What happened outside a request was never to be kept or not.
            Self::Kept(keeping) => record.kind() == Kind::Request && record.kept().is_some() == (*keeping == Keeping::Any),
            Self::Level(bounds) => record.events().any(|event| bounds.contains(severity(event.level()))),
            Self::Id(id) => id.matches(record),
            Self::Trace(id) => record.trace_id() == Some(*id),
            Self::Group(first, last) => record.group().is_some_and(|group| (first..=last).contains(&&group)),
            Self::Words { phrase, id } => {
                id.as_ref().is_some_and(|id| id.matches(record)) || any_text(record, |text| contains_phrase(text, phrase))
            }
            Self::Part(part) => any_text(record, |text| contains(text, part)),
        }
    }
}

impl Text {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Is(text) => value.eq_ignore_ascii_case(text),
            Self::StartsWith(start) => starts_with(value, start),
            Self::Contains(part) => contains(value, part),
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

fn is_in_failures(record: &Record, part: &str) -> bool {
    let is_in = |text: Option<&str>| text.is_some_and(|text| contains(text, part));
    is_in(record.error_type())
        || record.failures().any(|failure| {
            is_in(failure.type_name())
                || contains(failure.message(), part)
                || failure.causes().any(|cause| is_in(cause.type_name()) || contains(cause.message(), part))
        })
}

/// Whether any text that people search for is the wanted one. Stops at the first.
pub(crate) fn any_text(record: &Record, mut wanted: impl FnMut(&str) -> bool) -> bool {
    let wanted = &mut wanted;
    wanted(record.path())
        || optional(record.query(), wanted)
        || optional(record.route(), wanted)
        || wanted(record.request_id())
        || record.trace_id().is_some_and(|id| wanted(id.to_hex().as_str()))
        || wanted(record.span_id().to_hex().as_str())
        || optional(record.error_type(), wanted)
        || record.failures().any(|failure| {
            optional(failure.type_name(), wanted)
                || wanted(failure.message())
                || failure.causes().any(|cause| optional(cause.type_name(), wanted) || wanted(cause.message()))
        })
        || record.events().any(|event| wanted(event.message()) || any_value(event.fields(), wanted))
        || record.spans().any(|span| wanted(span.name()) || any_value(span.fields(), wanted))
        || any_value(record.attributes(), wanted)
        || any_header(record.request_headers(), wanted)
        || any_header(record.response_headers(), wanted)
        || any_header(record.trailers(), wanted)
}

fn optional(text: Option<&str>, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    text.is_some_and(wanted)
}

fn any_header<'a>(mut headers: impl Iterator<Item = Header<'a>>, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    headers.any(|header| optional(header.value(), wanted))
}

fn any_value<'a>(mut fields: impl Iterator<Item = Field<'a>>, wanted: &mut impl FnMut(&str) -> bool) -> bool {
    fields.any(|field| match field.value() {
        Value::Str(text) => wanted(text),
        value => wanted(&value.to_string()),
    })
}
