//! `campanile import`: files of requests become a store.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use campanile::archive::{Import as Reading, Imported};
use campanile::exporter::escape;
use campanile::store::{Settings, Store};
use campanile::{Env, Redact};
use serde_json::json;

use crate::args::Import;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;

/// Stands for the standard input.
const STDIN: &str = "-";

/// Reads every file, and tells what became of it.
pub(crate) fn run(args: &Import, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let directory = store.map_or_else(|| own_directory(args), |given| Ok(given.to_owned()))?;
    // Opened before anything is made, so that a mistyped name leaves nothing behind.
    let inputs: Vec<Input> = args.files.iter().map(|path| Input::open(path)).collect::<Result<_, _>>()?;
    let is_new = !directory.exists();
    let store = Store::open(settings(&directory))?;
    let mut reading = Redact::new()
        .with_env(&Env::of_process())
        .and_then(|redact| Reading::new(store, &redact))
        .map_err(|error| Failure::new(Failure::USAGE, escape(&error.to_string()).to_string()))?;
    let mut said = Vec::new();
    let mut told = 0;
    for input in inputs {
        let name = input.name.clone();
        input.read(&mut reading)?;
        for problem in reading.imported().problems.iter().skip(told) {
            said.push((name.clone(), problem.to_string()));
        }
        told = reading.imported().problems.len();
    }
    let imported = reading.finish()?;
    said.extend(imported.problems.iter().skip(told).map(|problem| (String::new(), problem.to_string())));
    if is_new && imported.records() == 0 {
        remove(&directory);
    }
    if args.common.json {
        output.write(&as_json(&imported, &directory, &said))?;
    } else {
        output.write(&as_text(&imported, &directory))?;
    }
    for (name, problem) in &said {
        let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
        output.complain(&escape(&format!("{name}{problem}")).to_string());
    }
    if imported.is_partial() {
        let what = format!("{} could not be read, {} could not be stored", imported.unreadable, imported.lost);
        return Err(Failure::new(Failure::INPUT, what));
    }
    if imported.records() == 0 {
        return Err(Failure::new(Failure::NOTHING, "there are no requests in it"));
    }
    Ok(())
}

/// Nothing of it is removed by age or size: who imports wants to have it.
fn settings(directory: &Path) -> Settings {
    let mut settings = Settings::new(directory);
    (settings.max_bytes, settings.max_age) = (u64::MAX, Duration::MAX);
    settings
}

/// A directory of its own, named after the first file: no application's ageing removes it.
fn own_directory(args: &Import) -> Result<PathBuf, Failure> {
    let first = args.files.first().filter(|path| path.as_os_str() != STDIN);
    let stem = first.and_then(|path| path.file_stem()).unwrap_or("import".as_ref());
    let mut name = stem.to_owned();
    name.push(".campanile");
    let directory = PathBuf::from(name);
    if directory.symlink_metadata().is_ok() {
        let named = escape(&directory.display().to_string()).to_string();
        let message = format!(
            "'{named}' is there already: read it with --store {named}, add to it with import --store {named}, or remove it"
        );
        return Err(Failure::new(Failure::OUTPUT, message));
    }
    Ok(directory)
}

/// A directory that was made for nothing.
fn remove(directory: &Path) {
    let _ = fs::remove_file(directory.join(".gitignore"));
    let _ = fs::remove_file(directory.join("groups.sqlite"));
    let _ = fs::remove_dir(directory);
}

/// A file, or the standard input.
struct Input {
    name: String,
    file: Option<File>,
    bytes: Option<u64>,
}

impl Input {
    fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == STDIN {
            return Ok(Self { name: "standard input".to_owned(), file: None, bytes: None });
        }
        let name = path.display().to_string();
        let failed = |error: io::Error| Failure::new(Failure::INPUT, format!("cannot read '{}': {error}", escape(&name)));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(Failure::new(Failure::INPUT, format!("'{}' is a directory", escape(&name))));
        }
        Ok(Self { file: Some(file), bytes: metadata.is_file().then_some(metadata.len()), name })
    }

    fn read(self, reading: &mut Reading) -> Result<(), Failure> {
        let Self { name, file, bytes } = self;
        let mut progress = Progress::new();
        if let Some(mut file) = file {
            let is_zip = bytes.is_some() && is_zip(&mut file);
            let watched = Watched { input: file, name: &name, read: 0, bytes, progress: &mut progress };
            if is_zip { reading.read_share(watched)? } else { reading.read(watched)? }
        } else {
            reading.read(Watched { input: io::stdin().lock(), name: &name, read: 0, bytes, progress: &mut progress })?;
        }
        progress.end();
        Ok(())
    }
}

fn is_zip(file: &mut File) -> bool {
    let mut start = [0; 4];
    let is_zip = file.read_exact(&mut start).is_ok() && matches!(&start, b"PK\x03\x04" | b"PK\x05\x06");
    file.rewind().is_ok() && is_zip
}

/// Tells how much of a file was read.
struct Watched<'a, R> {
    input: R,
    name: &'a str,
    read: u64,
    bytes: Option<u64>,
    progress: &'a mut Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read += read as u64;
        self.progress.tell_bytes(self.name, self.read, self.bytes);
        Ok(read)
    }
}

impl<R: Seek> Seek for Watched<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

fn as_text(imported: &Imported, directory: &Path) -> String {
    let mut out = String::new();
    let named = escape(&directory.display().to_string()).to_string();
    let mut line = |count: u64, one: &str, many: &str| {
        if count > 0 {
            out.push_str(&format!("{count} {}\n", if count == 1 { one } else { many }));
        }
    };
    line(imported.requests, "request", "requests");
    line(imported.outside, "event or span outside any request", "events and spans outside any request");
    line(imported.copies, "copy was left out", "copies were left out");
    line(imported.metrics, "line of metrics was left out", "lines of metrics were left out");
    line(
        imported.late,
        "trace came in pieces too far apart to be put together",
        "traces came in pieces too far apart to be put together",
    );
    if imported.records() > 0 {
        out.push_str(&format!("Stored in {named}. To read them: campanile --store {named} search kind:request\n"));
    }
    out
}

fn as_json(imported: &Imported, directory: &Path, said: &[(String, String)]) -> String {
    let problems: Vec<_> = said.iter().map(|(file, problem)| json!({ "file": file, "problem": problem })).collect();
    crate::full::line(json!({
        "store": directory.display().to_string(),
        "requests": imported.requests,
        "outside": imported.outside,
        "copies": imported.copies,
        "late": imported.late,
        "metrics": imported.metrics,
        "unreadable": imported.unreadable,
        "lost": imported.lost,
        "problems": problems,
    }))
}
