//! Records that were written and are nowhere: a file was copied without its log, or one between two others is missing.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use super::Reader;
use crate::store::directory::Name;

/// How many records of a segment were taken out for good, as a reason among what was lost.
pub(in crate::store) const PURGED: &str = "purged";

/// What two segments in a row are compared by.
struct Ends {
    /// The numbers that a process gave to the first and to the last record.
    records: Option<(u64, u64)>,
    /// Records of which it is told anywhere in it why they are not there.
    told: u64,
}

impl Reader {
    /// Warns of each hole once. Each process numbers its records, so that what is missing between two of its segments is
    /// known; whatever it told to be lost there is no hole.
    pub(super) fn look_for_holes(&mut self, names: &[Name]) {
        let mut of_process: BTreeMap<u32, Vec<&Name>> = BTreeMap::new();
        names.iter().for_each(|name| of_process.entry(name.instance()).or_default().push(name));
        for (process, segments) in of_process {
            let Some(newest) = segments.last().filter(|_| segments.len() > 1) else { continue };
            // Everything before the newest segment of a process stays as it is.
            if self.whole_up_to.get(&process) == Some(newest) {
                continue;
            }
            let mut before: Option<(u64, &Name)> = None;
            let mut told = 0;
            for name in segments.iter().copied() {
                let Some(ends) = self.visit(name, |connection, _| ends(connection)) else { continue };
                told += ends.told;
                let Some((first, last)) = ends.records else { continue };
                if let Some((before, its_name)) = before {
                    self.look_between(before, its_name, first, name, told);
                }
                (before, told) = (Some((last, name)), ends.told);
                if name == *newest {
                    self.whole_up_to.insert(process, name.clone());
                }
            }
        }
    }

    /// Warns where there are more numbers between two records than are told to be lost.
    fn look_between(&mut self, before: u64, its_name: &Name, after: u64, name: &Name, told: u64) {
        let missing = after.saturating_sub(before).saturating_sub(1);
        if missing > told {
            let (one, other) = (its_name.as_str(), name.as_str());
            let missing = missing - told;
            self.warn(format!(
                "{missing} records that were written between {one} and {other} are not there: was a file copied without its log?"
            ));
        }
    }
}

fn ends(connection: &Connection) -> rusqlite::Result<Ends> {
    let snapshot = connection.unchecked_transaction()?;
    let end = |order: &str| {
        let sql = format!("SELECT sequence FROM record WHERE kind <> 'partial' ORDER BY id {order} LIMIT 1");
        let row = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        snapshot.query_row(&sql, [], row).optional()
    };
    let (first, last) = (end("ASC")?, end("DESC")?);
    let told: i64 = snapshot.query_row("SELECT coalesce(sum(count), 0) FROM loss", [], |row| row.get(0))?;
    Ok(Ends {
        records: first
            .zip(last)
            .map(|(first, last)| (u64::try_from(first).unwrap_or_default(), u64::try_from(last).unwrap_or_default())),
        told: u64::try_from(told).unwrap_or_default(),
    })
}
