//! One purge at a time, and what one left that was killed.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::store::Error;
use crate::store::directory::Directory;
use crate::store::error::Kind;

const FILE: &str = "purge.lock";

/// Held while a store is purged. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    pub(super) fn take(directory: &Directory) -> Result<Self, Error> {
        let path = directory.path().join(FILE);
        let failed = |error| Error::directory(directory.path(), "cannot be written").because(error);
        loop {
            let file = open(&path).map_err(failed)?;
            if file.try_lock().is_err() {
                let message = format!("another purge is at work in '{}'", directory.path().display());
                return Err(Error::new(Kind::Busy, message));
            }
            // Whoever had it before may have removed it just now.
            if path.exists() {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes copies that were never finished, unless somebody is at it.
pub(in crate::store) fn sweep(directory: &Directory) {
    if directory.copies().next().is_some()
        && let Ok(lock) = Lock::take(directory)
    {
        sweep_with(directory, &lock);
    }
}

pub(super) fn sweep_with(directory: &Directory, _: &Lock) {
    directory.copies().for_each(|path| drop(fs::remove_file(path)));
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // A link leads wherever its owner likes.
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(std::io::Error::other(format!("'{}' is no file", path.display()))),
        Ok(_) => options.open(path),
        Err(_) => options.create_new(true).open(path),
    }
}
