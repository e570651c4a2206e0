//! Buffers that wait for their next request.
//!
//! The one that was used last comes first, on the thread that used it: what is still in a processor's cache is written to
//! again, and a service with little to do keeps going over a few of them.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::record::parts::Parts;

/// Buffers on all shelves together, at most.
const MAX_BUFFERS: usize = 1024;
/// Threads share shelves when there are more of them.
const SHELVES: usize = 8;

type Shelf = Vec<Box<Parts>>;

/// A shelf for each thread that takes requests. Whoever finds a shelf in use goes on without it: nobody waits.
#[derive(Debug, Default)]
pub(super) struct Pool {
    shelves: [Mutex<Shelf>; SHELVES],
    /// Of all of them, roughly.
    count: AtomicUsize,
}

impl Pool {
    /// A buffer with nothing in it.
    pub(super) fn take(&self) -> Box<Parts> {
        let own = own_shelf();
        let mut parts = self.find(own).unwrap_or_default();
        parts.shelf = own;
        parts
    }

    fn find(&self, own: u8) -> Option<Box<Parts>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // Its own first, then those behind it.
        let (before, from) = self.shelves.split_at_checked(own.into())?;
        let parts = from.iter().chain(before).find_map(|shelf| open(shelf)?.pop())?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(parts)
    }

    /// Takes back a buffer that was emptied.
    pub(super) fn put(&self, parts: Box<Parts>) {
        if self.count.load(Ordering::Relaxed) >= MAX_BUFFERS {
            return;
        }
        let shelf = self.shelves.get(usize::from(parts.shelf)).and_then(open);
        if let Some(mut shelf) = shelf {
            // Counted while nobody can take it.
            self.count.fetch_add(1, Ordering::Relaxed);
            shelf.push(parts);
        }
    }
}

fn open(shelf: &Mutex<Shelf>) -> Option<MutexGuard<'_, Shelf>> {
    match shelf.try_lock() {
        Ok(shelf) => Some(shelf),
        Err(TryLockError::Poisoned(shelf)) => Some(shelf.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// The shelf of this thread: threads take turns.
fn own_shelf() -> u8 {
    const UNKNOWN: u8 = u8::MAX;
    thread_local! {
        static SHELF: Cell<u8> = const { Cell::new(UNKNOWN) };
    }
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    let known = SHELF.get();
    if known != UNKNOWN {
        return known;
    }
    let next = (THREADS.fetch_add(1, Ordering::Relaxed) % SHELVES) as u8;
    SHELF.set(next);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_that_was_used_last_comes_first() {
        let pool = Pool::default();
        let (first, second) = (pool.take(), pool.take());
        let last = std::ptr::from_ref(&*second);
        pool.put(first);
        pool.put(second);
        assert_eq!(std::ptr::from_ref(&*pool.take()), last);
    }

    #[test]
    fn a_buffer_goes_back_to_the_thread_that_used_it_and_others_find_it_too() {
        let pool = Pool::default();
        let (mine, other) = (pool.take(), pool.take());
        let all = [std::ptr::from_ref(&*mine).addr(), std::ptr::from_ref(&*other).addr()];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pool.put(mine);
                pool.put(other);
                assert!(all.contains(&std::ptr::from_ref(&*pool.take()).addr()));
            });
        });
        assert!(all.contains(&std::ptr::from_ref(&*pool.take()).addr()));
        assert_eq!(pool.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn no_more_are_kept_than_the_limit_says() {
        let pool = Pool::default();
        let all: Vec<_> = (0..MAX_BUFFERS + 100).map(|_| pool.take()).collect();
        all.into_iter().for_each(|parts| pool.put(parts));
        let kept: usize = pool.shelves.iter().map(|shelf| shelf.lock().unwrap().len()).sum();
        assert_eq!((kept, pool.count.load(Ordering::Relaxed)), (MAX_BUFFERS, MAX_BUFFERS));
    }

    #[test]
    fn a_shelf_in_use_delays_nobody() {
        let pool = Pool::default();
        let parts = pool.take();
        let shelves: Vec<_> = pool.shelves.iter().map(|shelf| shelf.lock().unwrap()).collect();
        pool.put(parts);
        pool.take();
        drop(shelves);
        assert_eq!(pool.count.load(Ordering::Relaxed), 0);
    }
}
