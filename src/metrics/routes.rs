//! How many requests of each route are in flight, in a table without a lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Routes that are told apart, at most.
const ROUTES: usize = 1024;
/// Places that are tried for one route.
const TRIES: usize = 32;

/// Counts by route. A route keeps its place for ever: they are the application's own, and few.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Made for the first route.
    slots: OnceLock<Box<[OnceLock<Route>]>>,
}

#[derive(Debug)]
struct Route {
    template: Box<str>,
    in_flight: AtomicU32,
}

impl Routes {
    /// A table's place that is none.
    pub(super) const NOWHERE: u16 = u16::MAX;

    /// Counts a request in; its place, and how many are in flight with it. `None` where the table is full.
    pub(super) fn enter(&self, template: &str) -> Option<(u16, u32)> {
        let slots = self.slots.get_or_init(|| (0..ROUTES).map(|_| OnceLock::new()).collect());
        let first = hash(template);
        for index in (first..first + TRIES).map(|index| index % ROUTES) {
            let new = || Route { template: template.into(), in_flight: AtomicU32::new(0) };
            let route = slots.get(index)?.get_or_init(new);
            if *route.template == *template {
                let before = route.in_flight.fetch_add(1, Ordering::Relaxed);
                return Some((u16::try_from(index).ok()?, before.saturating_add(1)));
            }
        }
        None
    }

    /// Counts it out.
    pub(super) fn leave(&self, place: u16) {
        let slot = self.slots.get().and_then(|slots| slots.get(usize::from(place)));
        if let Some(route) = slot.and_then(OnceLock::get) {
            route.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// FNV-1a, eight bytes at a time: routes are short, and nobody outside chooses them.
fn hash(template: &str) -> usize {
    const PRIME: u64 = 0x0100_0000_01b3;
    let (words, rest) = template.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME));
    let hash = rest.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    ((hash >> 32 ^ hash >> 16 ^ hash) % ROUTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_counts_for_itself_until_the_table_is_full() {
        let routes = Routes::default();
        let names: Vec<_> = (0..5000).map(|number| format!("/route/{number}/{{id}}")).collect();
        let mut places = Vec::new();
        for round in 1..=2 {
            for name in &names {
                if let Some((place, in_flight)) = routes.enter(name) {
                    assert_eq!(in_flight, round, "{name}");
                    places.push(place);
                }
            }
        }
        assert!((1000..=ROUTES).contains(&(places.len() / 2)), "{}", places.len());
        places.into_iter().for_each(|place| routes.leave(place));
        assert_eq!(routes.enter("/route/0/{id}").unwrap().1, 1, "back to nothing");
        routes.leave(Routes::NOWHERE);
        Routes::default().leave(0);
    }

    #[test]
    fn threads_that_meet_at_a_new_route_share_its_place() {
        let routes = Routes::default();
        let highest = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| (0..100).map(|_| routes.enter("/a").unwrap()).max())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap().1).max()
        });
        assert_eq!(highest, Some(800));
    }
}
