//! `campanile export`: what matches, as a file for other programs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use campanile::exporter::escape;
use campanile::query::Query;
use campanile::store::{Reader, Stored};

use crate::args::{Export, ExportFormat};
use crate::failure::Failure;
use crate::output::Output;
use crate::walk::{Walked, walk};
use crate::{csv, full, har, place};

/// Long enough for any store; Ctrl-C ends it before.
const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes to the file that was named, else to the standard output.
pub(crate) fn run(args: &Export, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.matching.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let walked = match &args.out {
        None => write(args.format, &mut reader, &query, |text| output.write(text))?,
        Some(path) => {
            let mut file = BufWriter::new(create(path, args.force)?);
            let written = write(args.format, &mut reader, &query, |text| Ok(file.write_all(text.as_bytes())?));
            file.flush()?;
            written?
        }
    };
    for warning in reader.warnings() {
        output.complain(warning);
    }
    if walked.is_late {
        output.complain("time was over; the newest were written");
    }
    walked.is_any()
}

/// A new file that only its owner reads; one that is there stays, unless it is to be replaced. A link is never followed.
fn create(path: &Path, force: bool) -> Result<File, Failure> {
    let named = || escape(&path.display().to_string()).to_string();
    if force && path.symlink_metadata().is_ok_and(|known| known.is_file()) {
        std::fs::remove_file(path)
            .map_err(|error| Failure::new(Failure::OUTPUT, format!("cannot replace '{}': {error}", named())))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(Failure::OUTPUT, format!("'{}' is there already; --force replaces a file, not a link", named()))
        }
        _ => Failure::new(Failure::OUTPUT, format!("cannot create '{}': {error}", named())),
    })
}

fn write(
    format: ExportFormat,
    reader: &mut Reader,
    query: &Query,
    mut write: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Walked, Failure> {
    write(match format {
        ExportFormat::Csv => csv::HEAD,
        ExportFormat::Har => har::START,
        ExportFormat::Json => "",
    })?;
    let mut is_first = true;
    let walked = walk(reader, query, WITHIN, |stored| {
        write(&part(format, stored, is_first))?;
        is_first = false;
        Ok(())
    })?;
    if format == ExportFormat::Har {
        write(har::END)?;
    }
    Ok(walked)
}

fn part(format: ExportFormat, stored: &Stored, is_first: bool) -> String {
    match format {
        ExportFormat::Csv => csv::row(stored),
        ExportFormat::Json => full::json(stored),
        ExportFormat::Har => format!("{}{}", if is_first { "" } else { "," }, full::line(har::entry(stored))),
    }
}
