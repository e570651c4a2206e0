//! `campanile tail`: what matches, as it comes.

use std::path::Path;
use std::thread;
use std::time::Duration;

use campanile::exporter::escape;
use campanile::query::Query;
use campanile::store::{Cursor, Find, Reader};

use crate::args::Tail;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::render::{Lines, missing, now};

/// Time between two looks: with the store's own tenth of a second, a record is seen a third of a second after its end.
const STEP: Duration = Duration::from_millis(200);
/// Looks between two questions for losses.
const GAPS_EVERY: u32 = 10;

/// Prints the last matches, and then goes on until somebody ends it.
pub(crate) fn run(args: &Tail, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.matching.query()?;
    let directory = place::find(store)?;
    let mut reader = open(&directory, output)?;
    let mut lines = Lines::new(output, args.common.json);
    for stored in reader.find(&query, &Find::with_limit(args.lines))?.iter().rev() {
        output.write(&lines.of(stored))?;
    }
    output.flush()?;
    let position = reader.position();
    follow(&mut reader, &query, position, &mut lines, output)
}

/// The store; waits for one whose directory is there, but has nothing in it yet.
fn open(directory: &Path, output: &mut Output) -> Result<Reader, Failure> {
    let mut was_told = false;
    loop {
        match Reader::open(directory) {
            Err(error) if error.is_not_found() && directory.is_dir() => {
                if !was_told {
                    let shown = directory.display().to_string();
                    output.complain(&format!("waiting for the first record in '{}'", escape(&shown)));
                    was_told = true;
                }
                thread::sleep(STEP);
            }
            done => return Ok(done?),
        }
    }
}

fn follow(
    reader: &mut Reader,
    query: &Query,
    mut position: Cursor,
    lines: &mut Lines,
    output: &mut Output,
) -> Result<(), Failure> {
    let (mut warned, mut gaps_from) = (0, now());
    for look in 1_u32.. {
        thread::sleep(STEP);
        for stored in reader.poll(query, &mut position)? {
            output.write(&lines.of(&stored))?;
        }
        output.flush()?;
        for warning in reader.warnings().iter().skip(warned) {
            output.complain(warning);
        }
        warned = reader.warnings().len();
        if look % GAPS_EVERY == 0 {
            for gap in reader.gaps(gaps_from)? {
                output.complain(&missing(gap.losses()));
                gaps_from = gap.unix_ns().saturating_add(1);
            }
        }
    }
    Ok(())
}
