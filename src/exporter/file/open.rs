//! A log file, opened so that nobody can lead it elsewhere, and known again by its identity.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens or creates the file for appending, readable by its owner only.
///
/// A symbolic link is refused: whoever may write to the directory could point it at any file of this user. So is what
/// is no regular file: a named pipe would block until somebody reads it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(io::Error::new(ErrorKind::InvalidInput, "is a symbolic link")),
        Ok(found) if !found.is_file() => Err(io::Error::new(ErrorKind::InvalidInput, "is not a regular file")),
        Ok(_) => {
            let file = OpenOptions::new().append(true).open(path)?;
            // Between the look and the opening a link may have come; what was opened has to be what stands there.
            if is_same(&file, path)? { Ok(file) } else { Err(io::Error::other("was replaced meanwhile")) }
        }
        // `create_new` follows no link either.
        Err(error) if error.kind() == ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).open(path)
}

/// Whether `path` still leads to `file`; false after it was renamed, deleted or replaced.
pub(super) fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(same(&file.metadata()?, &there)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn same(mine: &Metadata, there: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (mine.dev(), mine.ino()) == (there.dev(), there.ino())
}

/// Other systems keep an open file from being renamed, and the standard library knows no identity there.
#[cfg(not(unix))]
fn same(_mine: &Metadata, there: &Metadata) -> bool {
    there.is_file()
}
