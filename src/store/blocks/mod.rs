//! What blocks of rows hold: which of them a search has to read, and which it may pass over.
//!
//! # Shape
//! A block is up to 1,024 rows with numbers in a row, in parts of 128. The table `block` has the span of starts and
//! durations, and the statuses; `piece` has, for each block and in 48 pieces, what tells of each part
//! - the first 32 bits of the span ids, in 16 pieces by their first digit;
//! - the words of all texts that are searched, as a filter in 32 pieces, which says of a word that it is not there, or that
//!   it may be: wrongly of 6 words in 10,000.
//!
//! Of each block a search reads the one piece that its word or its id is in, and they lie together: number in front, block
//! behind. With 2,000,000 records these are some hundred KiB for each word.
//!
//! A block is written with the rows that fill it, in one transaction, and when its segment ends. Rows that are in none, as
//! there are behind the last one or after a transaction that failed, are read by every search. Nothing that is told here
//! decides what matches: each row that is not passed over is asked.
//!
//! Writing costs two bytes for each different word of a part and four for each row, in some fifty places of the file for each
//! block, whereas each index on ids changed most of its pages with every few hundred records.

mod ask;
mod builder;
mod filter;
mod layout;
mod plan;
mod texts;

use rusqlite::{Connection, params};

pub(super) use self::builder::Builder;
pub(super) use self::layout::Layout;
pub(super) use self::plan::{Range, ranges, rows_of_spans};

/// Rows of a part.
const PART_ROWS: usize = 128;
/// Parts of a block; a mask of them has as many bits.
const PARTS: usize = 8;
/// Pieces for span ids, by their first digit.
const SPAN_PIECES: usize = 16;
/// Pieces for words, by the first bits of their hash.
const WORD_PIECES: usize = 32;
/// Bits of a piece's number that are the block's first row.
const ROW_BITS: u32 = 40;

/// What is known of the rows of a block together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    /// The first and the last one.
    start_unix_ns: (i64, i64),
    duration_ns: (i64, i64),
    /// Each once, in order.
    statuses: Vec<u16>,
    /// The parts whose words are too many to be told; a bit for each.
    saturated: u8,
}

impl Default for Facts {
    fn default() -> Self {
        let none = (i64::MAX, i64::MIN);
        Self { start_unix_ns: none, duration_ns: none, statuses: Vec::new(), saturated: 0 }
    }
}

/// A block that is to be written.
#[derive(Debug)]
pub(super) struct Block {
    first: i64,
    last: i64,
    facts: Facts,
    /// For span ids, then for words.
    pieces: Vec<Vec<u8>>,
}

impl Block {
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Facts { start_unix_ns, duration_ns, statuses, saturated } = &self.facts;
        let statuses: Vec<u8> = statuses.iter().flat_map(|status| status.to_le_bytes()).collect();
        let sql =
            "INSERT INTO block(first, last, min_start_unix_ns, max_start_unix_ns, min_duration_ns, max_duration_ns, statuses,
                   saturated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        connection.prepare_cached(sql)?.execute(params![
            self.first,
            self.last,
            start_unix_ns.0,
            start_unix_ns.1,
            duration_ns.0,
            duration_ns.1,
            statuses,
            saturated
        ])?;
        let mut statement = connection.prepare_cached("INSERT INTO piece(id, data) VALUES (?, ?)")?;
        for (number, data) in self.pieces.iter().enumerate() {
            statement.execute(params![piece_id(number, self.first), data])?;
        }
        Ok(())
    }
}

/// The number of a piece in its table.
fn piece_id(number: usize, first: i64) -> i64 {
    i64::try_from(number).unwrap_or_default() << ROW_BITS | first
}
