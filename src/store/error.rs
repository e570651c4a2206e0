//! What can go wrong with the store.

use std::fmt;
use std::path::Path;

/// An error of the store.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// There is no store here.
    NotFound,
    /// The directory cannot be used.
    Directory,
    /// Another process holds the file.
    Busy,
    /// The disk is full, or nearly.
    Full,
    /// A file is not what it should be.
    Damaged,
    /// Anything else from the file system or SQLite.
    Io,
}

impl Error {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The directory and what is the matter with it.
    pub(super) fn directory(directory: &Path, problem: &str) -> Self {
        Self::new(Kind::Directory, format!("the store's directory '{}' {problem}", directory.display()))
    }

    #[must_use]
    pub(super) fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether there is nothing to read: no such directory, or no segment in it yet.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// Whether the directory cannot be used as it is: its owner, its permissions, or what it really is.
    #[must_use]
    pub fn is_unusable_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Whether the disk is full, or nearly: less than 256 MiB or 5 % is left.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        self.kind == Kind::Full
    }

    /// Whether somebody else is at it: it may go well another time.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.kind == Kind::Busy
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
