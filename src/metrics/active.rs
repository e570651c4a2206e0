//! How many requests are in flight: the only numbers that request threads write.

use std::sync::atomic::{AtomicU64, Ordering};

use super::definition::ACTIVE;
use super::set::Set;
use super::snapshot::{Metric, Numbers, Point};

/// Methods with a number of their own; every other one is `_OTHER`.
const METHODS: [&str; 10] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"];
/// Schemes with a number of their own, and one for requests whose scheme is neither.
const SCHEMES: [&str; 3] = ["http", "https", ""];
const PLACES: usize = (METHODS.len() + 1) * SCHEMES.len();

/// Requests in flight by method and scheme, in a table that never grows.
///
/// Entries and exits are counted apart, so that a place that was ever used is known, and is shown as 0 afterwards.
#[derive(Debug)]
pub(crate) struct Active {
    is_on: bool,
    places: [Counts; PLACES],
}

#[derive(Debug, Default)]
struct Counts {
    entered: AtomicU64,
    left: AtomicU64,
}

/// Where a request was counted; to be given back once.
#[derive(Clone, Copy, Debug)]
#[must_use = "a request that is never counted out stays in flight for ever"]
pub(crate) struct Place(u8);

impl Active {
    /// One that is off counts nothing.
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, places: std::array::from_fn(|_| Counts::default()) }
    }

    /// Counts a request in. `None` is a method that nobody knows.
    pub(crate) fn enter(&self, method: Option<&str>, scheme: &str) -> Place {
        if !self.is_on {
            return Place(u8::MAX);
        }
        let method = METHODS.iter().position(|known| Some(*known) == method).unwrap_or(METHODS.len());
        let scheme = SCHEMES.iter().position(|known| *known == scheme).unwrap_or(SCHEMES.len() - 1);
        let place = method * SCHEMES.len() + scheme;
        if let Some(counts) = self.places.get(place) {
            counts.entered.fetch_add(1, Ordering::Relaxed);
        }
        Place(u8::try_from(place).unwrap_or(u8::MAX))
    }

    /// Counts it out.
    pub(crate) fn leave(&self, place: Place) {
        if let Some(counts) = self.places.get(usize::from(place.0)) {
            counts.left.fetch_add(1, Ordering::Release);
        }
    }

    /// The points of every place that was ever used.
    pub(super) fn metric(&self) -> Option<Metric> {
        let mut points = Vec::new();
        for (index, counts) in self.places.iter().enumerate() {
            // Exits first: whoever has left by now has entered before.
            let left = counts.left.load(Ordering::Acquire);
            let entered = counts.entered.load(Ordering::Relaxed);
            if entered == 0 {
                continue;
            }
            let method = METHODS.get(index / SCHEMES.len()).copied().unwrap_or("_OTHER");
            let scheme = SCHEMES.get(index % SCHEMES.len()).copied().filter(|scheme| !scheme.is_empty());
            let mut attributes = Set::new();
            attributes.push("http.request.method", method);
            attributes.push_some("url.scheme", scheme);
            let in_flight = i64::try_from(entered.saturating_sub(left)).unwrap_or(i64::MAX);
            points.push(Point::new(attributes.to_owned(), Numbers::Sum(in_flight)));
        }
        (!points.is_empty()).then(|| Metric::new(&ACTIVE, points))
    }
}
