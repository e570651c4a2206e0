//! `campanile show`: everything about one request.

use std::path::Path;

use campanile::exporter::escape;
use campanile::record::{Kind, Record};
use campanile::store::{Reader, Stored};

use crate::args::Show;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::page::{page, status};
use crate::render::moment;
use crate::{place, ps};

/// Finds one record and prints it.
pub(crate) fn run(args: &Show, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let stored = one(&mut reader, &args.id, args.common.json, output)?;
    if args.common.json {
        return output.write(&full::json(&stored));
    }
    let later = outside(&mut reader, stored.record())?;
    let fate = fate(&mut reader, stored.record())?;
    output.write(&page(stored.record(), stored.resource(), fate.as_deref(), &later, output.width()))
}

/// The one record that has this id; where several have it, they are listed.
pub(crate) fn one(reader: &mut Reader, id: &str, as_json: bool, output: &mut Output) -> Result<Stored, Failure> {
    let id = id.trim();
    if id.len() < 4 || id.len() > 200 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "an id is at least 4 digits of a short id (0-9, a-f), a whole request id or a whole trace id";
        return Err(Failure::new(Failure::USAGE, message));
    }
    let mut found = reader.by_id(id)?;
    for warning in reader.warnings() {
        output.complain(warning);
    }
    // Requests are what ids name; what happened outside any request is shown when there is nothing else.
    if found.iter().any(|stored| stored.record().kind() == Kind::Request) {
        found.retain(|stored| stored.record().kind() == Kind::Request);
    } else if found.iter().any(|stored| stored.record().kind() == Kind::Partial) {
        // Still running, or the process died.
        found.retain(|stored| stored.record().kind() == Kind::Partial);
    }
    if found.len() > 1 {
        for stored in found.iter().rev() {
            output.write(&if as_json { full::json(stored) } else { choice(stored) })?;
        }
        return Err(Failure::new(Failure::SEVERAL, format!("{} requests have an id like {id}; give more of it", found.len())));
    }
    let missing = || Failure::new(Failure::NOTHING, format!("no request has the id {id}; it may have been removed by age"));
    found.pop().ok_or_else(missing)
}

/// What became of a request that has no record.
fn fate(reader: &mut Reader, record: &Record) -> Result<Option<String>, Failure> {
    if record.kind() != Kind::Partial {
        return Ok(None);
    }
    let all = reader.unfinished()?;
    Ok(all.iter().find(|it| it.record().span_id() == record.span_id()).map(ps::outcome))
}

/// What happened in the same trace outside any request: work that a request left behind. Oldest first.
fn outside(reader: &mut Reader, record: &Record) -> Result<Vec<Stored>, Failure> {
    let Some(trace) = record.trace_id() else { return Ok(Vec::new()) };
    let mut found = reader.by_id(&trace.to_string())?;
    found.retain(|stored| !matches!(stored.record().kind(), Kind::Request | Kind::Partial));
    found.sort_by_key(|stored| stored.record().start_unix_ns());
    Ok(found)
}

/// One of several.
fn choice(stored: &Stored) -> String {
    let record = stored.record();
    let what = escape(record.route().unwrap_or_else(|| record.path())).to_string();
    format!("{}  {}  {:>3}  {} {what}\n", record.span_id(), moment(record), status(record), escape(record.method()))
}
