//! Asks blocks which of their parts may have what is needed.

use rusqlite::Connection;

use super::layout::Told;
use super::{Facts, Layout, PARTS, ROW_BITS, SPAN_PIECES, filter, piece_id};
use crate::query::{Need, hash};
use crate::store::codec::take_number;
use crate::store::turns;

/// Words of a query that are looked up, at most; rows are asked about the others.
const MAX_WORDS: usize = 32;

/// Where one block in so many is left, or fewer, each is looked up by its number: that costs as much as to pass over some ten.
const FEW: usize = 10;

/// Asks what blocks hold.
pub(super) struct Asking<'a> {
    connection: &'a Connection,
    blocks: &'a [Told],
    /// Bits that stand for a word.
    probes: u32,
    /// Words that were looked up.
    words: usize,
}

impl<'a> Asking<'a> {
    pub(super) fn new(connection: &'a Connection, layout: &'a Layout) -> Self {
        Self { connection, blocks: &layout.blocks, probes: layout.probes, words: 0 }
    }

    /// Takes away the parts that cannot have what is needed; there is a mask for each block.
    pub(super) fn narrow(&mut self, need: &Need, parts: &mut [u8]) -> rusqlite::Result<()> {
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
                let mut either = vec![0_u8; parts.len()];
                for need in needs {
                    // What is to be read anyway need not be asked again.
                    let mut these: Vec<_> = parts.iter().zip(&either).map(|(parts, either)| parts & !either).collect();
                    self.narrow(need, &mut these)?;
                    either.iter_mut().zip(these).for_each(|(either, these)| *either |= these);
                }
                parts.copy_from_slice(&either);
            }
            Need::Words(words) => {
                // Long words are rare ones, mostly.
                let mut by_length: Vec<_> = words.iter().collect();
                by_length.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
                for word in by_length {
                    if self.words >= MAX_WORDS || parts.iter().all(|parts| *parts == 0) {
                        break;
                    }
                    self.words += 1;
                    let (hash, probes) = (hash(word), self.probes);
                    let ask = |block: &Told, data: &[u8]| parts_of_word(data, hash, probes) | block.facts.saturated;
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

    /// Asks a piece of each block that is left; where there is none, it may hold anything.
    fn look_up(&self, piece: usize, parts: &mut [u8], ask: impl Fn(&Told, &[u8]) -> u8) -> rusqlite::Result<()> {
        let is_left = |(_, parts): &(&Told, &mut u8)| **parts != 0;
        let are_few = parts.iter().filter(|parts| **parts != 0).count() * FEW < parts.len();
        let left = self.blocks.iter().zip(parts).filter(is_left);
        if are_few { self.look_up_each(piece, left, ask) } else { self.look_up_all(piece, left, ask) }
    }

    fn look_up_each<'b>(
        &self,
        piece: usize,
        left: impl Iterator<Item = (&'b Told, &'b mut u8)>,
        ask: impl Fn(&Told, &[u8]) -> u8,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached("SELECT data FROM piece WHERE id = ?")?;
        for (block, parts) in left {
            turns::take();
            let mut rows = statement.query([piece_id(piece, block.first)])?;
            if let Some(row) = rows.next()? {
                *parts &= ask(block, row.get_ref(0)?.as_blob().unwrap_or_default());
            }
        }
        Ok(())
    }

    /// In one pass over the piece of every block.
    fn look_up_all<'b>(
        &self,
        piece: usize,
        left: impl Iterator<Item = (&'b Told, &'b mut u8)>,
        ask: impl Fn(&Told, &[u8]) -> u8,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached("SELECT id, data FROM piece WHERE id BETWEEN ? AND ?")?;
        let (start, row) = (piece_id(piece, 0), (1 << ROW_BITS) - 1);
        let mut pieces = statement.query([start, start | row])?;
        let mut left = left.peekable();
        while let Some(piece) = pieces.next()? {
            turns::take();
            let first = piece.get::<_, i64>(0)? & row;
            while left.next_if(|(block, _)| block.first < first).is_some() {}
            if let Some((block, parts)) = left.next_if(|(block, _)| block.first == first) {
                *parts &= ask(block, piece.get_ref(1)?.as_blob().unwrap_or_default());
            } else if left.peek().is_none() {
                break;
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
fn parts_of_word(mut data: &[u8], hash: u64, probes: u32) -> u8 {
    let mut parts = 0;
    for part in 0..PARTS {
        if data.is_empty() {
            // What is not told of may be anything.
            return parts | u8::MAX << part;
        }
        let taken = take_number(data).and_then(|(len, rest)| rest.split_at_checked(usize::try_from(len).ok()?));
        let Some((bits, rest)) = taken else { return u8::MAX };
        parts |= u8::from(filter::may_hold(bits, hash, probes)) << part;
        data = rest;
    }
    parts
}

/// The parts of a block that have such an id, of a piece of them; of one that cannot be read, all.
pub(super) fn parts_of_spans(mut data: &[u8], is_wanted: impl Fn(&[u8; 4]) -> bool) -> u8 {
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
