//! What can be counted by its values.

use std::borrow::Cow;

use super::Error;
use super::columns::{Column, kind_word};
use super::keys::{self, Key, Shape};
use super::parse::unknown_key;
use crate::record::{Kind, Record, Resource};

/// A key whose values can be counted, see [`Reader::count`](crate::store::Reader::count).
///
/// # Shape
/// A key of the query language whose values are words or statuses, such as `route`, or the name of an attribute, which has
/// a dot in it.
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
    Release,
    Attribute,
}

impl Facet {
    /// Reads a key's name, or an alias, in any case; or an attribute's name.
    ///
    /// # Errors
    /// When there is no such key, or its values are no words: moments, durations, or texts anywhere.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let what = match keys::find(name) {
            Some(key) => What::of(key).ok_or_else(|| format!("values of '{}' cannot be counted", key.name())),
            None if name.contains('.') => Ok(What::Attribute),
            None => Err(unknown_key(name)),
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
            What::Release => Cow::Borrowed(resource.attribute("service.version")?),
            What::Attribute => Cow::Owned(record.attribute(&self.name)?.to_string()),
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
            What::Class | What::Kept | What::Group | What::Release | What::Attribute => None,
        }
    }

    /// Whether it is an attribute of the record.
    pub(crate) fn is_attribute(&self) -> bool {
        self.what == What::Attribute
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
            Shape::Failure => Self::Failure,
            Shape::Group => Self::Group,
            Shape::Release => Self::Release,
            Shape::Duration
            | Shape::Time
            | Shape::Since
            | Shape::Until
            | Shape::InFlight
            | Shape::Level
            | Shape::Id
            | Shape::Trace
            | Shape::Any => return None,
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
            "status", "method", "route", "path", "outcome", "class", "kept", "error", "group", "user", "request", "release",
            "kind",
        ];
        assert_eq!(can, expected);
        assert_eq!(Facet::parse("Code").unwrap().column(true), Some("status"));
        assert!(Facet::parse("order.id").unwrap().is_attribute());
        let message = |name: &str| Facet::parse(name).unwrap_err().message().to_owned();
        assert_eq!(message("ms"), "values of 'duration' cannot be counted");
        assert_eq!(message("rute"), "unknown key 'rute'; did you mean 'route'?");
    }
}
