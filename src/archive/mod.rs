//! Files in which requests travel between people: records go out as they are stored, and come in like any others.
//!
//! | format | out | in |
//! |---|---|---|
//! | OTLP JSON lines | [`Format::OtlpLines`] | [`Import`] |
//! | HTTP archive (HAR) | [`Format::Har`] | [`Import`] |
//! | a share: a zip of both, with pages to read | [`Share`] | [`Import`] |
//!
//! # OTLP JSON lines
//! What a collector's file exporter writes: each line is one `ExportTraceServiceRequest` or `ExportLogsServiceRequest`. A
//! record is one line of its spans and one of its log records, with the names and values that [`otlp`](crate::otlp) sends,
//! headers and bodies included. What OTLP has no place for stands in one attribute, `campanile.record`, and a few others
//! that begin with `campanile.`; other readers pass over them. Nothing is taken out: what is stored is redacted.
//!
//! What is written and read again is the same record, but for this:
//! - a number beyond 63 bits becomes text;
//! - of two fields with one name, or a field named as an attribute of OTLP's that stands there already, the first stays;
//! - a record of several late events becomes one of each;
//! - the rules of the reader are gone by: a header that the application's own settings had shown is withheld again.
//!
//! # HAR
//! Each request is an entry. Its events, spans and errors have no place there; its ids, outcome and route stand in
//! `_campanile`.
//!
//! # Coming in
//! A file from outside is not trusted: lines and entries are bounded, secrets are taken out by the rules of live requests,
//! and nothing in it names a file. What can be read is read, the rest is counted and told, see [`Imported`].

mod address;
mod file;
mod har;
mod import;
mod imported;
mod make;
mod otlp;
mod share;

pub use self::file::{Format, Writer};
pub use self::import::Import;
pub use self::imported::{Imported, Problem};
pub use self::share::Share;
