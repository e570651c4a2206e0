//! Older files beside the current one: `app.log.1` is the newest of them.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Moves the current file to `.1`, each older one further, and the last one out.
pub(super) fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return absent_is_fine(fs::remove_file(path));
    }
    // A name that is missing in between only makes the row shorter. `rename` replaces the oldest in one step.
    for number in (1..keep).rev() {
        absent_is_fine(fs::rename(older(path, number), older(path, number + 1)))?;
    }
    absent_is_fine(fs::rename(path, older(path, 1)))
}

/// The name of an older file.
pub(super) fn older(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
