//! New ids, at the cost of a few instructions and without a system call.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use fastrand::Rng;

use crate::record::{SpanId, TraceId};

/// A new trace id: never zero, all bytes random, so [`RANDOM`](crate::record::TraceFlags::RANDOM) holds.
pub(crate) fn trace_id() -> TraceId {
    draw(|rng, salt| {
        let (high, low) = (rng.u64(..) ^ salt, rng.u64(1..));
        TraceId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    })
}

/// A new span id, never zero.
pub(crate) fn span_id() -> SpanId {
    draw(|rng, _| SpanId(rng.u64(1..).to_be_bytes()))
}

/// Sixteen random bytes.
pub(crate) fn bytes() -> [u8; 16] {
    draw(|rng, salt| (u128::from(rng.u64(..) ^ salt) << 64 | u128::from(rng.u64(..))).to_be_bytes())
}

fn draw<T>(take: impl Fn(&mut Rng, u64) -> T) -> T {
    // A request can be dropped by the destructor of another thread-local; ours may be gone by then.
    SOURCE.try_with(|source| source.draw(&take)).unwrap_or_else(|_| Source::late().draw(&take))
}

thread_local! {
    static SOURCE: Source = Source::new();
}

/// What one thread draws from.
struct Source {
    state: Cell<u64>,
    /// The generator has 64 bits of state, a trace id has 128. With a second seed for its upper half, two threads that
    /// happen upon the same state still make different trace ids.
    salt: u64,
}

impl Source {
    fn new() -> Self {
        // `RandomState` is seeded by the operating system; its two keys go into both numbers.
        let seed = RandomState::new();
        Self { state: Cell::new(seed.hash_one("state")), salt: seed.hash_one("salt") }
    }

    /// For a thread whose thread-locals are gone.
    fn late() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (low, high) = (now.as_nanos() as u64, u64::from(std::process::id()));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { state: Cell::new(low ^ count.rotate_left(40)), salt: high.rotate_left(32) ^ count }
    }

    fn draw<T>(&self, take: impl Fn(&mut Rng, u64) -> T) -> T {
        let mut rng = Rng::with_seed(self.state.get());
        let taken = take(&mut rng, self.salt);
        self.state.set(rng.get_seed());
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn ids_are_valid_and_differ() {
        let mut traces = HashSet::new();
        let mut spans = HashSet::new();
        for _ in 0..10_000 {
            let (trace, span) = (trace_id(), span_id());
            assert!(trace.is_valid() && span.is_valid());
            assert!(traces.insert(trace) && spans.insert(span), "an id was made twice");
        }
    }

    #[test]
    fn threads_do_not_repeat_each_other() {
        let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(|| (0..1000).map(|_| trace_id()).collect::<Vec<_>>())).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn ids_can_be_made_while_a_thread_ends() {
        static MADE: Mutex<Vec<TraceId>> = Mutex::new(Vec::new());
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                MADE.lock().unwrap().push(trace_id());
            }
        }
        thread_local!(static LAST: Last = const { Last });
        std::thread::spawn(|| {
            LAST.with(|_| ());
            trace_id()
        })
        .join()
        .unwrap();
        assert!(matches!(MADE.lock().unwrap().as_slice(), [id] if id.is_valid()));
    }

    #[test]
    fn the_source_of_last_resort_does_not_repeat_itself() {
        let draw = || Source::late().draw(|rng, salt| (rng.u64(..), salt));
        let all: HashSet<_> = (0..1000).map(|_| draw()).collect();
        assert_eq!(all.len(), 1000);
    }
}
