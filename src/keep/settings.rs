//! Which requests keep what was captured in detail.

use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::query::Query;

/// Which requests keep their detail once they are over: the spans and events inside them. Of every other request only the
/// summary travels.
///
/// The summary is the record without its spans and events: head, status, duration, sizes, attributes, failures, and the
/// bodies that [`Bodies`](crate::Bodies) asks for. It exists of every request, whatever is kept here. While a request runs,
/// its detail is buffered down to [`level`](crate::Builder::level); why it was kept is
/// [`Record::kept`](crate::record::Record::kept).
///
/// What the console shows, it shows at once: this changes nothing of it. A collector is sent what the
/// [sampler](crate::Builder::sample_ratio) chose.
///
/// # Default
/// [`Keep::new`]; with [`from_env`](crate::Builder::from_env), in a debug build, [`Keep::all`].
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use campanile::Keep;
///
/// // What failed or was asked for, what took longer than half a second, and every order that was not found.
/// let keep = Keep::failed().slow(Duration::from_millis(500)).query("status:404 route:/orders/{id}");
/// let telemetry = campanile::builder().keep(keep).build()?;
/// # drop(telemetry);
/// # Ok::<(), campanile::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Keep {
    pub(super) all: bool,
    /// Failed requests, those with an error on them although they were answered well, and those that the application flagged.
    pub(super) failed: bool,
    pub(super) sampled: bool,
    pub(super) slow_ns: Option<u64>,
    /// So many times as long as nearly all of its route.
    pub(super) slower: Option<f64>,
    pub(super) queries: Vec<Query>,
    /// Least level of the events that stay on a summary.
    pub(super) rest: LevelFilter,
    problem: Option<String>,
}

impl Keep {
    /// Times that a request has to take of what 95 in 100 of its route take at most, to be slow for it.
    pub const DEFAULT_SLOWER_THAN: f64 = 3.0;

    /// Requests that failed, that the application [flagged](crate::keep), that were slow for their route
    /// ([three times](Self::DEFAULT_SLOWER_THAN)), or that the sampler chose.
    ///
    /// As long as the sampler chooses everything, that is everything.
    pub fn new() -> Self {
        Self::failed().slower_than(Self::DEFAULT_SLOWER_THAN).sampled()
    }

    /// Requests that failed, and those that the application [flagged](crate::keep).
    pub fn failed() -> Self {
        Self { failed: true, ..Self::none() }
    }

    /// Every request.
    pub fn all() -> Self {
        Self { all: true, ..Self::failed() }
    }

    /// No request: there are only summaries, and detail is not even captured. Where no exporter
    /// [wants](crate::exporter::Exporter::wants_unsampled) a request that is not sampled, there is no summary of it either.
    pub const fn none() -> Self {
        Self {
            all: false,
            failed: false,
            sampled: false,
            slow_ns: None,
            slower: None,
            queries: Vec::new(),
            rest: LevelFilter::OFF,
            problem: None,
        }
    }

    /// Also requests that the sampler chose: those whose trace is marked as sampled, here and downstream.
    pub fn sampled(self) -> Self {
        Self { sampled: true, ..self }
    }

    /// Also requests that took `least` or longer, to the end of their response's body.
    pub fn slow(self, least: Duration) -> Self {
        Self { slow_ns: Some(u64::try_from(least.as_nanos()).unwrap_or(u64::MAX)), ..self }
    }

    /// Also requests that took more than `times` as long as 95 in 100 of the same method and route lately took at most.
    ///
    /// A route has to have been asked 100 times before; what took less than 10 ms is never slow. The first 1,024 routes
    /// have such a history. It is right to a fifth.
    pub fn slower_than(mut self, times: f64) -> Self {
        if !(times.is_finite() && times >= 1.0) {
            self.problem.get_or_insert_with(|| "needs a number of times from 1 on".to_owned());
        }
        Self { slower: Some(times), ..self }
    }

    /// Also requests that match a [query](crate::query).
    ///
    /// It is asked before secrets are taken out, of everything that was captured.
    pub fn query(mut self, query: impl AsRef<str>) -> Self {
        match Query::parse(query.as_ref()) {
            Ok(query) => self.queries.push(query),
            Err(error) => {
                self.problem.get_or_insert_with(|| format!("has a query that cannot be read: {error}"));
            }
        }
        self
    }

    /// Leaves events from this level on also on the summary of what is not kept.
    ///
    /// # Default
    /// None of them.
    pub fn rest(self, level: Level) -> Self {
        Self { rest: LevelFilter::from_level(level), ..self }
    }

    /// Why it cannot be followed.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Least level of what has to be captured of a request, by what is known when it begins. `is_asked` says that somebody
    /// asked for it, and wins over every setting.
    pub(crate) fn least_at_head(&self, is_sampled: bool, is_asked: bool) -> LevelFilter {
        let may_be_kept = self.all
            || self.failed
            || self.slow_ns.is_some()
            || self.slower.is_some()
            || !self.queries.is_empty()
            || self.sampled && is_sampled
            || is_asked;
        if may_be_kept { LevelFilter::TRACE } else { self.rest }
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self::new()
    }
}
