//! The local page: everything that is stored, in a browser.
//!
//! # Where it is served
//! By the application itself in development, by `campanile ui` for any store, and as a Tower service that an application
//! mounts behind its own sign-in. It reads the store, on threads of its own, and never waits for a request nor lets one
//! wait.
//!
//! # Who may see it
//! Only this machine, by default: [`Viewer::serve`] binds to loopback addresses alone, answers only to their names, refuses
//! what other pages ask, and wants the token that stands in [`Server::url`]. The token is kept in the store's directory,
//! readable by its owner alone, so that an open page outlives the application's next start. What is read is what was
//! stored: secrets were taken out before that.
//!
//! # Bounds
//! 64 connections, as many queries at a time as there are cores, at least 2 and at most 8, of 2 s each, 32 pages that follow
//! what comes in. Its threads give up the core between two rows that they read.

mod answer;
mod api;
mod assets;
mod body;
mod core;
mod detail;
mod gate;
mod json;
mod live;
mod params;
mod pool;
mod problem;
mod route;
mod rows;
mod secrets;
mod server;
mod service;
mod shell;
mod source;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::body::Body;
use self::core::Core;
pub(crate) use self::json::vitals;
pub use self::server::{ServeError, Server};
pub use self::service::ViewerService;

/// The page of one store.
///
/// Cheap to clone. Its threads end when the last clone and all that was made of it are gone.
#[derive(Clone)]
pub struct Viewer {
    core: Arc<Core>,
}

impl Viewer {
    /// The port that is tried first.
    pub const DEFAULT_PORT: u16 = 7878;

    /// The page of the store in this directory, which may still be empty.
    pub fn of_store(directory: impl AsRef<Path>) -> Self {
        Self { core: Arc::new(Core::new(directory.as_ref())) }
    }

    /// The page of an application that tells of itself; without a directory it has no store.
    pub(crate) fn of_application(directory: Option<PathBuf>, about: Box<dyn Fn() -> serde_json::Value + Send + Sync>) -> Self {
        let core = directory.map_or_else(Core::without_store, |directory| Core::new(&directory));
        Self { core: Arc::new(core.told_by(about)) }
    }

    /// Serves it at a loopback address, on a thread of its own; port 0 stands for any that is free.
    ///
    /// # Errors
    /// When the address is no loopback address, or cannot be bound.
    pub fn serve(&self, address: SocketAddr) -> Result<Server, ServeError> {
        Server::start(Arc::clone(&self.core), address)
    }

    /// A Tower service to mount behind a sign-in of the application's own: it wants no token, and whoever reaches it sees
    /// everything that is stored.
    ///
    /// Links in its pages are relative, so it may stand at any path. Changes are taken from its own pages alone.
    #[must_use]
    pub fn service(&self) -> ViewerService {
        ViewerService::new(Arc::clone(&self.core))
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer").field("directory", &self.core.directory()).finish_non_exhaustive()
    }
}
