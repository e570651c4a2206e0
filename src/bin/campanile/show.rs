//! `campanile show`: everything about one request.

use std::path::Path;

use campanile::exporter::escape;
use campanile::page::{self, status};
use campanile::store::{Reader, Stored};

use crate::args::Show;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::render::moment;

/// Finds one record and prints it.
pub(crate) fn run(args: &Show, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let stored = one(&mut reader, &args.id, args.common.json, output)?;
    if args.common.json {
        return output.write(&page::json(&stored));
    }
    output.write(&page::text(&mut reader, &stored, output.width())?)
}

/// The one record that has this id; where several have it, they are listed.
pub(crate) fn one(reader: &mut Reader, id: &str, as_json: bool, output: &mut Output) -> Result<Stored, Failure> {
    let id = id.trim();
    if id.len() < 4 || id.len() > 200 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "an id is a short id, a request id or a trace id, or its first 4 characters at least";
        return Err(Failure::new(Failure::USAGE, message));
    }
    let mut found = page::find(reader, id)?;
    for warning in reader.warnings() {
        output.complain(warning);
    }
    if found.len() > 1 {
        for stored in found.iter().rev() {
            output.write(&if as_json { page::json(stored) } else { choice(stored) })?;
        }
        return Err(Failure::new(Failure::SEVERAL, format!("{} requests have an id like {id}; give more of it", found.len())));
    }
    let missing = || Failure::new(Failure::NOTHING, format!("no request has the id {id}; it may have been removed by age"));
    found.pop().ok_or_else(missing)
}

/// One of several.
fn choice(stored: &Stored) -> String {
    let record = stored.record();
    let what = escape(record.route().unwrap_or_else(|| record.path())).to_string();
    format!("{}  {}  {:>3}  {} {what}\n", record.span_id(), moment(record), status(record), escape(record.method()))
}
