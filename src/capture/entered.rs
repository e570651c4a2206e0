//! Which spans are entered on this thread, where we keep them ourselves.

use std::cell::RefCell;

use tracing::span::Id;

thread_local! {
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// A span that is entered.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    /// Whose span it is.
    pub(super) keeper: usize,
    pub(super) id: Id,
    /// Inside which exchange it was entered: its address, or 0.
    pub(super) inside: usize,
}

/// Notes that a span was entered.
#[inline]
pub(super) fn push(entered: Entered) {
    on_stack(|stack| stack.push(entered));
}

/// Notes that it was left, in whatever order.
#[inline]
pub(super) fn pop(keeper: usize, id: &Id) {
    let is_it = |entered: &Entered| entered.keeper == keeper && entered.id == *id;
    on_stack(|stack| {
        if stack.pop_if(|last| is_it(last)).is_none()
            && let Some(at) = stack.iter().rposition(is_it)
        {
            stack.remove(at);
        }
    });
}

/// The innermost one of a keeper.
pub(super) fn last(keeper: usize) -> Option<Entered> {
    on_stack(|stack| stack.iter().rfind(|entered| entered.keeper == keeper).cloned()).flatten()
}

/// `None` while the thread ends.
#[inline]
fn on_stack<R>(f: impl FnOnce(&mut Vec<Entered>) -> R) -> Option<R> {
    ENTERED.try_with(|stack| Some(f(&mut *stack.try_borrow_mut().ok()?))).ok().flatten()
}
