//! How long requests of a route usually take: what "slow for its route" is measured by.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::record::Record;

/// Routes with a history, at most. A further one is never slow for itself.
const MAX_ROUTES: usize = 1024;
/// Requests that a route has to have seen before anything is said of it.
const LEAST_REQUESTS: u32 = 100;
/// When so many are counted, all counts are halved: what was long ago matters less and less.
const FORGETS_AT: u32 = 4096;
/// What takes less is slow for no route: the system's own hiccups take as long.
const SHORTEST_SLOW_NS: u64 = 10_000_000;
/// Of so many requests, one may take longer than the bound.
const ONE_IN: u32 = 20;

/// Buckets for each doubling of the duration, as a power of two.
const PART_BITS: u32 = 2;
/// Durations below 2^14 ns, 16 µs, share the first bucket; those from 2^42 ns, 73 minutes, the last.
const FIRST_BIT: u32 = 14;
const BUCKETS: usize = 28 << PART_BITS;

/// What durations the routes have.
#[derive(Default)]
pub(super) struct History {
    /// By a hash of method and route; two that share one would share a history.
    routes: HashMap<u64, Route, BuildHasherDefault<Hashed>>,
}

struct Route {
    counts: [u16; BUCKETS],
    total: u32,
    /// What all but one in twenty stay below; made anew now and then.
    bound_ns: u64,
}

impl History {
    /// Whether a request took more than `times` as long as nearly all of its route; counts it for those after it.
    pub(super) fn is_slow(&mut self, record: &Record, times: f64) -> bool {
        let place = record.route().or_else(|| record.rpc_method()).unwrap_or_default();
        let key = hash(hash(SEED, record.known_method().unwrap_or_default().as_bytes()), place.as_bytes());
        let room = self.routes.len() < MAX_ROUTES;
        let Some(route) = self.routes.get_mut(&key) else {
            if room {
                self.routes.entry(key).or_insert_with(Route::new).count(record.duration_ns());
            }
            return false;
        };
        let is_slow = record.duration_ns() >= SHORTEST_SLOW_NS
            && route.total >= LEAST_REQUESTS
            && record.duration_ns() as f64 > route.bound_ns as f64 * times;
        route.count(record.duration_ns());
        is_slow
    }
}

/// What a hash begins with: any number with as many ones as zeros.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Folded multiplication, eight bytes at a time. Routes are the application's own, so nobody outside looks for two that
/// share one.
fn hash(seed: u64, text: &[u8]) -> u64 {
    let fold = |hash: u64, word: [u8; 8]| {
        let product = u128::from(hash ^ u64::from_le_bytes(word)) * 0xa076_1d64_78bd_642f;
        (product >> 64) as u64 ^ product as u64
    };
    let (words, rest) = text.as_chunks();
    let hash = words.iter().fold(seed ^ text.len() as u64, |hash, word| fold(hash, *word));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
    fold(hash, last)
}

/// A key that is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(self.0, bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Route {
    const fn new() -> Self {
        Self { counts: [0; BUCKETS], total: 0, bound_ns: u64::MAX }
    }

    fn count(&mut self, duration_ns: u64) {
        if let Some(count) = self.counts.get_mut(bucket(duration_ns)) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= FORGETS_AT {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u32::from(*count)).sum();
        }
        // A walk over all buckets is not worth it for each request.
        if self.total.is_multiple_of(16) || self.total == LEAST_REQUESTS {
            self.bound_ns = self.bound();
        }
    }

    fn bound(&self) -> u64 {
        let (mut above, most) = (0, self.total / ONE_IN);
        for (index, count) in self.counts.iter().enumerate().rev() {
            above += u32::from(*count);
            if above > most {
                return upper_ns(index);
            }
        }
        u64::MAX
    }
}

/// The bucket of a duration: its highest bit, and the two behind it.
fn bucket(duration_ns: u64) -> usize {
    let bit = 63 - (duration_ns | 1).leading_zeros();
    let Some(doubling) = bit.checked_sub(FIRST_BIT) else { return 0 };
    let part = (duration_ns >> (bit - PART_BITS)) & ((1 << PART_BITS) - 1);
    ((doubling as usize) << PART_BITS | part as usize).min(BUCKETS - 1)
}

/// Where a bucket ends.
const fn upper_ns(index: usize) -> u64 {
    let (doubling, part) = (index as u32 >> PART_BITS, index as u64 & ((1 << PART_BITS) - 1));
    ((1 << PART_BITS) + part + 1) << (FIRST_BIT + doubling - PART_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parts::{Parts, Text};

    const MS: u64 = 1_000_000;

    fn took(route: &'static str, duration_ns: u64) -> Record {
        let parts = Parts { method: Text::Static("GET"), route: Some(Text::Static(route)), duration_ns, ..Parts::default() };
        Record::new(Box::new(parts))
    }

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        for index in 0..BUCKETS - 1 {
            assert_eq!(bucket(upper_ns(index)), index + 1, "{index}");
            assert_eq!(bucket(upper_ns(index) - 1), index, "{index}");
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn slow_is_what_takes_three_times_as_long_as_nearly_all_of_the_same_route() {
        let mut history = History::default();
        for _ in 0..LEAST_REQUESTS {
            assert!(!history.is_slow(&took("/report", 2_000 * MS), 3.0), "nothing is known yet");
            assert!(!history.is_slow(&took("/orders", 20 * MS), 3.0));
        }
        assert!(!history.is_slow(&took("/orders", 40 * MS), 3.0));
        assert!(history.is_slow(&took("/orders", 80 * MS), 3.0));
        assert!(!history.is_slow(&took("/report", 3_000 * MS), 3.0));
        assert!(!history.is_slow(&took("/never-asked", 3_000 * MS), 3.0));
    }

    #[test]
    fn hiccups_of_a_fast_route_are_not_slow() {
        let mut history = History::default();
        (0..200).for_each(|_| assert!(!history.is_slow(&took("/", 50_000), 3.0)));
        assert!(!history.is_slow(&took("/", 9 * MS), 3.0));
        assert!(history.is_slow(&took("/", 11 * MS), 3.0));
    }

    #[test]
    fn a_route_that_has_two_speeds_is_not_slow_at_either() {
        let mut history = History::default();
        let mut rng = fastrand::Rng::with_seed(3);
        let slow = (0..4_000).filter(|_| {
            let miss = rng.u32(..10) == 0;
            history.is_slow(&took("/cached", if miss { 90 * MS } else { MS }), 3.0)
        });
        assert_eq!(slow.count(), 0);
    }

    #[test]
    fn what_a_route_became_counts_in_the_end() {
        let mut history = History::default();
        for _ in 0..4_000 {
            let _ = history.is_slow(&took("/", 10 * MS), 3.0);
        }
        let first = (0..10_000).position(|_| !history.is_slow(&took("/", 100 * MS), 3.0));
        assert!(first.is_some_and(|first| first < 400), "{first:?}");
    }

    #[test]
    fn the_number_of_routes_is_bounded() {
        let mut history = History::default();
        for index in 0..3 * MAX_ROUTES {
            let mut record = took("", MS);
            let route = record.parts_mut().push_text(&format!("/{index}"), 100);
            record.parts_mut().route = Some(route);
            history.is_slow(&record, 3.0);
        }
        assert_eq!(history.routes.len(), MAX_ROUTES);
    }
}
