//! What every exchange of one pipeline shares.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::pipeline::Pipeline;

/// Pipeline and filters of one telemetry.
pub(crate) struct Hub {
    pub(crate) pipeline: Pipeline,
    /// What is shown at once, while a request is still running.
    live: Targets,
    /// Whether a tracing layer of this telemetry exists.
    is_subscribed: AtomicBool,
}

impl Hub {
    pub(crate) fn new(pipeline: Pipeline, live: Targets) -> Self {
        Self { pipeline, live, is_subscribed: AtomicBool::new(false) }
    }

    pub(super) fn subscribe(&self) {
        self.is_subscribed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.is_subscribed.load(Ordering::Relaxed)
    }

    /// Whether an event of this origin is shown at once.
    pub(super) fn shows(&self, target: &str, level: Level) -> bool {
        self.live.would_enable(target, &level)
    }

    /// Whether an event or span of this origin is captured: INFO and above, DEBUG too in the application's own code,
    /// whatever the console shows, and the reasons of axum's extractors.
    pub(super) fn captures(&self, metadata: &Metadata<'_>) -> bool {
        let level = *metadata.level();
        if level <= Level::INFO || self.shows(metadata.target(), level) {
            return true;
        }
        (level == Level::DEBUG && is_own(metadata.file())) || metadata.target() == "axum::rejection"
    }

    /// The most that `captures` can ever want.
    pub(super) fn max_level(&self) -> LevelFilter {
        let own = if cfg!(feature = "axum") { LevelFilter::TRACE } else { LevelFilter::DEBUG };
        own.max(self.live.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF))
    }
}

/// Own code is what was not fetched by cargo.
fn is_own(file: Option<&str>) -> bool {
    const FOREIGN: [&str; 3] = ["registry/src/", "git/checkouts/", "/rustc/"];
    file.is_some_and(|file| !FOREIGN.iter().any(|part| file.contains(part)) && !file.contains("registry\\src\\"))
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_is_what_cargo_did_not_fetch() {
        assert!(is_own(Some("src/main.rs")));
        assert!(is_own(Some("/home/me/shop/src/orders.rs")));
        assert!(!is_own(Some("/home/me/.cargo/registry/src/index-1/sqlx-0.8/src/lib.rs")));
        assert!(!is_own(Some("/home/me/.cargo/git/checkouts/a-1/src/lib.rs")));
        assert!(!is_own(None));
    }
}
