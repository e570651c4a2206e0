//! A condition on the store's columns.
//!
//! The condition is only there to leave out rows that cannot match, cheaply: a test that has no column is `1`, and
//! whoever reads the rows asks [`Query::matches`](super::Query::matches) about each. Values are bound, never written into
//! the text, and column names are fixed.

use super::columns::kind_word;
use super::expr::{Bounds, Expr, Test, Text};
use crate::record::GroupId;

/// A condition and its values, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sql {
    /// For a `WHERE`; its parameters are `?`.
    pub(crate) text: String,
    pub(crate) binds: Vec<Bind>,
    /// Whether a row that fulfils it matches: each test has a column.
    pub(crate) is_exact: bool,
    /// Whether the rows have a column for groups; those of the store's first schema have none.
    has_groups: bool,
}

/// A value to bind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bind {
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Sql {
    pub(super) fn of(expr: &Expr, now: i64, has_groups: bool) -> Self {
        let mut sql = Self { is_exact: true, has_groups, ..Self::default() };
        sql.expr(expr, now, true);
        sql
    }

    /// Negation is carried down to the tests, so that one without a column can be `1` on either side of it.
    fn expr(&mut self, expr: &Expr, now: i64, positive: bool) {
        match expr {
            Expr::All(terms) => self.list(terms, now, positive, positive),
            Expr::Any(branches) => self.list(branches, now, positive, !positive),
            Expr::Not(expr) => self.expr(expr, now, !positive),
            Expr::Test(test) => {
                let start = self.text.len();
                self.text.push('(');
                let has_column = self.test(test, now);
                if has_column {
                    // What is absent fulfils no test, and therefore every negated one.
                    self.text.push_str(if positive { ")" } else { ") IS NOT TRUE" });
                } else {
                    self.is_exact = false;
                    self.text.truncate(start);
                    self.text.push('1');
                }
            }
        }
    }

    fn list(&mut self, list: &[Expr], now: i64, positive: bool, conjunction: bool) {
        self.text.push('(');
        for (index, expr) in list.iter().enumerate() {
            if index > 0 {
                self.text.push_str(if conjunction { " AND " } else { " OR " });
            }
            self.expr(expr, now, positive);
        }
        if list.is_empty() {
            self.text.push(if conjunction { '1' } else { '0' });
        }
        self.text.push(')');
    }

    /// Writes the condition; false, and nothing written, when no column answers the test.
    fn test(&mut self, test: &Test, now: i64) -> bool {
        match test {
            Test::Status(bounds) => self.bounds("status", *bounds),
            Test::DurationNs(bounds) => self.bounds("duration_ns", *bounds),
            Test::Time { from, before } => {
                let mut and = "";
                for (moment, compare) in [(from, ">= ?"), (before, "< ?")] {
                    if let Some(moment) = moment {
                        self.write(&format!("{and}start_unix_ns {compare}"), [Bind::Integer(moment.unix_ns(now))]);
                        and = " AND ";
                    }
                }
                if and.is_empty() {
                    self.write("1", []);
                }
            }
            Test::Column(column, text) => {
                let name = column.name();
                match text {
                    Text::Phrase(_) | Text::Pattern(_) => return false,
                    Text::Is(text) => self.write(&format!("lower({name}) = ?"), [Bind::Text(text.clone())]),
                    Text::StartsWith(text) => self.write(&format!("instr(lower({name}), ?) = 1"), [Bind::Text(text.clone())]),
                    Text::Contains(text) => self.write(&format!("instr(lower({name}), ?) > 0"), [Bind::Text(text.clone())]),
                }
            }
            Test::Outcome(outcome) => self.write("outcome = ?", [Bind::Text(outcome.as_str().to_owned())]),
            Test::Kind(kind) => self.write("kind = ?", [Bind::Text(kind_word(*kind).to_owned())]),
            Test::Trace(first, last) => {
                self.write("trace_id BETWEEN ? AND ?", [first, last].map(|id| Bind::Blob(id.0.to_vec())));
            }
            Test::Id(id) => {
                self.write("lower(request_id) = ?", [Bind::Text(id.request.clone())]);
                if let Some((first, last)) = id.spans {
                    self.write(" OR span_id BETWEEN ? AND ?", [Bind::Blob(first.to_vec()), Bind::Blob(last.to_vec())]);
                }
                if let Some(trace) = id.trace {
                    self.write(" OR trace_id = ?", [Bind::Blob(trace.0.to_vec())]);
                }
            }
            Test::Group(first, last) if self.has_groups => {
                let bytes = |id: GroupId| Bind::Blob(id.0.to_be_bytes().to_vec());
                self.write("group_id >= ? AND group_id <= ?", [bytes(*first), bytes(*last)]);
            }
            Test::Group(..)
            | Test::Kept(_)
            | Test::In(..)
            | Test::Class(_)
            | Test::Number(..)
            | Test::Release(_)
            | Test::Resource(..)
            | Test::Client(_)
            | Test::Level(_)
            | Test::Words { .. } => return false,
        }
        true
    }

    fn bounds(&mut self, column: &str, bounds: Bounds) {
        self.write(&format!("{column} BETWEEN ? AND ?"), [Bind::Integer(bounds.low), Bind::Integer(bounds.high)]);
    }

    fn write<const N: usize>(&mut self, text: &str, binds: [Bind; N]) {
        self.text.push_str(text);
        self.binds.extend(binds);
    }
}
