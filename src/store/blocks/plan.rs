//! Which rows a search has to read.

use std::collections::{HashMap, HashSet};

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
pub(in crate::store) fn ranges(connection: &Connection, end: i64, need: &Need, window: Window) -> rusqlite::Result<Vec<Range>> {
    let Layout { blocks, mut ranges } = layout(connection, end)?;
    let is_wanted = |facts: &Facts| facts.start_unix_ns.1 >= window.0 && facts.start_unix_ns.0 <= window.1;
    let blocks: Vec<_> = blocks.into_iter().filter(|block| is_wanted(&block.facts) && need.parts(block, None) != 0).collect();
    let mut known = Known::default();
    if !blocks.is_empty() {
        known.look_up(connection, need)?;
    }
    for block in &blocks {
        let parts = need.parts(block, Some(&known));
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
    end: i64,
    spans: &HashSet<SpanId>,
) -> rusqlite::Result<Vec<Range>> {
    let wanted: HashSet<[u8; 4]> = spans.iter().filter_map(|span| span.0.first_chunk().copied()).collect();
    let Layout { blocks, mut ranges } = layout(connection, end)?;
    let mut statement = connection.prepare_cached("SELECT data FROM piece WHERE id = ?")?;
    for block in blocks {
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
struct Told {
    first: i64,
    last: i64,
    facts: Facts,
}

struct Layout {
    blocks: Vec<Told>,
    /// Rows that are in none.
    ranges: Vec<Range>,
}

fn layout(connection: &Connection, end: i64) -> rusqlite::Result<Layout> {
    let sql = "SELECT first, last, min_start_unix_ns, max_start_unix_ns, min_duration_ns, max_duration_ns, statuses, saturated
               FROM block ORDER BY first";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let (mut blocks, mut ranges, mut next) = (Vec::new(), Vec::new(), 0);
    let untold = |first: i64, last: i64| (first <= last).then_some(Range { first, last, latest_unix_ns: i64::MAX });
    while let Some(row) = rows.next()? {
        let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
        // Whatever a file says, no row is read twice, and none is left out for what cannot be.
        let is_possible = first >= next && first <= last && last - first < number((PART_ROWS * PARTS) as u64);
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
        ranges.extend(untold(next, first - 1));
        blocks.push(Told { first, last, facts });
        next = last + 1;
    }
    ranges.extend(untold(next, end));
    Ok(Layout { blocks, ranges })
}

/// What was looked up: for each word or range of ids, the parts of each block that may have it, by the block's first row.
#[derive(Default)]
struct Known {
    words: HashMap<u64, HashMap<i64, u8>>,
    spans: HashMap<([u8; 8], [u8; 8]), HashMap<i64, u8>>,
}

impl Known {
    fn look_up(&mut self, connection: &Connection, need: &Need) -> rusqlite::Result<()> {
        match need {
            Need::All(needs) | Need::Either(needs) => needs.iter().try_for_each(|need| self.look_up(connection, need)),
            Need::Words(words) => {
                // Long words are rare ones, mostly. With few parts left the others cannot spare much.
                let mut by_length: Vec<_> = words.iter().collect();
                by_length.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
                let mut left: Option<HashMap<i64, u8>> = None;
                for word in by_length {
                    let parts = self.look_up_word(connection, hash(word))?;
                    let both = |(block, left): (&i64, &u8)| (*block, left & parts.get(block).unwrap_or(&u8::MAX));
                    let still = left.as_ref().map_or_else(|| parts.clone(), |left| left.iter().map(both).collect());
                    if still.values().map(|parts| parts.count_ones()).sum::<u32>() <= FEW_PARTS {
                        break;
                    }
                    left = Some(still);
                }
                Ok(())
            }
            Need::Span(first, last) => {
                let (from, to) = (first.first_chunk().unwrap_or(&[0; 4]), last.first_chunk().unwrap_or(&[0xff; 4]));
                let (piece, last_piece) = (usize::from(first[0] >> 4), usize::from(last[0] >> 4));
                if piece == last_piece && self.spans.len() < MAX_WORDS {
                    let is_wanted = |span: &[u8; 4]| (from..=to).contains(&span);
                    let parts = look_up(connection, piece, |data| parts_of_spans(data, is_wanted))?;
                    self.spans.insert((*first, *last), parts);
                }
                Ok(())
            }
            Need::Nothing | Need::Status(..) | Need::DurationNs(..) | Need::Start(..) => Ok(()),
        }
    }
}

impl Known {
    fn look_up_word(&mut self, connection: &Connection, hash: u64) -> rusqlite::Result<&HashMap<i64, u8>> {
        let is_one_more = self.words.len() < MAX_WORDS && !self.words.contains_key(&hash);
        let parts = if is_one_more {
            look_up(connection, SPAN_PIECES + filter::piece_of(hash), |data| parts_of_word(data, hash))?
        } else {
            HashMap::new()
        };
        Ok(self.words.entry(hash).or_insert(parts))
    }
}

/// Asks a piece of each block.
fn look_up(connection: &Connection, piece: usize, ask: impl Fn(&[u8]) -> u8) -> rusqlite::Result<HashMap<i64, u8>> {
    let mut statement = connection.prepare_cached("SELECT id, data FROM piece WHERE id BETWEEN ? AND ?")?;
    let (start, rows) = (piece_id(piece, 0), (1 << ROW_BITS) - 1);
    let mut of_blocks = statement.query([start, start | rows])?;
    let mut parts = HashMap::new();
    while let Some(row) = of_blocks.next()? {
        parts.insert(row.get::<_, i64>(0)? & rows, ask(row.get_ref(1)?.as_blob().unwrap_or_default()));
    }
    Ok(parts)
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

impl Need {
    /// The parts of a block that may have what is needed, a bit for each; without what was looked up by what the block itself
    /// tells.
    fn parts(&self, block: &Told, known: Option<&Known>) -> u8 {
        let Facts { start_unix_ns, duration_ns, statuses, saturated } = &block.facts;
        let whole = |may_hold: bool| if may_hold { u8::MAX } else { 0 };
        let of = |parts: Option<&HashMap<i64, u8>>| parts.and_then(|parts| parts.get(&block.first)).copied().unwrap_or(u8::MAX);
        match self {
            Self::Nothing => u8::MAX,
            Self::All(needs) => {
                needs.iter().fold(u8::MAX, |parts, need| if parts == 0 { 0 } else { parts & need.parts(block, known) })
            }
            Self::Either(needs) => needs.iter().fold(0, |parts, need| parts | need.parts(block, known)),
            Self::Words(words) => {
                let Some(known) = known else { return u8::MAX };
                let has = |word: &String| of(known.words.get(&hash(word))) | saturated;
                words.iter().fold(u8::MAX, |parts, word| parts & has(word))
            }
            Self::Span(first, last) => known.map_or(u8::MAX, |known| of(known.spans.get(&(*first, *last)))),
            Self::Status(low, high) => whole(statuses.iter().any(|status| (*low..=*high).contains(&i64::from(*status)))),
            Self::DurationNs(low, high) => whole(duration_ns.1 >= *low && duration_ns.0 <= *high),
            Self::Start(from, before) => whole(start_unix_ns.1 >= *from && start_unix_ns.0 < *before),
        }
    }
}
