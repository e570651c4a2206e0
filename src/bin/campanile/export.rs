//! `campanile export`: what matches, as a file for other programs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use campanile::exporter::escape;
use campanile::query::Query;
use campanile::store::{Reader, Scan, Scanned, Stored};

use crate::args::{Export, ExportFormat};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::{csv, full, har, place};

/// Long enough for any store; Ctrl-C ends it before.
const WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes to the file that was named, else to the standard output.
pub(crate) fn run(args: &Export, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let Some(path) = &args.out else {
        return write(args, &mut reader, &query, output);
    };
    let file = create(path, args.force)?;
    let mut file = BufWriter::new(file);
    let written = write(args, &mut reader, &query, &mut Target { file: &mut file, output });
    file.flush()?;
    written
}

/// Where lines go, and who is told what is missing.
pub(crate) trait Lines {
    fn write(&mut self, text: &str) -> Result<(), Failure>;
    fn complain(&mut self, message: &str);
}

impl Lines for Output {
    fn write(&mut self, text: &str) -> Result<(), Failure> {
        Self::write(self, text)
    }

    fn complain(&mut self, message: &str) {
        Self::complain(self, message);
    }
}

struct Target<'a> {
    file: &'a mut BufWriter<File>,
    output: &'a mut Output,
}

impl Lines for Target<'_> {
    fn write(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.file.write_all(text.as_bytes())?)
    }

    fn complain(&mut self, message: &str) {
        self.output.complain(message);
    }
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

fn write(args: &Export, reader: &mut Reader, query: &Query, lines: &mut dyn Lines) -> Result<(), Failure> {
    let mut count = 0_u64;
    let mut progress = Progress::new();
    lines.write(match args.format {
        ExportFormat::Csv => csv::HEAD,
        ExportFormat::Har => har::START,
        ExportFormat::Json => "",
    })?;
    let mut failed = None;
    let scanned = reader.scan(&Scan::of(query), WITHIN, |stored| {
        let written = lines.write(&part(args.format, &stored, count == 0));
        failed = written.err();
        count += 1;
        if count.is_multiple_of(1000) {
            progress.tell(count);
        }
        failed.is_none()
    })?;
    progress.end();
    if let Some(failure) = failed {
        return Err(failure);
    }
    if args.format == ExportFormat::Har {
        lines.write(har::END)?;
    }
    for warning in reader.warnings() {
        lines.complain(warning);
    }
    if scanned == Scanned::Late {
        lines.complain("time was over; the newest were written");
    }
    if count == 0 { Err(Failure::new(Failure::NOTHING, "nothing matches")) } else { Ok(()) }
}

fn part(format: ExportFormat, stored: &Stored, is_first: bool) -> String {
    match format {
        ExportFormat::Csv => csv::row(stored),
        ExportFormat::Json => full::json(stored),
        ExportFormat::Har => format!("{}{}", if is_first { "" } else { "," }, full::line(har::entry(stored))),
    }
}
