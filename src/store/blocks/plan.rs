//! Which rows a search has to read.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{Facts, PART_ROWS, PARTS, ROW_BITS, SPAN_PIECES, filter, piece_id};
use crate::query::{Need, hash, number_column as number};
use crate::record::SpanId;
use crate::store::codec::take_number;

/// Words of a query that are looked up, at most; rows are asked about the others.
const MAX_WORDS: usize = 32;

/// So few parts of a segment are read sooner than another word is looked up.
const FEW_PARTS: u32 = 16;

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
    Asking { connection, blocks: &layout.blocks, words: 0 }.narrow(need, &mut parts)?;
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

/// A block as it was read.
#[derive(Debug)]
struct Told {
    first: i64,
    last: i64,
    facts: Facts,
}

/// The blocks of a segment. They are written once, so that only those are read again that came since.
#[derive(Debug, Default)]
pub(in crate::store) struct Layout {
    blocks: Vec<Told>,
}

impl Layout {
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
            if !is_possible {
                continue;
            }
            let statuses = row.get_ref(6)?.as_blob().unwrap_or_default().as_chunks::<2>().0;
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
    fn untold(&self, end: i64) -> Vec<Range> {
        let mut next = 0;
        let mut ranges = Vec::new();
        for (first, after) in self.blocks.iter().map(|block| (block.first, block.last + 1)).chain([(end.saturating_add(1), 0)]) {
            if next < first {
                ranges.push(Range { first: next, last: first - 1, latest_unix_ns: i64::MAX });
            }
            next = after;
        }
        ranges
    }
}

/// Asks what blocks hold.
struct Asking<'a> {
    connection: &'a Connection,
    blocks: &'a [Told],
    /// Words that were looked up.
    words: usize,
}

impl Asking<'_> {
    /// Takes away the parts that cannot have what is needed; there is a mask for each block.
    fn narrow(&mut self, need: &Need, parts: &mut [u8]) -> rusqlite::Result<()> {
        if parts.iter().all(|parts| *parts == 0) {
            return Ok(());
        }
        match need {
            Need::Nothing => {}
            Need::All(needs) => {
                // What the blocks tell themselves costs nothing, and may leave little to look up.
                let (dear, cheap): (Vec<_>, Vec<_>) = needs.iter().partition(|need| is_dear(need));
                cheap.into_iter().chain(dear).try_for_each(|need| self.narrow(need, parts))?;
            }
            Need::Either(needs) => {
                let mut either = vec![0; parts.len()];
                for need in needs {
                    let mut these = parts.to_vec();
                    self.narrow(need, &mut these)?;
                    either.iter_mut().zip(these).for_each(|(either, these)| *either |= these);
                }
                parts.copy_from_slice(&either);
            }
            Need::Words(words) => {
                // Long words are rare ones, mostly. With few parts left the others cannot spare much.
                let mut by_length: Vec<_> = words.iter().collect();
                by_length.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
                for word in by_length {
                    if self.words >= MAX_WORDS || parts.iter().map(|parts| parts.count_ones()).sum::<u32>() <= FEW_PARTS {
                        break;
                    }
                    self.words += 1;
                    let hash = hash(word);
                    let ask = |block: &Told, data: &[u8]| parts_of_word(data, hash) | block.facts.saturated;
                    self.look_up(SPAN_PIECES + filter::piece_of(hash), parts, ask)?;
                }
            }
            Need::Span(first, last) => {
                let (from, to) = (first.first_chunk().unwrap_or(&[0; 4]), last.first_chunk().unwrap_or(&[0xff; 4]));
                let (piece, last_piece) = (usize::from(first[0] >> 4), usize::from(last[0] >> 4));
                if piece == last_piece {
                    let ask = |_: &Told, data: &[u8]| parts_of_spans(data, |span| (from..=to).contains(&span));
                    self.look_up(piece, parts, ask)?;
                }
            }
            Need::Status(low, high) => {
                let is_there = |facts: &Facts| facts.statuses.iter().any(|status| (*low..=*high).contains(&i64::from(*status)));
                self.keep(parts, is_there);
            }
            Need::DurationNs(low, high) => self.keep(parts, |facts| facts.duration_ns.1 >= *low && facts.duration_ns.0 <= *high),
            Need::Start(first, last) => {
                self.keep(parts, |facts| facts.start_unix_ns.1 >= *first && facts.start_unix_ns.0 <= *last);
            }
        }
        Ok(())
    }

    fn keep(&self, parts: &mut [u8], may_hold: impl Fn(&Facts) -> bool) {
        for (block, parts) in self.blocks.iter().zip(parts) {
            if !may_hold(&block.facts) {
                *parts = 0;
            }
        }
    }

    /// Asks a piece of each block; where there is none, it may hold anything.
    fn look_up(&self, piece: usize, parts: &mut [u8], ask: impl Fn(&Told, &[u8]) -> u8) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached("SELECT id, data FROM piece WHERE id BETWEEN ? AND ?")?;
        let (start, row) = (piece_id(piece, 0), (1 << ROW_BITS) - 1);
        let mut pieces = statement.query([start, start | row])?;
        let mut blocks = self.blocks.iter().zip(parts).peekable();
        while let Some(piece) = pieces.next()? {
            let first = piece.get::<_, i64>(0)? & row;
            while blocks.next_if(|(block, _)| block.first < first).is_some() {}
            let Some((block, parts)) = blocks.next_if(|(block, _)| block.first == first) else { continue };
            if *parts != 0 {
                *parts &= ask(block, piece.get_ref(1)?.as_blob().unwrap_or_default());
            }
        }
        Ok(())
    }
}

/// Whether pieces have to be read for it.
const fn is_dear(need: &Need) -> bool {
    matches!(need, Need::Either(_) | Need::Words(_) | Need::Span(..))
}

/// The parts of a block that may have a word, of a piece of its filter; of one that cannot be read, all.
fn parts_of_word(mut data: &[u8], hash: u64) -> u8 {
    let mut parts = 0;
    for part in 0..PARTS {
        if data.is_empty() {
            // What is not told of may be anything.
            return parts | u8::MAX << part;
        }
        let taken = take_number(data).and_then(|(len, rest)| rest.split_at_checked(usize::try_from(len).ok()?));
        let Some((bits, rest)) = taken else { return u8::MAX };
        parts |= u8::from(filter::may_hold(bits, hash)) << part;
        data = rest;
    }
    parts
}

/// The parts of a block that have such an id, of a piece of them; of one that cannot be read, all.
fn parts_of_spans(mut data: &[u8], is_wanted: impl Fn(&[u8; 4]) -> bool) -> u8 {
    let mut parts = 0;
    for part in 0..PARTS {
        if data.is_empty() {
            // What is not told of may be anything.
            return parts | u8::MAX << part;
        }
        let taken =
            take_number(data).and_then(|(count, rest)| rest.split_at_checked(usize::try_from(count).ok()?.checked_mul(4)?));
        let Some((spans, rest)) = taken else { return u8::MAX };
        let mut spans = spans.as_chunks::<4>().0.iter().map(|span| u32::from_le_bytes(*span).to_be_bytes());
        parts |= u8::from(spans.any(|span| is_wanted(&span))) << part;
        data = rest;
    }
    parts
}
