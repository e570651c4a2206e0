//! Gathers what the rows of a block hold, while they are written.

use super::texts::Texts;
use super::{Block, Facts, PART_ROWS, PARTS, SPAN_PIECES, WORD_PIECES, filter};
use crate::query::{any_text, number_column as number};
use crate::record::{Record, SpanId};
use crate::store::codec::put_number;

/// Hashes of one part that are held, at most: 1 MiB.
const MAX_HASHES: usize = 128 * 1024;
/// Different words of one part, more or less, beyond which none are told: every search reads it then.
const MAX_WORDS: usize = MAX_HASHES / 2;

#[derive(Debug)]
pub(in crate::store) struct Builder {
    /// The first row of the block that is open.
    first: i64,
    /// Rows in it.
    rows: usize,
    facts: Facts,
    /// Of the part that is open.
    spans: Vec<u32>,
    hashes: Vec<u64>,
    texts: Texts,
    pieces: Vec<Vec<u8>>,
}

impl Builder {
    /// For rows from this one on.
    pub(in crate::store) fn new(first: i64) -> Self {
        Self {
            first,
            rows: 0,
            facts: Facts::default(),
            spans: Vec::new(),
            hashes: Vec::new(),
            texts: Texts::default(),
            pieces: vec![Vec::new(); SPAN_PIECES + WORD_PIECES],
        }
    }

    /// Forgets the block that is open: its rows are in none. The next one begins with this row.
    pub(in crate::store) fn restart(&mut self, first: i64) {
        self.begin(first);
        self.spans.clear();
        self.hashes.clear();
        self.texts.begin_part();
    }

    /// Takes the next row in, and hands over the block that it fills.
    pub(in crate::store) fn add(&mut self, record: &Record) -> Option<Block> {
        self.see(record);
        self.rows += 1;
        if self.rows.is_multiple_of(PART_ROWS) {
            self.finish_part();
        }
        (self.rows == PART_ROWS * PARTS).then(|| self.finish_block())
    }

    /// Goes on with this row: there are none before it. Hands over the block that ends there.
    pub(in crate::store) fn skip_to(&mut self, row: i64) -> Option<Block> {
        let next = self.first + number(self.rows as u64);
        if row - self.first >= number((PART_ROWS * PARTS) as u64) || self.rows == 0 {
            let ended = self.finish();
            self.begin(row);
            return ended;
        }
        // A part is told by the numbers of its rows, also of those that are not there.
        for _ in next..row {
            self.rows += 1;
            if self.rows.is_multiple_of(PART_ROWS) {
                self.finish_part();
            }
        }
        None
    }

    /// The block that is open, as it is.
    pub(in crate::store) fn finish(&mut self) -> Option<Block> {
        if self.rows == 0 {
            return None;
        }
        if !self.rows.is_multiple_of(PART_ROWS) {
            self.finish_part();
        }
        Some(self.finish_block())
    }

    fn see(&mut self, record: &Record) {
        let Facts { start_unix_ns, duration_ns, statuses, saturated } = &mut self.facts;
        widen(start_unix_ns, number(record.start_unix_ns()));
        widen(duration_ns, number(record.duration_ns()));
        if let Some(status) = record.status()
            && let Err(at) = statuses.binary_search(&status)
        {
            statuses.insert(at, status);
        }
        let SpanId([a, b, c, d, ..]) = record.span_id();
        self.spans.push(u32::from_be_bytes([a, b, c, d]));
        let part = 1 << (self.rows / PART_ROWS);
        if *saturated & part != 0 {
            return;
        }
        let Self { texts, hashes, .. } = self;
        let are_too_many = any_text(record, |text| {
            texts.add(text, hashes);
            if hashes.len() <= MAX_HASHES {
                return false;
            }
            hashes.sort_unstable();
            hashes.dedup();
            hashes.len() > MAX_WORDS
        });
        if are_too_many {
            self.hashes = Vec::new();
            self.facts.saturated |= part;
        }
    }

    fn finish_part(&mut self) {
        self.spans.sort_unstable();
        self.hashes.sort_unstable();
        self.hashes.dedup();
        let (mut spans, mut hashes) = (self.spans.as_slice(), self.hashes.as_slice());
        for (number, piece) in self.pieces.iter_mut().enumerate() {
            if let Some(word_piece) = number.checked_sub(SPAN_PIECES) {
                let (here, rest) = hashes.split_at(hashes.partition_point(|hash| filter::piece_of(*hash) <= word_piece));
                filter::build(here, piece);
                hashes = rest;
            } else {
                let (here, rest) = spans.split_at(spans.partition_point(|span| (span >> 28) as usize <= number));
                put_number(piece, here.len() as u64);
                piece.extend(here.iter().flat_map(|span| span.to_le_bytes()));
                spans = rest;
            }
        }
        self.spans.clear();
        self.hashes.clear();
        self.texts.begin_part();
    }

    fn finish_block(&mut self) -> Block {
        let last = self.first + number(self.rows as u64) - 1;
        let block = Block {
            first: self.first,
            last,
            facts: std::mem::take(&mut self.facts),
            pieces: self.pieces.iter_mut().map(|piece| piece.split_off(0)).collect(),
        };
        self.begin(last + 1);
        block
    }

    fn begin(&mut self, first: i64) {
        (self.first, self.rows, self.facts) = (first, 0, Facts::default());
        self.pieces.iter_mut().for_each(Vec::clear);
    }
}

const fn widen(bounds: &mut (i64, i64), value: i64) {
    if value < bounds.0 {
        bounds.0 = value;
    }
    if value > bounds.1 {
        bounds.1 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parts::Parts;

    fn record(number: u64) -> Record {
        let mut parts = Box::<Parts>::default();
        parts.span_id = SpanId(number.to_be_bytes());
        parts.start_unix_ns = 1000 - number;
        parts.status = Some([200, 404][number as usize % 2]);
        Record::new(parts)
    }

    #[test]
    fn a_block_is_full_at_its_last_row_and_tells_of_these_rows_alone() {
        let mut builder = Builder::new(1);
        assert!(builder.finish().is_none());
        let blocks: Vec<_> = (0..2100).filter_map(|number| builder.add(&record(number % 1000))).collect();
        let bounds: Vec<_> = blocks.iter().map(|block| (block.first, block.last)).collect();
        assert_eq!(bounds, [(1, 1024), (1025, 2048)]);
        assert_eq!(blocks[0].facts.start_unix_ns, (1, 1000));
        assert_eq!(blocks[0].facts.statuses, [200, 404]);
        let rest = builder.finish().unwrap();
        assert_eq!((rest.first, rest.last, rest.facts.start_unix_ns), (2049, 2100, (901, 952)));
        assert!(builder.finish().is_none());
    }

    #[test]
    fn rows_of_a_transaction_that_failed_are_in_no_block() {
        let mut builder = Builder::new(1);
        assert!((0..1000).all(|number| builder.add(&record(number)).is_none()));
        builder.restart(901);
        let blocks: Vec<_> = (0..1024).filter_map(|number| builder.add(&record(number % 10))).collect();
        assert_eq!((blocks[0].first, blocks[0].last, blocks[0].facts.start_unix_ns), (901, 1924, (991, 1000)));
    }
}
