//! Which spans are entered on this thread, where we keep them ourselves.

use std::cell::Cell;

use tracing::span::Id;

thread_local! {
    static ENTERED: Cell<Vec<Entered>> = const { Cell::new(Vec::new()) };
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
pub(super) fn push(entered: Entered) {
    on_stack(|stack| stack.push(entered));
}

/// Notes that it was left, in whatever order.
pub(super) fn pop(keeper: usize, id: &Id) {
    on_stack(|stack| {
        if let Some(at) = stack.iter().rposition(|entered| entered.keeper == keeper && entered.id == *id) {
            stack.remove(at);
        }
    });
}

/// The innermost one of a keeper.
pub(super) fn last(keeper: usize) -> Option<Entered> {
    on_stack(|stack| stack.iter().rfind(|entered| entered.keeper == keeper).cloned()).flatten()
}

/// `None` while the thread ends.
fn on_stack<R>(f: impl FnOnce(&mut Vec<Entered>) -> R) -> Option<R> {
    let on = |stack: &Cell<Vec<Entered>>| {
        let mut all = stack.take();
        let result = f(&mut all);
        stack.set(all);
        result
    };
    ENTERED.try_with(on).ok()
}
