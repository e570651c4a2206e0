//! `campanile purge`: takes what matches out of the store for good.

use std::path::Path;

use campanile::exporter::escape;
use campanile::store::{Purge, Purgeable, Purged};
use serde_json::json;

use crate::args;
use crate::confirm::{Answer, ask};
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
use crate::progress::Progress;
use crate::render::{bytes, grouped};

/// Says how much it is, asks, and removes it.
pub(crate) fn run(args: &args::Purge, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.query()?;
    let mut purge = Purge::new(place::find(store)?, &query)?;
    let found = purge.count()?;
    let is_over = found.records == 0 || args.dry_run;
    if !args.common.json {
        output.write(&format!("{} in {} match.\n", records(found.records), segments(found.segments)))?;
        output.flush()?;
    } else if is_over {
        output.write(&line(&found, None))?;
    }
    if is_over {
        complain(output, &found.left);
        return if found.records == 0 { Err(Failure::new(Failure::NOTHING, "nothing matches")) } else { Ok(()) };
    }
    if !args.yes {
        confirm(&found)?;
    }
    let mut progress = Progress::new();
    let purged = purge.run(|done, all| progress.tell_share(done, all))?;
    progress.end();
    output.write(&if args.common.json { line(&found, Some(&purged)) } else { text(&purged) })?;
    complain(output, &purged.left);
    if purged.left.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Failure::STORE, "these files may still hold what matches"))
}

/// Asks on a terminal; elsewhere nobody can answer.
fn confirm(found: &Purgeable) -> Result<(), Failure> {
    let why = match ask(&format!("Remove {} for good?", if found.records == 1 { "it" } else { "them" })) {
        Answer::Yes => return Ok(()),
        Answer::No => "the answer was not yes",
        Answer::Nobody => "say --yes to remove these records for good",
    };
    Err(Failure::new(Failure::USAGE, format!("nothing was removed: {why}")))
}

fn complain(output: &mut Output, left: &[String]) {
    for file in left {
        output.complain(&escape(file).to_string());
    }
}

fn text(purged: &Purged) -> String {
    let groups = match purged.groups {
        0 => String::new(),
        1 => ", and a group of errors of which nothing is left".to_owned(),
        count => format!(", and {} groups of errors of which nothing is left", grouped(count)),
    };
    format!("Removed {} for good{groups}; {} are free.\n", records(purged.records), bytes(purged.bytes_freed))
}

fn line(found: &Purgeable, purged: Option<&Purged>) -> String {
    let left = purged.map_or(&found.left, |purged| &purged.left);
    full::line(json!({
        "matched": found.records,
        "segments": found.segments,
        "removed": purged.map_or(0, |purged| purged.records),
        "removed_groups": purged.map_or(0, |purged| purged.groups),
        "freed_bytes": purged.map_or(0, |purged| purged.bytes_freed),
        "left": left,
    }))
}

fn records(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{} records", grouped(count)) }
}

fn segments(count: u64) -> String {
    if count == 1 { "1 segment".to_owned() } else { format!("{} segments", grouped(count)) }
}
