//! Records that were written and are nowhere: a file was copied without its log, or one between two others is missing.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::Reader;
use crate::store::directory::Name;

/// How many records of a segment were taken out for good, as a reason among what was lost.
pub(in crate::store) const PURGED: &str = "purged";

/// What two segments in a row are compared by.
struct Ends {
    /// The numbers that a process gave to the first and to the last record.
    records: Option<(u64, u64)>,
    /// Records of which it is told why they are not there: before the first one, and anywhere.
    lost_before: u64,
    purged: u64,
}

impl Reader {
    /// Warns of each hole once. Each process numbers its records, so that what is missing between two of its segments is
    /// known; whatever it told to be lost there is no hole.
    pub(super) fn look_for_holes(&mut self, names: &[Name]) {
        // Of each process the last record so far, where it is, and how many behind it are accounted for.
        let mut known: HashMap<u32, (u64, Name, u64)> = HashMap::new();
        let mut segments: HashMap<u32, u32> = HashMap::new();
        names.iter().for_each(|name| *segments.entry(name.instance()).or_default() += 1);
        let last_of_all: HashMap<u32, &Name> = names.iter().map(|name| (name.instance(), name)).collect();
        for name in names.iter().filter(|name| segments.get(&name.instance()).is_some_and(|count| *count > 1)) {
            // Everything up to the newest segment of a process stays as it is.
            if last_of_all.get(&name.instance()).is_some_and(|newest| self.whole_up_to.get(&name.instance()) == Some(newest)) {
                continue;
            }
            let Some(ends) = self.visit(name, |connection, _| ends(connection)) else { continue };
            let known = known.entry(name.instance());
            let Some((first, last)) = ends.records else {
                known.and_modify(|(.., told)| *told += ends.purged);
                continue;
            };
            let mut hole = None;
            known
                .and_modify(|(before, its_name, told)| {
                    let missing = first.saturating_sub(*before).saturating_sub(1);
                    hole = missing.checked_sub(*told + ends.lost_before + ends.purged).filter(|missing| *missing > 0);
                    hole = hole.filter(|_| first > *before);
                    if let Some(missing) = hole {
                        let text = format!(
                            "{missing} records that were written between {} and {} are not there: was a file copied without its log?",
                            its_name.as_str(),
                            name.as_str()
                        );
                        if !self.warnings.contains(&text) {
                            self.warnings.push(text);
                        }
                    }
                    (*before, *its_name, *told) = (last, name.clone(), ends.purged);
                })
                .or_insert_with(|| (last, name.clone(), ends.purged));
            if last_of_all.get(&name.instance()) == Some(&name) {
                self.whole_up_to.insert(name.instance(), name.clone());
            }
        }
    }
}

fn ends(connection: &Connection) -> rusqlite::Result<Ends> {
    let snapshot = connection.unchecked_transaction()?;
    let end = |order: &str| {
        let sql = format!("SELECT id, sequence FROM record WHERE kind <> 'partial' ORDER BY id {order} LIMIT 1");
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        snapshot.query_row(&sql, [], row).optional()
    };
    let (first, last) = (end("ASC")?, end("DESC")?);
    let sum = |condition: &str, value: i64| {
        let sql = format!("SELECT coalesce(sum(count), 0) FROM loss WHERE {condition}");
        snapshot.query_row(&sql, (value, PURGED), |row| row.get::<_, i64>(0)).map(|sum| u64::try_from(sum).unwrap_or_default())
    };
    let first_row = first.map_or(i64::MAX, |(id, _)| id);
    Ok(Ends {
        records: first
            .zip(last)
            .map(|((_, first), (_, last))| (u64::try_from(first).unwrap_or_default(), u64::try_from(last).unwrap_or_default())),
        lost_before: sum("record <= ? AND reason <> ?", first_row)?,
        purged: sum("record >= ? AND reason = ?", i64::MIN)?,
    })
}
