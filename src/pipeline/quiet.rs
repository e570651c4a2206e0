//! Threads of ours are quiet: what they log never enters the pipeline that they serve.

use std::cell::Cell;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Makes this thread quiet for the rest of its life.
pub(crate) fn hush() {
    let _ = QUIET.try_with(|quiet| quiet.set(true));
}

/// Whether what happens on this thread is not to be captured.
#[inline]
pub(crate) fn is_quiet() -> bool {
    QUIET.try_with(Cell::get).unwrap_or(true)
}
