//! Which rows are in which block, as a reader knows it.

use rusqlite::Connection;

use super::plan::Range;
use super::{Facts, PART_ROWS, PARTS, ROW_BITS};
use crate::query::number_column as number;
use crate::store::schema;

/// More blocks of a segment are not known, whatever a file says; searches read the rows behind them.
const MAX_BLOCKS: usize = 1 << 16;
/// Different statuses of a block, at most: there are no others.
const MAX_STATUSES: usize = 1000;

/// A block as it was read.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) facts: Facts,
}

/// The blocks of a segment. They are written once and never changed, so that only those are read that came since; what is
/// known of them is forgotten with the connection to their file.
///
/// Some 100 bytes for each, or 30 KiB for a segment of 256 MiB.
#[derive(Debug)]
pub(in crate::store) struct Layout {
    pub(super) blocks: Vec<Told>,
    /// Bits of a filter that stand for a word.
    pub(super) probes: u32,
}

impl Layout {
    /// Nothing is known yet of a segment of this version.
    pub(in crate::store) const fn new(version: i32) -> Self {
        Self { blocks: Vec::new(), probes: schema::probes(version) }
    }

    /// Reads those that came since the last time.
    pub(in crate::store) fn read_on(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let sql =
            "SELECT first, last, min_start_unix_ns, max_start_unix_ns, min_duration_ns, max_duration_ns, statuses, saturated
                   FROM block WHERE first >= ? ORDER BY first";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([self.next()])?;
        while let Some(row) = rows.next()? {
            let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
            // Whatever a file says, no row is read twice, and none is left out for what cannot be.
            let is_possible = first >= self.next()
                && first <= last
                && last < 1 << ROW_BITS
                && last - first < number((PART_ROWS * PARTS) as u64);
            let statuses = row.get_ref(6)?.as_blob().unwrap_or_default().as_chunks::<2>().0;
            if !is_possible || statuses.len() > MAX_STATUSES {
                continue;
            }
            if self.blocks.len() >= MAX_BLOCKS {
                break;
            }
            let facts = Facts {
                start_unix_ns: (row.get(2)?, row.get(3)?),
                duration_ns: (row.get(4)?, row.get(5)?),
                statuses: statuses.iter().map(|status| u16::from_le_bytes(*status)).collect(),
                saturated: row.get(7)?,
            };
            self.blocks.push(Told { first, last, facts });
        }
        Ok(())
    }

    /// The row behind the last block.
    fn next(&self) -> i64 {
        self.blocks.last().map_or(0, |block| block.last + 1)
    }

    /// Rows up to number `end` that are in no block.
    pub(super) fn untold(&self, end: i64) -> Vec<Range> {
        let mut next = 0;
        let mut ranges = Vec::new();
        for (first, after) in self.blocks.iter().map(|block| (block.first, block.last + 1)).chain([(i64::MAX, 0)]) {
            let last = (first - 1).min(end);
            if next <= last {
                ranges.push(Range { first: next, last, latest_unix_ns: i64::MAX });
            }
            next = after;
        }
        ranges
    }
}
