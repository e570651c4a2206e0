//! A query as it is put to a segment of any version.

use rusqlite::{Connection, types::Value};

use super::blocks::{self, Range};
use super::rows::{Rows, Stored};
use super::segment::is_damage;
use super::{schema, turns, unix_ns};
use crate::query::{Bind, Need, Query, Sql};

/// Rows beside a damaged one that are not looked for.
const FEW: i64 = 8;

/// What is looked for.
pub(super) struct Search<'a> {
    query: &'a Query,
    /// From where its times count back, in nanoseconds since 1970.
    now: u64,
    newest: Sql,
    /// Without a column for groups.
    first: Sql,
    need: Need,
    /// Which kinds of records are wanted, as a condition.
    kinds: &'static str,
}

impl<'a> Search<'a> {
    /// Reports about running requests are left out unless they are asked for.
    pub(super) fn new(query: &'a Query, with_partial: bool) -> Self {
        Self::at(query, with_partial, unix_ns(std::time::SystemTime::now()))
    }

    /// With times that count back from this moment.
    pub(super) fn at(query: &'a Query, with_partial: bool, now: u64) -> Self {
        let (newest, first) = (query.to_sql(now, true), query.to_sql(now, false));
        let kinds = if with_partial { "" } else { " AND kind <> 'partial'" };
        Self { query, now, newest, first, need: query.need(now), kinds }
    }

    /// From where its times count back, in nanoseconds since 1970.
    pub(super) const fn now_unix_ns(&self) -> u64 {
        self.now
    }

    /// Requests alone.
    pub(super) const fn of_requests(mut self) -> Self {
        self.kinds = " AND kind = 'request'";
        self
    }

    pub(super) fn matches(&self, stored: &Stored) -> bool {
        self.query.matches_from(stored.resource(), stored.record(), self.now)
    }

    /// How many records of a segment match.
    pub(super) fn count(&self, connection: &Connection, rows: &mut Rows<'_>) -> rusqlite::Result<u64> {
        let mut count = 0;
        self.each_match(connection, rows, || {
            count += 1;
            true
        })?;
        Ok(count)
    }

    /// Whether any record of a segment matches.
    pub(super) fn is_any(&self, connection: &Connection, rows: &mut Rows<'_>) -> rusqlite::Result<bool> {
        let mut is_any = false;
        self.each_match(connection, rows, || {
            is_any = true;
            false
        })?;
        Ok(is_any)
    }

    fn each_match(&self, connection: &Connection, rows: &mut Rows<'_>, mut found: impl FnMut() -> bool) -> rusqlite::Result<()> {
        let always = (i64::MIN, i64::MAX);
        let plan = self.plan(connection, rows, always)?;
        let mut goes_on = true;
        for range in plan.ranges() {
            plan.each(connection, rows, range, always, |stored| {
                goes_on = !stored.is_some_and(|stored| self.matches(&stored)) || found();
                goes_on
            })?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// The condition on the columns of a version, with its values and some more behind them.
    pub(super) fn condition(&self, version: i32, more: impl IntoIterator<Item = i64>) -> (String, Vec<Value>) {
        let sql = if schema::has_groups(version) { &self.newest } else { &self.first };
        let known = sql.binds.iter().map(|bind| match bind {
            Bind::Integer(value) => Value::Integer(*value),
            Bind::Text(text) => Value::Text(text.clone()),
            Bind::Blob(bytes) => Value::Blob(bytes.clone()),
        });
        let binds = known.chain(more.into_iter().map(Value::Integer)).collect();
        (format!("{}{}", sql.text, self.kinds), binds)
    }

    /// The condition for rows of a range of numbers, the last first, and whether it decides alone what matches.
    pub(super) fn of_range(&self, version: i32, range: &Range) -> (String, Vec<Value>, bool) {
        let sql = if schema::has_groups(version) { &self.newest } else { &self.first };
        let (condition, binds) = self.condition(version, [range.first, range.last]);
        let (index, id) = self.access(version);
        (format!("record{index} WHERE {condition} AND {id} BETWEEN ? AND ? ORDER BY id DESC"), binds, sql.is_exact)
    }

    /// Where there is an index it says more than blocks do.
    fn has_index(&self, version: i32) -> bool {
        !schema::has_blocks(version) || self.query.is_of_group()
    }

    /// What stands behind the table's name, and the column of numbers: they are no reason not to use an index, and in a block
    /// nothing else is.
    fn access(&self, version: i32) -> (&'static str, &'static str) {
        if self.has_index(version) { ("", "+id") } else { (" NOT INDEXED", "id") }
    }

    /// What of a segment has to be read for records that began from the one moment to the other.
    pub(super) fn plan(&self, connection: &Connection, rows: &mut Rows<'_>, window: (i64, i64)) -> rusqlite::Result<Plan> {
        // Blocks and rows are those of one moment.
        let snapshot = connection.unchecked_transaction()?;
        let end = end_of(&snapshot)?;
        let everything = || vec![Range { first: 0, last: end, latest_unix_ns: i64::MAX }];
        let ranges = if self.has_index(rows.version) {
            everything()
        } else {
            let told = rows.layout.read_on(&snapshot);
            match told.and_then(|()| blocks::ranges(&snapshot, &rows.layout, end, &self.need, window)) {
                // What is told of rows may be damaged, and the rows not.
                Err(error) if is_damage(&error) => {
                    rows.damaged = true;
                    everything()
                }
                told => told?,
            }
        };
        let (index, id) = self.access(rows.version);
        let (condition, binds) = self.condition(rows.version, []);
        let sql = format!(
            "SELECT id FROM record{index} WHERE {condition} AND {id} BETWEEN ? AND ? AND start_unix_ns >= ? AND start_unix_ns <= ?
             ORDER BY start_unix_ns DESC, id DESC"
        );
        Ok(Plan { sql, binds, ranges, end })
    }
}

/// How a segment is read.
pub(super) struct Plan {
    sql: String,
    binds: Vec<Value>,
    ranges: Vec<Range>,
    end: i64,
}

impl Plan {
    /// What has to be read, the newest first.
    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The number of the last row.
    pub(super) const fn end(&self) -> i64 {
        self.end
    }

    /// Hands over the records of a range that the columns do not rule out, the newest first, until told to stop; `None` for
    /// one that cannot be read. They began from the one moment to the other.
    pub(super) fn each(
        &self,
        connection: &Connection,
        rows: &mut Rows<'_>,
        range: &Range,
        window: (i64, i64),
        mut take: impl FnMut(Option<Stored>) -> bool,
    ) -> rusqlite::Result<()> {
        // Where some of them are damaged, those around them are read all the same.
        let mut parts = vec![(range.first, range.last)];
        while let Some((first, last)) = parts.pop() {
            // Where no row matches, nobody else does.
            turns::take();
            let more = [first, last, window.0, window.1].map(Value::Integer);
            let (mut is_begun, mut goes_on) = (false, true);
            let read = rows.each_of(connection, &self.sql, self.binds.iter().cloned().chain(more).collect(), |stored| {
                is_begun = true;
                goes_on = take(stored);
                goes_on
            });
            match read {
                Err(error) if is_damage(&error) && !is_begun => {
                    rows.damaged = true;
                    let middle = first + (last - first) / 2;
                    if last - first >= FEW {
                        parts.extend([(first, middle), (middle + 1, last)]);
                    }
                }
                read => read?,
            }
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}

/// The number of a segment's last row.
pub(super) fn end_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM record", [], |row| row.get(0))
}
