//! A whole record as bytes.
//!
//! One version byte, then numbers as LEB128 and texts with their length, in a fixed order. Only texts that the record
//! still reaches are written: the buffer behind it may hold what was replaced. Names, targets and files repeat a lot and
//! are written once, as are values of headers, hosts and ids: `0` and the text, later the number of its first appearance.
//! Numbers begin behind those of texts that most records have and none holds, see `preset`. A later version of this format
//! may add to the end, which is not read.

mod preset;
mod read;
mod write;

use tracing::Level;

use self::read::Reader;
use super::Error;
use super::error::Kind as ErrorKind;
use crate::record::parts::{Media, Side};
use crate::record::{Kind, Record, RequestIdSource};

const VERSION: u8 = 4;
/// Without texts that stand for others but for names, and without those that every record knows.
const THIRD: u8 = 3;
/// Without what `since_third` writes.
const SECOND: u8 = 2;
/// Without what `since_second` writes.
const FIRST: u8 = 1;

const KINDS: [Kind; 5] = [Kind::Request, Kind::Event, Kind::Span, Kind::Live, Kind::Partial];
const SOURCES: [RequestIdSource; 4] =
    [RequestIdSource::Generated, RequestIdSource::Inbound, RequestIdSource::Extension, RequestIdSource::Maker];
const SIDES: [Side; 3] = [Side::Request, Side::Response, Side::Trailer];
const MEDIA: [Media; 3] = [Media::Json, Media::Form, Media::Text];
const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// Appends a record.
pub(super) fn encode(record: &Record, out: &mut Vec<u8>) {
    out.push(VERSION);
    write::record(record.parts(), out);
}

/// Reads a record back.
///
/// # Errors
/// When the bytes are not a record of a known version.
pub(super) fn decode(bytes: &[u8]) -> Result<Record, Error> {
    decode_with(bytes, Reader::record)
}

fn decode_with<'a>(bytes: &'a [u8], read: impl FnOnce(Reader<'a>, u8) -> Option<Record>) -> Result<Record, Error> {
    match bytes.split_first() {
        Some((version @ &(FIRST..=VERSION), rest)) => read(Reader::new(rest, *version), *version)
            .ok_or_else(|| Error::new(ErrorKind::Damaged, "a stored record is damaged")),
        Some((version, _)) => {
            let message = format!("a stored record has version {version}; the newest known one is {VERSION}");
            Err(Error::new(ErrorKind::Damaged, message))
        }
        None => Err(Error::new(ErrorKind::Damaged, "a stored record is empty")),
    }
}

/// Reads what comes first of a record, up to its attributes; it has nothing else then.
///
/// # Errors
/// As [`decode`], though what comes behind may be damaged.
pub(super) fn decode_start(bytes: &[u8]) -> Result<Record, Error> {
    decode_with(bytes, |reader, _| reader.start())
}

/// Appends a number.
pub(super) fn put_number(out: &mut Vec<u8>, value: u64) {
    write::number(out, value);
}

/// Takes a number from the front.
pub(super) fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index).ok()? * 7)?;
        if *byte < 0x80 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// Appends key and value pairs.
pub(super) fn encode_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in pairs.flat_map(|(key, value)| [key, value]) {
        write::number(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    out
}

/// Reads key and value pairs, up to what is not one.
pub(super) fn decode_pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let mut reader = Reader::new(bytes, VERSION);
    std::iter::from_fn(|| Some((reader.str()?.to_owned(), reader.str()?.to_owned()))).collect()
}
