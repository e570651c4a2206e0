//! What is different about some requests: the attributes whose values are over-represented among them.
//!
//! The requests that match a query are compared with the other requests of the same routes in the same time. Everything that
//! is stored of them is looked at: release, host, client, headers that were kept, what the application set, parts of the
//! path, statuses, errors, spans, events, durations and sizes.
//!
//! # What is told
//! Of values, those that are more frequent in the selection than in the rest, by Fisher's exact test and, over several routes,
//! by that of Cochran, Mantel and Haenszel; of numbers, those that are larger or smaller, by that of Mann and Whitney. The
//! more is looked at, the surer a difference must be: where nothing differs, one comparison in a hundred tells anything at
//! all. What is certain and too small to matter is left out.
//!
//! Spans and events are compared among records that were [kept](crate::record::Record::kept) with their detail.
//!
//! # Bounds
//! 256 names, 1,000 values of each and 50,000 of all, at most; what has no room is not compared, and that is said.

mod agent;
mod facts;
mod judge;
mod numbers;
mod odds;
mod read;
mod tally;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::read::of;

/// How much is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How long it may take.
    pub within: Duration,
    /// Requests of the selection, the newest, at most.
    pub max_selected: u64,
    /// Other requests, the newest, at most.
    pub max_rest: u64,
}

impl Default for Options {
    /// 20 s, 20,000 and 200,000 requests.
    fn default() -> Self {
        Self { within: Duration::from_secs(20), max_selected: 20_000, max_rest: 200_000 }
    }
}

/// What was compared, and what came of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contrast {
    /// Requests that match.
    pub selected: u64,
    /// Other requests of the same routes in the same time.
    pub rest: u64,
    /// The routes, the most frequent first; empty for what has none.
    pub routes: Vec<String>,
    /// When the time begins that both are from, in nanoseconds since 1970.
    pub from_unix_ns: u64,
    /// When it ends.
    pub until_unix_ns: u64,
    /// What is different: first what was known when the requests came, then what happened; the strongest first.
    pub findings: Vec<Finding>,
    /// Comparisons that were made.
    pub compared: u64,
    /// What was not looked at and why, one sentence each.
    pub notices: Vec<String>,
}

impl Contrast {
    /// Matching requests that are needed to say anything.
    pub const LEAST_SELECTED: u64 = 4;
    /// Other requests that are needed to say anything.
    pub const LEAST_REST: u64 = 20;

    /// Whether there was enough to compare.
    #[must_use]
    pub const fn is_enough(&self) -> bool {
        self.selected >= Self::LEAST_SELECTED && self.rest >= Self::LEAST_REST
    }
}

/// Something that is different.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// When it was known.
    pub stage: Stage,
    /// The attribute's name, by OpenTelemetry where that has one.
    pub name: String,
    /// How it differs.
    pub difference: Difference,
    /// The chance of such a difference in this one comparison, if there were none.
    pub chance: f64,
    /// How much it separates the two, from 0 to 1, as far as the counts can tell for certain.
    pub strength: f64,
}

impl Finding {
    const fn is_of_numbers(&self) -> bool {
        matches!(self.difference, Difference::Numbers { .. })
    }
}

/// When something was known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "there is before, and there is after")]
pub enum Stage {
    /// When it came, or as the application set it: it may be a cause.
    Arrival,
    /// In its course: it may be a consequence.
    Course,
}

/// How something differs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Difference {
    /// A value is more frequent.
    #[non_exhaustive]
    Value {
        /// The value; `None` where it is that there is none.
        value: Option<String>,
        /// Matching requests that have it.
        selected_with: u64,
        /// Matching requests that could have it.
        selected: u64,
        /// Others that have it.
        rest_with: u64,
        /// Others that could have it.
        rest: u64,
    },
    /// Numbers are larger or smaller.
    #[non_exhaustive]
    Numbers {
        /// Those of matching requests.
        selected: Spread,
        /// Those of the others.
        rest: Spread,
        /// How often one of a matching request is above one of another, from 0 to 1.
        above: f64,
    },
}

/// Numbers in short.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// The smallest.
    pub least: f64,
    /// The one in the middle.
    pub median: f64,
    /// The largest.
    pub most: f64,
}
