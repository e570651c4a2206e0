//! How many requests are in flight: the only numbers that request threads write.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::definition::ACTIVE;
use super::routes::Routes;
use super::set::Set;
use super::snapshot::{Metric, Numbers, Point};

/// Methods with a number of their own; every other one is `_OTHER`.
const METHODS: [&str; 10] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"];
/// Schemes with a number of their own, and one for requests whose scheme is neither.
const SCHEMES: [&str; 3] = ["http", "https", ""];
const PLACES: usize = (METHODS.len() + 1) * SCHEMES.len();

/// Requests in flight: all of them, by route, and by method and scheme; in tables that never grow.
///
/// Entries and exits by method are counted apart, so that a place that was ever used is known, and is shown as 0
/// afterwards.
#[derive(Debug)]
pub(crate) struct Active {
    all: AtomicU32,
    routes: Routes,
    /// Whether anybody is told how many there are by method.
    has_metric: bool,
    places: [Counts; PLACES],
}

#[derive(Debug, Default)]
struct Counts {
    entered: AtomicU64,
    left: AtomicU64,
}

/// Where a request was counted; to be given back once.
#[derive(Debug)]
#[must_use = "a request that is never counted out stays in flight for ever"]
pub(crate) struct Place {
    method: u8,
    /// Known with the route, which may come later.
    route: AtomicU16,
}

impl Active {
    pub(crate) fn new(has_metric: bool) -> Self {
        let places = std::array::from_fn(|_| Counts::default());
        Self { all: AtomicU32::new(0), routes: Routes::default(), has_metric, places }
    }

    /// Counts a request in: its place, and how many there are with it. A method of `None` is one that nobody knows.
    pub(crate) fn enter(&self, method: Option<&str>, scheme: &str) -> (Place, u32) {
        let place = Place { method: self.enter_method(method, scheme), route: AtomicU16::new(Routes::NOWHERE) };
        (place, self.all.fetch_add(1, Ordering::Relaxed).saturating_add(1))
    }

    fn enter_method(&self, method: Option<&str>, scheme: &str) -> u8 {
        if !self.has_metric {
            return u8::MAX;
        }
        let method = METHODS.iter().position(|known| Some(*known) == method).unwrap_or(METHODS.len());
        let scheme = SCHEMES.iter().position(|known| *known == scheme).unwrap_or(SCHEMES.len() - 1);
        let place = method * SCHEMES.len() + scheme;
        if let Some(counts) = self.places.get(place) {
            counts.entered.fetch_add(1, Ordering::Relaxed);
        }
        u8::try_from(place).unwrap_or(u8::MAX)
    }

    /// Counts a request that is in already for its route, the first that is told; how many of it there are then.
    pub(crate) fn enter_route(&self, place: &Place, template: &str) -> Option<u32> {
        if place.route.load(Ordering::Relaxed) != Routes::NOWHERE {
            return None;
        }
        let (route, in_flight) = self.routes.enter(template)?;
        place.route.store(route, Ordering::Relaxed);
        Some(in_flight)
    }

    /// Counts it out.
    pub(crate) fn leave(&self, place: &Place) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        self.routes.leave(place.route.load(Ordering::Relaxed));
        if let Some(counts) = self.places.get(usize::from(place.method)) {
            counts.left.fetch_add(1, Ordering::Release);
        }
    }

    /// How many there are right now.
    pub(crate) fn in_flight(&self) -> u32 {
        self.all.load(Ordering::Relaxed)
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
