//! Requests that nobody wants to read about, as long as they go well.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::ask::is_of_route;
use crate::record::{Kind, Record};

/// Decides about one finished request.
type Predicate = dyn Fn(&Record) -> bool + Send + Sync;

/// Which requests are counted and not handed to exporters.
#[derive(Default)]
pub(crate) struct Quiet {
    routes: Vec<String>,
    predicates: Vec<(Box<Predicate>, AtomicBool)>,
}

/// A predicate panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl Quiet {
    /// A template or path, or the start of one before a `*`.
    pub(crate) fn route(&mut self, route: String) {
        self.routes.push(route);
    }

    pub(crate) fn predicate(&mut self, predicate: Box<Predicate>) {
        self.predicates.push((predicate, AtomicBool::new(false)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.predicates.is_empty()
    }

    /// Whether it asks more of a record than its route and path.
    pub(crate) fn looks_into_records(&self) -> bool {
        !self.predicates.is_empty()
    }

    /// Whether a record is left out. One that failed, or has an error on it, never is.
    ///
    /// # Errors
    /// When a predicate panicked; it is not asked again, and the record stays.
    pub(crate) fn is_quiet(&self, record: &Record) -> Result<bool, Panicked> {
        if self.is_empty() {
            return Ok(false);
        }
        if record.kind() != Kind::Request || record.is_failed() || record.failures().len() > 0 {
            return Ok(false);
        }
        let place = record.route().unwrap_or_else(|| record.path());
        if self.routes.iter().any(|route| is_of_route(route, place)) {
            return Ok(true);
        }
        for (predicate, is_broken) in &self.predicates {
            if is_broken.load(Ordering::Relaxed) {
                continue;
            }
            match catch_unwind(AssertUnwindSafe(|| predicate(record))) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(_) => {
                    is_broken.store(true, Ordering::Relaxed);
                    return Err(Panicked);
                }
            }
        }
        Ok(false)
    }
}

impl fmt::Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quiet").field("routes", &self.routes).field("predicates", &self.predicates.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::record::parts::{Parts, Text};

    fn record(route: Option<&'static str>, path: &'static str, status: u16) -> Record {
        let parts = Parts { route: route.map(Text::Static), path: Text::Static(path), status: Some(status), ..Parts::default() };
        Record::new(Box::new(parts))
    }

    #[test]
    fn routes_match_templates_and_paths_whole_or_by_their_start() {
        let mut quiet = Quiet::default();
        quiet.route("/healthz".to_owned());
        quiet.route("/assets/*".to_owned());
        for (route, path, expected) in [
            (None, "/healthz", true),
            (Some("/healthz"), "/api/healthz", true),
            (Some("/{name}"), "/healthz", false),
            (None, "/healthz/", false),
            (Some("/assets/{*path}"), "/assets/app.css", true),
            (None, "/assets/app.css", true),
            (None, "/assets", false),
        ] {
            assert_eq!(quiet.is_quiet(&record(route, path, 200)), Ok(expected), "{route:?} {path}");
            assert_eq!(quiet.is_quiet(&record(route, path, 503)), Ok(false), "a failure is kept: {route:?} {path}");
        }
    }

    #[test]
    fn a_predicate_that_panics_keeps_the_record_and_is_not_asked_again() {
        let mut quiet = Quiet::default();
        quiet.predicate(Box::new(|record| if record.path() == "/bad" { panic!("in a predicate") } else { true }));
        assert_eq!(quiet.is_quiet(&record(None, "/", 200)), Ok(true));
        assert_eq!(quiet.is_quiet(&record(None, "/bad", 200)), Err(Panicked));
        assert_eq!(quiet.is_quiet(&record(None, "/", 200)), Ok(false));
    }

    #[test]
    fn only_requests_that_went_well_are_left_out() {
        let mut quiet = Quiet::default();
        quiet.predicate(Box::new(|_| true));
        assert_eq!(quiet.is_quiet(&record(None, "/", 404)), Ok(true));
        for outcome in [Outcome::Failed, Outcome::Panicked, Outcome::BodyError] {
            let mut failed = record(None, "/", 200);
            failed.parts_mut().outcome = outcome;
            assert_eq!(quiet.is_quiet(&failed), Ok(false), "{outcome}");
        }
        let mut event = record(None, "/", 200);
        event.parts_mut().kind = Kind::Event;
        assert_eq!(quiet.is_quiet(&event), Ok(false));
    }
}
