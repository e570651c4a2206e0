//! What all connections share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::live::Live;
use super::pool::Pool;
use super::secrets::Secrets;
use super::source::Sources;

/// What changes something, or takes long, at a time, for each kind.
const MAX_AT_A_TIME: usize = 2;

/// What is read, and by whom.
pub(super) struct Core {
    pub(super) pool: Pool,
    pub(super) live: Live,
    pub(super) secrets: Secrets,
    pub(super) sources: Sources,
    /// Places for requests that are sent again.
    pub(super) replays: Arc<Semaphore>,
    /// Places for counts of what is to be removed, and for removals.
    pub(super) purges: Arc<Semaphore>,
    directory: PathBuf,
    about: Option<About>,
}

/// What the application tells of itself.
pub(super) type About = Box<dyn Fn() -> serde_json::Value + Send + Sync>;

impl Core {
    pub(super) fn new(directory: &Path) -> Self {
        Self::with(directory, Secrets::of(directory))
    }

    /// There is nothing to be seen.
    pub(super) fn without_store() -> Self {
        Self::with(Path::new(""), Secrets::of_process())
    }

    fn with(directory: &Path, secrets: Secrets) -> Self {
        Self {
            pool: Pool::new(directory),
            live: Live::new(directory),
            secrets,
            sources: Sources::here(),
            directory: directory.to_owned(),
            replays: Arc::new(Semaphore::new(MAX_AT_A_TIME)),
            purges: Arc::new(Semaphore::new(MAX_AT_A_TIME)),
            about: None,
        }
    }

    /// With what the application tells of itself.
    pub(super) fn told_by(self, about: About) -> Self {
        Self { about: Some(about), ..self }
    }

    /// What the application tells of itself; nothing where another program reads its store.
    pub(super) fn process(&self) -> Option<serde_json::Value> {
        self.about.as_ref().map(|about| about())
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}
