//! OTLP in JSON: what is written of a record, and what is read of anybody's.
//!
//! # Source
//! OTLP 1.11.0, JSON Protobuf Encoding: ids are hexadecimal, names in lowerCamelCase, numbers of 64 bits text, enums
//! numbers; unknown fields are passed over.

mod assemble;
mod attributes;
mod keys;
mod of_log;
mod of_span;
mod own;
mod read_own;
mod wire;
mod write;

pub(super) use self::assemble::Assembly;
pub(super) use self::wire::Line;
pub(super) use self::write::lines;
