//! `campanile export`: what matches, as a file for other programs and other people.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use campanile::archive::{Format, Share, Writer};
use campanile::exporter::escape;
use campanile::page;
use campanile::query::Query;
use campanile::store::{Reader, Scan};

use crate::args::{Export, ExportFormat};
use crate::failure::Failure;
use crate::output::Output;
use crate::walk::{Walked, walk, walk_over};
use crate::{csv, place};

/// Long enough for any store; Ctrl-C ends it before.
const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
/// Cells of a line of a page that nobody's terminal is known for.
const PAGE_WIDTH: usize = 120;

/// Writes to the file that was named, else to the standard output.
pub(crate) fn run(args: &Export, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.matching.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let walked = match &args.out {
        None if args.format == ExportFormat::Zip && output.is_terminal() => {
            return Err(Failure::new(Failure::USAGE, "a zip is no text: name a file with --out FILE"));
        }
        None => write(args.format, &mut reader, &query, output.writer())?,
        Some(path) => {
            let mut file = BufWriter::new(create(path, args.force)?);
            let written = write(args.format, &mut reader, &query, &mut file);
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

fn write(format: ExportFormat, reader: &mut Reader, query: &Query, out: &mut dyn Write) -> Result<Walked, Failure> {
    match format {
        ExportFormat::Csv => {
            out.write_all(csv::HEAD.as_bytes())?;
            walk(reader, query, WITHIN, |stored| Ok(out.write_all(csv::row(stored).as_bytes())?))
        }
        ExportFormat::Json => walk(reader, query, WITHIN, |stored| Ok(out.write_all(page::json(stored).as_bytes())?)),
        ExportFormat::Har => {
            let mut writer = Writer::new(Format::Har, out);
            let walked = walk(reader, query, WITHIN, |stored| Ok(writer.write(stored)?))?;
            writer.finish()?;
            Ok(walked)
        }
        ExportFormat::Otlp => {
            let mut writer = Writer::new(Format::OtlpLines, out);
            let walked = walk_over(reader, &everything(query), WITHIN, |stored| Ok(writer.write(stored)?))?;
            writer.finish()?;
            Ok(walked)
        }
        ExportFormat::Zip => share(reader, query, out),
    }
}

/// Also what happened outside any request.
fn everything(query: &Query) -> Scan<'_> {
    let mut scan = Scan::of(query);
    scan.with_outside = true;
    scan
}

/// A share goes through the store once for each file in it.
fn share(reader: &mut Reader, query: &Query, out: &mut dyn Write) -> Result<Walked, Failure> {
    let mut is_late = false;
    let share = Share::new().with_query(query.as_str());
    let share = share.with_pages(|stored| page::of(stored, PAGE_WIDTH));
    let read = share.write(out, |take| -> Result<(), Failure> {
        is_late |= walk_over(reader, &everything(query), WITHIN, |stored| take(stored))?.is_late;
        Ok(())
    })?;
    Ok(Walked { read, is_late })
}
