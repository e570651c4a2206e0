//! Counts what is asked of the allocator: one instruction for each thread, and one for all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static OF_THREAD: Cell<u64> = const { Cell::new(0) };
}
static OF_PROCESS: AtomicU64 = AtomicU64::new(0);

/// Allocations of this thread so far, in a program whose allocator is [`Counting`].
pub fn of_thread() -> u64 {
    OF_THREAD.get()
}

/// Those of all threads.
pub fn of_process() -> u64 {
    OF_PROCESS.load(Ordering::Relaxed)
}

/// The system's allocator, with a count of what it was asked for.
#[derive(Debug)]
pub struct Counting;

impl Counting {
    fn count() {
        // Fails while a thread ends.
        let _ = OF_THREAD.try_with(|count| count.set(count.get() + 1));
        OF_PROCESS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
