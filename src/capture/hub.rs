//! What every exchange of one pipeline shares.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::Foreign;
use super::subscribe::{PROBE_TARGET, REQUEST_TARGET, is_deaf_to};
use crate::keep::Sampler;
use crate::pipeline::Pipeline;
use crate::propagator::Propagators;
use crate::record::is_own_file;

/// Pipeline and filters of one telemetry.
pub(crate) struct Hub {
    pub(crate) pipeline: Pipeline,
    pub(crate) sampler: Sampler,
    /// How trace context is read and written.
    pub(crate) propagators: Propagators,
    /// What is shown at once, while a request is still running.
    live: Targets,
    /// Least level of the application's own code.
    level: LevelFilter,
    /// Whether a tracing layer of this telemetry exists.
    is_subscribed: AtomicBool,
    /// Whose current span is kept in step with ours.
    foreign: Option<Box<dyn Foreign>>,
}

impl Hub {
    pub(crate) fn new(pipeline: Pipeline, sampler: Sampler, propagators: Propagators, live: Targets, level: LevelFilter) -> Self {
        Self { pipeline, sampler, propagators, live, level, is_subscribed: AtomicBool::new(false), foreign: None }
    }

    /// Keeps another library's current span in step with ours.
    #[cfg_attr(not(feature = "opentelemetry"), expect(dead_code, reason = "the bridge needs it"))]
    pub(crate) fn with_foreign(mut self, foreign: Box<dyn Foreign>) -> Self {
        self.foreign = Some(foreign);
        self
    }

    pub(crate) fn foreign(&self) -> Option<&dyn Foreign> {
        self.foreign.as_deref()
    }

    pub(super) fn subscribe(&self) {
        self.is_subscribed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn unsubscribe(&self) {
        self.is_subscribed.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.is_subscribed.load(Ordering::Relaxed)
    }

    /// Whether an event of this origin is shown at once.
    pub(super) fn shows(&self, target: &str, level: Level) -> bool {
        self.live.would_enable(target, &level)
    }

    /// Whether an event or span of this origin is captured: INFO and above, in the application's own code DEBUG too (or
    /// what the settings say), whatever the console shows, and the reasons of axum's extractors.
    pub(super) fn captures(&self, metadata: &Metadata<'_>) -> bool {
        if matches!(metadata.target(), REQUEST_TARGET | PROBE_TARGET) {
            // Without its own span, work that leaves the request's task could not be found again.
            return true;
        }
        let level = *metadata.level();
        if self.shows(metadata.target(), level) {
            return true;
        }
        let least = if metadata.file().is_some_and(is_own_file) { self.level } else { self.level.min(LevelFilter::INFO) };
        level <= least || metadata.target() == "axum::rejection"
    }

    /// The most that is wanted of the `log` crate.
    pub(crate) fn max_log_level(&self) -> log::LevelFilter {
        let shown = self.live.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF);
        match self.level.max(shown).into_level() {
            None => log::LevelFilter::Off,
            Some(level) => tracing_log::AsLog::as_log(&level).to_level_filter(),
        }
    }

    /// Whether events that should be captured cannot get here: a filter of the whole subscriber, or of the build.
    pub(crate) fn is_hidden_from(&self) -> bool {
        self.is_subscribed() && is_deaf_to(self.level)
    }

    /// The most that `captures` can ever want.
    pub(super) fn max_level(&self) -> LevelFilter {
        // axum tells at TRACE why an extractor refused; the request's own span is at INFO.
        let own = if cfg!(feature = "axum") { LevelFilter::TRACE } else { self.level.max(LevelFilter::INFO) };
        own.max(self.live.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF))
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}
