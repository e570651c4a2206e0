//! Requests without a record: those in flight, and those whose process died.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::blocks::rows_of_spans;
use super::directory::Directory;
use super::instance::{self, Dead};
use super::reader::Reader;
use super::rows::{Rows, Stored};
use super::search::end_of;
use super::{Error, Store, schema};
use crate::record::{Record, Resource, SpanId};

/// Reports of one file that are read, at most; the newest.
const MAX_READ: i64 = 20_000;
/// Reads the index of reports, where a sorted walk through all rows would look as good to SQLite: mostly there are none, and it
/// would go through everything.
const NEWEST: &str = "SELECT id, resource, data FROM record WHERE kind = 'partial' ORDER BY +id DESC LIMIT ?";

/// A request that had no record when it was last heard of.
#[derive(Debug)]
pub struct Unfinished {
    stored: Stored,
    instance: u32,
    is_running: bool,
}

impl Unfinished {
    /// The newest report about it, of [`Kind::Partial`](crate::record::Kind::Partial).
    #[must_use]
    pub const fn record(&self) -> &Record {
        self.stored.record()
    }

    /// Who wrote it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        self.stored.resource()
    }

    /// Report and writer.
    #[must_use]
    pub const fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Whether its process is still there, so that it is in flight. Else the process ended without a word.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.is_running
    }
}

impl Reader {
    /// Requests that have no record: those in flight, and those whose process died, newest first.
    ///
    /// A request is known here when it has been running for about half a second.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn unfinished(&mut self) -> Result<Vec<Unfinished>, Error> {
        let mut newest: HashMap<SpanId, Unfinished> = HashMap::new();
        let names = self.refresh()?;
        for name in &names {
            let page = self.visit(name, |connection, rows| {
                if !schema::has_reports(rows.version) {
                    return Ok(Vec::new());
                }
                let mut page = Vec::new();
                rows.each(connection, NEWEST, vec![MAX_READ.into()], |_, stored| {
                    page.extend(stored);
                    true
                })?;
                Ok(page)
            });
            let page = page.unwrap_or_default();
            if page.is_empty() {
                continue;
            }
            let is_running = instance::is_running(self.directory(), name);
            for stored in page {
                let id = stored.record().span_id();
                let is_newer = |known: &Unfinished| known.record().duration_ns() < stored.record().duration_ns();
                if newest.get(&id).is_none_or(is_newer) {
                    newest.insert(id, Unfinished { stored, instance: name.instance(), is_running });
                }
            }
        }
        // A process may die between its record in one file and the removal of the report in another.
        for name in &names {
            let asked: Vec<_> = newest.iter().filter(|(_, it)| !it.is_running && it.instance == name.instance()).collect();
            if asked.is_empty() {
                continue;
            }
            let ids: HashSet<_> = asked.into_iter().map(|(id, _)| *id).collect();
            let finished = self.visit(name, |connection, rows| finished(connection, rows, &ids));
            let finished: Vec<SpanId> = finished.unwrap_or_default();
            finished.iter().for_each(|id| drop(newest.remove(id)));
        }
        let mut all: Vec<_> = newest.into_values().collect();
        all.sort_by_key(|it| std::cmp::Reverse((it.record().start_unix_ns(), it.record().span_id())));
        Ok(all)
    }
}

/// Those of the requests that have a record here.
fn finished(connection: &Connection, known: &mut Rows<'_>, ids: &HashSet<SpanId>) -> rusqlite::Result<Vec<SpanId>> {
    if !schema::has_blocks(known.version) {
        let mut statement =
            connection.prepare_cached("SELECT 1 FROM record WHERE span_id = ? AND kind IN ('request', 'span')")?;
        return ids.iter().filter_map(|id| statement.exists([id.0]).map(|is| is.then_some(*id)).transpose()).collect();
    }
    let sql = "SELECT span_id FROM record NOT INDEXED WHERE id BETWEEN ? AND ? AND kind IN ('request', 'span')";
    let mut statement = connection.prepare_cached(sql)?;
    let mut finished = Vec::new();
    known.layout.read_on(connection)?;
    for range in rows_of_spans(connection, &known.layout, end_of(connection)?, ids)? {
        let mut rows = statement.query([range.first, range.last])?;
        while let Some(row) = rows.next()? {
            finished.extend(row.get(0).ok().map(SpanId).filter(|id| ids.contains(id)));
        }
    }
    Ok(finished)
}

/// Requests that were in flight when processes died, of which nobody has told yet.
///
/// Nobody else tells of them as long as this is kept.
#[derive(Debug)]
pub struct LeftBehind {
    requests: Vec<Unfinished>,
    dead: Vec<Dead>,
}

impl LeftBehind {
    /// The requests, newest first.
    #[must_use]
    pub fn requests(&self) -> &[Unfinished] {
        &self.requests
    }

    /// They have been told: the next one that asks does not hear of them again. They stay in the store.
    pub fn told(self) {
        self.dead.into_iter().for_each(Dead::bury);
    }
}

impl Store {
    /// What was in flight when an earlier process that wrote here died, if nobody has told of it.
    #[must_use]
    pub fn left_behind(&self) -> Option<LeftBehind> {
        left_behind(self.directory())
    }
}

fn left_behind(directory: &Directory) -> Option<LeftBehind> {
    let dead = instance::dead(directory);
    if dead.is_empty() {
        return None;
    }
    let unfinished = match Reader::open(directory.path()).and_then(|mut reader| reader.unfinished()) {
        Ok(unfinished) => unfinished,
        Err(error) if error.is_not_found() => Vec::new(),
        // It may go better for the next one.
        Err(_) => return None,
    };
    let is_of = |it: &Unfinished, dead: &Dead| it.instance == dead.id;
    let (dead, empty): (Vec<_>, Vec<_>) = dead.into_iter().partition(|dead| unfinished.iter().any(|it| is_of(it, dead)));
    // Of those that left nothing there is nothing to tell.
    empty.into_iter().for_each(Dead::bury);
    let requests: Vec<_> = unfinished.into_iter().filter(|it| dead.iter().any(|dead| is_of(it, dead))).collect();
    (!requests.is_empty()).then_some(LeftBehind { requests, dead })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Losses;
    use crate::store::Settings;

    #[test]
    fn what_runs_is_found_without_reading_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(Settings::new(directory.path())).unwrap();
        let record = Record::new(Box::default());
        assert_eq!(store.append(&[record], &Resource::default(), &Losses::default()).unwrap().total(), 0);
        let mut reader = Reader::open(directory.path()).unwrap();
        let name = reader.refresh().unwrap().pop().unwrap();
        let plan = reader.visit(&name, |connection, _| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {NEWEST}"))?;
            statement.query_row([MAX_READ], |row| row.get::<_, String>("detail"))
        });
        assert_eq!(plan.as_deref(), Some("SCAN record USING INDEX record_partial"));
    }
}
