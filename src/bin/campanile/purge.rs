//! `campanile purge`: takes what matches out of the store for good.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use campanile::exporter::escape;
use campanile::store::{Purge, Purgeable, Purged};
use serde_json::json;

use crate::args;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
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
    let mut progress = Progress { told: Instant::now(), is_open: false };
    let purged = purge.run(|done, all| progress.tell(done, all))?;
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
    let nothing = |why: &str| Err(Failure::new(Failure::USAGE, format!("nothing was removed: {why}")));
    let (input, mut err) = (io::stdin(), io::stderr());
    if !input.is_terminal() || !err.is_terminal() {
        return nothing("say --yes to remove these records for good");
    }
    write!(err, "Remove {} for good? [y/N] ", if found.records == 1 { "it" } else { "them" })?;
    err.flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    match answer.trim() {
        answer if answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes") => Ok(()),
        _ => nothing("the answer was not yes"),
    }
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

/// A bar on a terminal, after the first second.
struct Progress {
    told: Instant,
    is_open: bool,
}

impl Progress {
    /// Cells of the bar.
    const WIDTH: u64 = 30;

    fn tell(&mut self, done: u64, all: u64) {
        let mut err = io::stderr();
        let pause = Duration::from_millis(if self.is_open { 200 } else { 1000 });
        if self.told.elapsed() < pause || !err.is_terminal() {
            return;
        }
        (self.told, self.is_open) = (Instant::now(), true);
        let share = done.saturating_mul(100).checked_div(all).unwrap_or_default().min(100);
        let full = share * Self::WIDTH / 100;
        let bar: String = (0..Self::WIDTH).map(|cell| if cell < full { '█' } else { '░' }).collect();
        let _ = write!(err, "\r{bar} {share:>3} % of {}", bytes(all));
    }

    fn end(&self) {
        if self.is_open {
            let _ = writeln!(io::stderr());
        }
    }
}
