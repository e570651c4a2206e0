//! What can be counted by its values.

use std::borrow::Cow;

use super::Error;
use super::columns::{Column, kind_word};
use super::keys::{Key, Shape};
use super::parse::{Named, named, unknown_key};
use super::source::Source;
use crate::record::{Kind, Record, Resource};

/// A key whose values can be counted, see [`Reader::count`](crate::store::Reader::count).
///
/// # Shape
/// A key of the query language whose values are words or statuses, such as `route`, or the name of an attribute, which has
/// a dot in it or `attr.` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    name: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Status,
    Column(Column),
    Outcome,
    Class,
    Kind,
    Kept,
    Failure,
    Group,
    Host,
    UserAgent,
    /// An attribute of who wrote it.
    Resource(&'static str),
    /// An attribute of the record.
    Attribute(String),
}

impl Facet {
    /// Reads a key's name, or an alias, in any case; or an attribute's name.
    ///
    /// # Errors
    /// When there is no such key, or its values are no words: moments, durations, or texts anywhere.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let what = match named(name) {
            Some(Named::Key(key)) => What::of(key).ok_or_else(|| format!("values of '{}' cannot be counted", key.name())),
            Some(Named::In(Source::Attribute(name))) => Ok(What::Attribute(name)),
            Some(Named::In(_)) if !name.is_empty() => Err(format!("values of '{name}' cannot be counted")),
            _ => Err(unknown_key(name)),
        };
        let what = what.map_err(|message| Error::new(message, name, 0))?;
        Ok(Self { name: name.to_owned(), what })
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The record's value; `None` where it has none.
    #[must_use]
    pub fn of<'a>(&self, resource: &'a Resource, record: &'a Record) -> Option<Cow<'a, str>> {
        let value = match &self.what {
            What::Status => Cow::Owned(record.status()?.to_string()),
            What::Column(column) => column.of(record)?,
            What::Outcome if record.kind() == Kind::Partial => return None,
            What::Outcome => Cow::Borrowed(record.outcome().as_str()),
            What::Class => Cow::Borrowed(record.error_class()?.as_str()),
            What::Kind => Cow::Borrowed(kind_word(record.kind())),
            What::Kept => Cow::Borrowed(record.kept()?.as_str()),
            What::Failure => Cow::Borrowed(record.error_type()?),
            What::Group => Cow::Owned(record.group()?.to_string()),
            What::Host => Cow::Borrowed(record.host()?),
            What::UserAgent => Cow::Borrowed(record.user_agent()?),
            What::Resource(name) => Cow::Borrowed(resource.attribute(name)?),
            What::Attribute(name) => Cow::Owned(record.attribute(name)?.to_string()),
        };
        Some(value).filter(|value| !value.is_empty())
    }

    /// The store's column that has the value, where there is one. A number or a text is the value itself, eight bytes are
    /// a group.
    pub(crate) const fn column(&self, has_groups: bool) -> Option<&'static str> {
        match &self.what {
            What::Status => Some("status"),
            What::Column(column) => Some(column.name()),
            What::Outcome => Some("outcome"),
            What::Kind => Some("kind"),
            What::Failure => Some("error_type"),
            What::Group if has_groups => Some("group_id"),
            What::Class | What::Kept | What::Group | What::Host | What::UserAgent | What::Resource(_) | What::Attribute(_) => {
                None
            }
        }
    }

    /// The name of the attribute of who wrote the record, where it is one.
    pub(crate) const fn resource_attribute(&self) -> Option<&'static str> {
        match &self.what {
            What::Resource(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is an attribute of the record.
    pub(crate) const fn is_attribute(&self) -> bool {
        matches!(self.what, What::Attribute(_))
    }
}

impl What {
    fn of(key: &Key) -> Option<Self> {
        Some(match key.shape {
            Shape::Status => Self::Status,
            Shape::Text(column) => Self::Column(column),
            Shape::Outcome => Self::Outcome,
            Shape::Class => Self::Class,
            Shape::Kind => Self::Kind,
            Shape::Kept => Self::Kept,
            Shape::Group => Self::Group,
            Shape::Release => Self::Resource("service.version"),
            Shape::Part(Source::Error) | Shape::Whole(Source::ErrorType) => Self::Failure,
            Shape::Whole(Source::Host) => Self::Host,
            Shape::Whole(Source::UserAgent) => Self::UserAgent,
            Shape::Resource(name) => Self::Resource(name),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::keys;

    #[test]
    fn keys_whose_values_are_words_can_be_counted_by_any_of_their_names() {
        let can: Vec<_> = keys().iter().filter(|key| Facet::parse(key.name()).is_ok()).map(Key::name).collect();
        let expected = [
            "status", "method", "route", "path", "outcome", "class", "kept", "error", "type", "group", "user", "host", "agent",
            "request", "release", "service", "instance", "kind",
        ];
        assert_eq!(can, expected);
        assert_eq!(Facet::parse("Code").unwrap().column(true), Some("status"));
        assert!(["order.id", "attr.plan"].iter().all(|name| Facet::parse(name).unwrap().is_attribute()));
        let message = |name: &str| Facet::parse(name).unwrap_err().message().to_owned();
        assert_eq!(message("ms"), "values of 'duration' cannot be counted");
        assert_eq!(message("header.accept"), "values of 'header.accept' cannot be counted");
        assert_eq!(message("rute"), "unknown key 'rute'; did you mean 'route'?");
    }
}
