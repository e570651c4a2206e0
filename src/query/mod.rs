//! The query language: one grammar for the command line, live records and rules.
//!
//! ```text
//! status:5xx route:/orders/{id} ms>300 method:POST user:42 error:"out of stock" -path:/health since:10m
//! ```
//!
//! A query is terms side by side, all of which have to hold; `or`, `not`, a leading `-` and parentheses combine them. A
//! term is a key, an operator (`:` `=` `!=` `>` `>=` `<` `<=` `~`) and a value, or only a value: a word or a `"quoted
//! phrase"` that stands anywhere in the record, word for word.
//!
//! - `status:404,5xx` is any of a list, `status:400..499` a range; quote a value that has a comma of its own.
//! - A trailing `*` asks for the start of a text, `~` for a part, and `~/\d+ (retries|tries)/` for what a regular expression
//!   finds; a slash inside it is `\/`. Patterns take time in proportion to the text, whatever they say.
//! - A key with a dot in it, such as `order.id:981`, is an attribute; `attr.tenant:7` is one whose name has none, and
//!   `header.x-tenant:acme` a header. The names that OpenTelemetry gives to what has a key are understood too.
//! - Texts compare without regard to the case of ASCII letters, words and patterns without regard to that of any.
//!
//! [`keys()`] lists the keys.
//!
//! A query is parsed once and then either asked about records in memory or turned into SQL for the store, which is only
//! ever used to leave out rows that cannot match: what matches is decided in one place. Only where records are counted, by
//! a query that columns answer, are they taken at their word.

#[cfg(feature = "store")]
mod asked;
mod columns;
#[cfg(feature = "store")]
mod complete;
mod error;
mod expr;
#[cfg(feature = "store")]
mod facet;
mod keys;
mod matches;
#[cfg(feature = "store")]
mod need;
mod parse;
#[cfg(test)]
pub(crate) mod sample;
mod source;
#[cfg(feature = "store")]
mod sql;
mod term;
mod time;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use self::columns::number;
#[cfg(feature = "store")]
pub(crate) use self::columns::{Column, kind_word, number as number_column};
#[cfg(feature = "viewer")]
pub(crate) use self::complete::quoted;
#[cfg(feature = "store")]
pub use self::complete::{Asked, Candidate, Completion, complete};
pub use self::error::Error;
use self::expr::Expr;
#[cfg(feature = "store")]
pub(crate) use self::expr::group_range;
#[cfg(feature = "store")]
pub use self::facet::Facet;
pub use self::keys::Key;
#[cfg(feature = "store")]
pub(crate) use self::need::Need;
#[cfg(feature = "store")]
pub(crate) use self::source::any_text;
#[cfg(feature = "store")]
pub(crate) use self::sql::{Bind, Sql};
#[cfg(feature = "store")]
pub(crate) use self::words::{each_hash, hash};
use crate::record::{Record, Resource};

/// A question about records.
///
/// # Default
/// The empty query, which every record matches.
#[derive(Clone, Debug, Default)]
pub struct Query {
    source: String,
    root: Expr,
}

impl Query {
    /// The longest query that is accepted, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Reads a query.
    ///
    /// # Errors
    /// When a key is not known, a value does not fit its key, or the query is not well formed; the error shows the place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Ok(Self { source: text.to_owned(), root: parse::parse(text)? })
    }

    /// Whether the record matches, with times such as `since:10m` counted back from `now_unix_ns`.
    ///
    /// Here it is of no release; see [`matches_from`](Self::matches_from).
    #[must_use]
    pub fn matches(&self, record: &Record, now_unix_ns: u64) -> bool {
        self.root.matches(record, None, number(now_unix_ns))
    }

    /// [`matches`](Self::matches) where it is known which resource the record comes from.
    #[must_use]
    pub fn matches_from(&self, resource: &Resource, record: &Record, now_unix_ns: u64) -> bool {
        self.root.matches(record, Some(resource), number(now_unix_ns))
    }

    /// Whether every record matches because nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.root, Expr::All(terms) if terms.is_empty())
    }

    /// The query as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Finds by the start of a short id, of which at least 4 digits are needed, by request id or by trace id.
    #[cfg(feature = "store")]
    pub(crate) fn for_id(text: &str) -> Self {
        let mut id = expr::Id::of(text);
        if text.len() < 4 {
            id.spans = None;
        }
        Self { source: String::new(), root: Expr::Test(expr::Test::Id(id)) }
    }

    /// Finds what has a request id or a trace id that begins so. Nothing but the records themselves knows, so all are read.
    #[cfg(feature = "reading")]
    pub(crate) fn for_start_of_id(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let trace = expr::trace_range(&text).map(|(first, last)| expr::Test::Trace(first, last));
        let request = expr::Test::Column(Column::Request, expr::Text::StartsWith(text));
        Self { source: String::new(), root: Expr::Any(trace.into_iter().chain([request]).map(Expr::Test).collect()) }
    }

    /// Finds what has this text anywhere in it, whatever the text means in the grammar.
    #[cfg(feature = "viewer")]
    pub(crate) fn for_text(text: &str) -> Self {
        let part = term::Value { text: text.to_owned(), form: term::Form::Quoted };
        let part = term::text_op(term::Op::Part, &part);
        let test = part.map_or_else(|_| term::any_words(text), |part| expr::Test::In(source::Source::Any, part));
        Self { source: text.to_owned(), root: Expr::Test(test) }
    }

    /// Finds what began before this moment, in nanoseconds since 1970.
    #[cfg(feature = "viewer")]
    pub(crate) fn before(unix_ns: u64) -> Self {
        let before = Some(time::Moment::UnixNs(number(unix_ns)));
        Self { source: String::new(), root: Expr::Test(expr::Test::Time { from: None, before }) }
    }

    /// What both find.
    #[cfg(feature = "viewer")]
    pub(crate) fn and(self, other: Self) -> Self {
        Self { source: format!("({}) ({})", self.source, other.source), root: Expr::All(vec![self.root, other.root]) }
    }

    /// Whether it asks for reports about running requests, which are left out otherwise.
    #[cfg(feature = "store")]
    pub(crate) fn wants_partial(&self) -> bool {
        self.root.asks_for_kind(crate::record::Kind::Partial)
    }

    /// What many rows together must hold for one of them to match.
    #[cfg(feature = "store")]
    pub(crate) fn need(&self, now_unix_ns: u64) -> Need {
        Need::of(&self.root, number(now_unix_ns))
    }

    /// Whether it has to be of a group.
    #[cfg(feature = "store")]
    pub(crate) fn is_of_group(&self) -> bool {
        let is_group = |expr: &Expr| matches!(expr, Expr::Test(expr::Test::Group(..)));
        match &self.root {
            Expr::All(terms) => terms.iter().any(is_group),
            expr => is_group(expr),
        }
    }

    /// A condition on the store's columns that every matching row fulfils; `has_groups` tells whether there is one for groups.
    #[cfg(feature = "store")]
    pub(crate) fn to_sql(&self, now_unix_ns: u64, has_groups: bool) -> Sql {
        Sql::of(&self.root, number(now_unix_ns), has_groups)
    }
}

impl FromStr for Query {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// The keys of the query language, in the order in which help lists them.
#[must_use]
pub const fn keys() -> &'static [Key] {
    keys::KEYS
}
