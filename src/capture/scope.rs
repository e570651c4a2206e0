//! Which events and spans are captured, by where they come from and how loud they are.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::record::is_own_file;

/// Target of the span that stands for the request itself.
pub(crate) const REQUEST_TARGET: &str = "campanile::request";
/// Target of the events by which axum tells why an extractor refused.
pub(super) const REJECTION_TARGET: &str = "axum::rejection";
/// Target of the question whether anything keeps events from us.
pub(super) const PROBE_TARGET: &str = "campanile::probe";

/// What the settings want of `tracing`.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// What is shown at once, while a request is still running.
    live: Targets,
    /// Least level of the application's own code.
    level: LevelFilter,
    /// Targets of that; empty for whatever cargo did not fetch.
    own: Vec<String>,
}

impl Scope {
    pub(crate) const fn new(live: Targets, level: LevelFilter, own: Vec<String>) -> Self {
        Self { live, level, own }
    }

    /// Least level of the application's own code.
    pub(super) const fn level(&self) -> LevelFilter {
        self.level
    }

    /// Whether an event of this origin is shown at once.
    pub(super) fn shows(&self, target: &str, level: Level) -> bool {
        self.live.would_enable(target, &level)
    }

    /// Whether an event or span is captured by the settings alone.
    pub(super) fn captures_usually(&self, metadata: &Metadata<'_>) -> bool {
        self.captures(metadata.target(), metadata.file(), *metadata.level())
    }

    /// Whether an event or span of this origin is captured: INFO and above, in the application's own code DEBUG too (or
    /// what the settings say), whatever the console shows, and the reasons of axum's extractors.
    pub(super) fn captures(&self, target: &str, file: Option<&str>, level: Level) -> bool {
        if matches!(target, REQUEST_TARGET | PROBE_TARGET) {
            // Without its own span, work that leaves the request's task could not be found again.
            return true;
        }
        if self.shows(target, level) {
            return true;
        }
        let least = if self.is_own_code(target, file) { self.level } else { self.level.min(LevelFilter::INFO) };
        level <= least || target == REJECTION_TARGET
    }

    /// The most that is wanted of the `log` crate.
    pub(crate) fn max_log_level(&self) -> log::LevelFilter {
        let shown = self.live.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF);
        match self.level.max(shown).into_level() {
            None => log::LevelFilter::Off,
            Some(level) => tracing_log::AsLog::as_log(&level).to_level_filter(),
        }
    }

    /// The most that `captures` can ever want.
    pub(super) fn max_level(&self) -> LevelFilter {
        // axum tells at TRACE why an extractor refused; the request's own span is at INFO.
        let own = if cfg!(feature = "axum") { LevelFilter::TRACE } else { self.level.max(LevelFilter::INFO) };
        own.max(self.live.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF))
    }

    /// Whether it comes from the application's own code.
    pub(super) fn is_own(&self, metadata: &Metadata<'_>) -> bool {
        self.is_own_code(metadata.target(), metadata.file())
    }

    fn is_own_code(&self, target: &str, file: Option<&str>) -> bool {
        if self.own.is_empty() {
            return file.is_some_and(is_own_file);
        }
        self.own.iter().any(|own| is_below(target, own))
    }
}

/// Whether a target is `own`, or a module in it.
fn is_below(target: &str, own: &str) -> bool {
    target.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_targets_are_whole_modules() {
        for (target, expected) in
            [("shop", true), ("shop::orders", true), ("shopping", false), ("sho", false), ("a::shop", false)]
        {
            assert_eq!(is_below(target, "shop"), expected, "{target}");
        }
    }
}
