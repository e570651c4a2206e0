//! Which rows a search has to read.

use std::collections::HashSet;

use rusqlite::Connection;

use super::ask::{Asking, parts_of_spans};
use super::{Facts, Layout, PART_ROWS, PARTS, SPAN_PIECES, piece_id};
use crate::query::{Need, number_column as number};
use crate::record::SpanId;

/// Rows that may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Range {
    pub(in crate::store) first: i64,
    pub(in crate::store) last: i64,
    /// None of them began later.
    pub(in crate::store) latest_unix_ns: i64,
}

/// Where rows must have begun to be of interest: not before the one, and not after the other.
pub(in crate::store) type Window = (i64, i64);

/// The rows up to number `end` that may match, those that began last first.
pub(in crate::store) fn ranges(
    connection: &Connection,
    layout: &Layout,
    end: i64,
    need: &Need,
    window: Window,
) -> rusqlite::Result<Vec<Range>> {
    let is_wanted = |facts: &Facts| facts.start_unix_ns.1 >= window.0 && facts.start_unix_ns.0 <= window.1;
    let mut parts: Vec<u8> = layout.blocks.iter().map(|block| if is_wanted(&block.facts) { u8::MAX } else { 0 }).collect();
    Asking::new(connection, layout).narrow(need, &mut parts)?;
    let mut ranges = layout.untold(end);
    for (block, parts) in layout.blocks.iter().zip(parts) {
        let mut open: Option<Range> = None;
        for part in (0..PARTS).filter(|part| parts & 1 << part != 0) {
            let first = block.first + number((part * PART_ROWS) as u64);
            let last = (first + number(PART_ROWS as u64) - 1).min(block.last).min(end);
            if first > last {
                break;
            }
            match &mut open {
                Some(range) if range.last + 1 == first => range.last = last,
                _ => ranges.extend(open.replace(Range { first, last, latest_unix_ns: block.facts.start_unix_ns.1 })),
            }
        }
        ranges.extend(open);
    }
    ranges.sort_unstable_by_key(|range| std::cmp::Reverse((range.latest_unix_ns, range.first)));
    Ok(ranges)
}

/// The rows up to number `end` that may have one of these span ids.
pub(in crate::store) fn rows_of_spans(
    connection: &Connection,
    layout: &Layout,
    end: i64,
    spans: &HashSet<SpanId>,
) -> rusqlite::Result<Vec<Range>> {
    let wanted: HashSet<[u8; 4]> = spans.iter().filter_map(|span| span.0.first_chunk().copied()).collect();
    let mut ranges = layout.untold(end);
    let mut statement = connection.prepare_cached("SELECT data FROM piece WHERE id = ?")?;
    for block in &layout.blocks {
        let mut parts = 0;
        for piece in 0..SPAN_PIECES {
            let mut rows = statement.query([piece_id(piece, block.first)])?;
            parts |= match rows.next()? {
                Some(row) => parts_of_spans(row.get_ref(0)?.as_blob().unwrap_or_default(), |span| wanted.contains(span)),
                None => u8::MAX,
            };
        }
        if parts != 0 {
            ranges.push(Range { first: block.first, last: block.last, latest_unix_ns: block.facts.start_unix_ns.1 });
        }
    }
    Ok(ranges)
}
