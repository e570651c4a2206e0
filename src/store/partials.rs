//! Reports about running requests: the newest of each stays, and goes when the request's own record comes.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, TransactionBehavior};

use super::directory::{Directory, Name};
use super::segment::{NOTHING_LEFT, Row, open_to_write};
use crate::record::{Kind, Record, SpanId};

/// Takes a report out.
const DELETE: &str = "DELETE FROM record WHERE span_id = ? AND kind = 'partial'";
/// Reports that are remembered, at most; what is beyond that is stored all the same, and readers leave out the older ones.
const MAX_KNOWN: usize = 65_536;

/// Which segments hold the reports of this store.
#[derive(Debug, Default)]
pub(super) struct Partials {
    known: HashMap<SpanId, Name>,
}

/// Whether it says that a request which was reported is in flight no longer.
pub(super) fn is_over(record: &Record) -> bool {
    record.kind() == Kind::Partial && record.report().is_none()
}

/// Whether it stands for the request itself: the record of it, or a report.
fn speaks_for_itself(record: &Record) -> bool {
    matches!(record.kind(), Kind::Request | Kind::Span | Kind::Partial)
}

impl Partials {
    /// Leaves out of a batch what a later row of it replaces.
    pub(super) fn settle(&self, rows: &mut Vec<Row<'_>>) {
        if !rows.iter().any(|(record, _)| record.kind() == Kind::Partial) {
            return;
        }
        let mut later = HashSet::new();
        rows.reverse();
        rows.retain(|(record, _)| {
            let is_replaced = record.kind() == Kind::Partial && later.contains(&record.span_id());
            let says_nothing = is_over(record) && !self.known.contains_key(&record.span_id());
            if speaks_for_itself(record) {
                later.insert(record.span_id());
            }
            !is_replaced && !says_nothing
        });
        rows.reverse();
    }

    /// Takes the report that a row replaces out of the segment that is written.
    pub(super) fn replace(&self, connection: &Connection, name: &Name, record: &Record) -> rusqlite::Result<()> {
        if speaks_for_itself(record) && self.known.get(&record.span_id()) == Some(name) {
            connection.prepare_cached(DELETE)?.execute([record.span_id().0])?;
        }
        Ok(())
    }

    /// These rows were written to this segment. What they replace in others goes now.
    pub(super) fn written(&mut self, directory: &Directory, name: &Name, rows: &[Row<'_>]) {
        let mut elsewhere: HashMap<Name, Vec<SpanId>> = HashMap::new();
        for (record, _) in rows.iter().filter(|(record, _)| speaks_for_itself(record)) {
            let span_id = record.span_id();
            let is_report = record.kind() == Kind::Partial && !is_over(record);
            let before = if is_report && (self.known.len() < MAX_KNOWN || self.known.contains_key(&span_id)) {
                self.known.insert(span_id, name.clone())
            } else {
                self.known.remove(&span_id)
            };
            if let Some(before) = before.filter(|before| before != name) {
                elsewhere.entry(before).or_default().push(span_id);
            }
        }
        for (name, spans) in elsewhere {
            // Readers go by the newest report; one that stays here is only left over.
            let _ = remove(directory, &name, &spans);
        }
    }

    /// Takes out all that is left: the store is closed properly.
    pub(super) fn remove_all(&mut self, directory: &Directory) {
        let mut by_name: HashMap<Name, Vec<SpanId>> = HashMap::new();
        for (span_id, name) in self.known.drain() {
            by_name.entry(name).or_default().push(span_id);
        }
        for (name, spans) in by_name {
            let _ = remove(directory, &name, &spans);
        }
    }
}

/// Takes reports out of a segment that is closed.
fn remove(directory: &Directory, name: &Name, spans: &[SpanId]) -> rusqlite::Result<()> {
    loop {
        let identity = directory.identity(name);
        let mut connection = open_to_write(&directory.file(name))?;
        connection.execute_batch(NOTHING_LEFT)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for span_id in spans {
            transaction.prepare_cached(DELETE)?.execute([span_id.0])?;
        }
        transaction.commit()?;
        // Where the segment was written anew meanwhile, they are still in the new file.
        if directory.identity(name) == identity {
            return Ok(());
        }
    }
}
