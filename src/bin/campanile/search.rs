//! `campanile search`: what matches, the newest last.

use std::path::Path;

use campanile::store::{Find, Reader};

use crate::args::Search;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::render::{Lines, missing};

/// Finds and prints.
pub(crate) fn run(args: &Search, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let found = reader.find(&query, &Find::with_limit(args.limit))?;
    let mut lines = Lines::new(output, args.common.json);
    for stored in found.iter().rev() {
        output.write(&lines.of(stored))?;
    }
    output.flush()?;
    for warning in reader.warnings() {
        output.complain(warning);
    }
    let Some(oldest) = found.last() else {
        return Err(Failure::new(Failure::NOTHING, "nothing matches"));
    };
    for gap in reader.gaps(oldest.record().start_unix_ns())? {
        output.complain(&missing(gap.losses()));
    }
    if found.len() == args.limit.min(Find::MAX_LIMIT) {
        output.complain(&format!("these are the newest {}; -n shows more", found.len()));
    }
    Ok(())
}
