//! What all connections share.

use std::path::{Path, PathBuf};

use super::live::Live;
use super::pool::Pool;
use super::secrets::Secrets;
use super::source::Sources;

/// What is read, and by whom.
pub(super) struct Core {
    pub(super) pool: Pool,
    pub(super) live: Live,
    pub(super) secrets: Secrets,
    pub(super) sources: Sources,
    directory: PathBuf,
}

impl Core {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            pool: Pool::new(directory),
            live: Live::new(directory),
            secrets: Secrets::of(directory),
            sources: Sources::here(),
            directory: directory.to_owned(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}
