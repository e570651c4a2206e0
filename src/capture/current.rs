//! The exchange whose service or body is being polled on this thread.
//!
//! The exchange itself moves in and out, so that nobody needs a lock, a pointer or a look-up in a registry to find it.

use std::cell::Cell;
use std::sync::Arc;

use super::{Exchange, Link};

thread_local! {
    static CURRENT: Cell<Option<Exchange>> = const { Cell::new(None) };
    /// The request that work outside its task belongs to, by an explicit handle.
    static GUEST: Cell<Option<Arc<Link>>> = const { Cell::new(None) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Makes `exchange` the current one and returns the one before; gives it back where the thread is already ending.
pub(crate) fn enter(exchange: Exchange) -> Result<Option<Exchange>, Exchange> {
    let mut exchange = Some(exchange);
    let previous = CURRENT.try_with(|current| current.replace(exchange.take()));
    match (previous, exchange) {
        (Ok(previous), _) => Ok(previous),
        (Err(_), Some(exchange)) => Err(exchange),
        (Err(_), None) => Ok(None),
    }
}

/// Takes the current exchange out and makes `previous` the current one again.
pub(crate) fn leave(previous: Option<Exchange>) -> Option<Exchange> {
    CURRENT.try_with(|current| current.replace(previous)).unwrap_or_default()
}

/// Runs `f` on the current exchange; `None` when there is none.
///
/// While `f` runs there is none, so whatever it calls cannot come back here.
pub(crate) fn with<R>(f: impl FnOnce(&mut Exchange) -> R) -> Option<R> {
    /// Puts the exchange back even if `f` unwinds.
    struct PutBack(Option<Exchange>);
    impl Drop for PutBack {
        fn drop(&mut self) {
            let exchange = self.0.take();
            let _ = CURRENT.try_with(|current| current.set(exchange));
        }
    }
    let taken = CURRENT.try_with(Cell::take).ok().flatten();
    let mut slot = PutBack(Some(taken?));
    slot.0.as_mut().map(f)
}

/// Runs `f` while `link` is the request that work on this thread belongs to, whichever else is being polled here.
pub(crate) fn as_guest<R>(link: &Arc<Link>, f: impl FnOnce() -> R) -> R {
    struct PutBack {
        guest: Option<Arc<Link>>,
        hidden: Option<Exchange>,
    }
    impl Drop for PutBack {
        fn drop(&mut self) {
            let (link, hidden) = (self.guest.take(), self.hidden.take());
            let _ = GUEST.try_with(|guest| guest.set(link));
            if hidden.is_some() {
                let _ = CURRENT.try_with(|current| current.set(hidden));
            }
        }
    }
    let is_here = with(|exchange| Arc::ptr_eq(&exchange.link, link)).unwrap_or_default();
    let hidden = if is_here { None } else { leave(None) };
    let guest = GUEST.try_with(|guest| guest.replace(Some(Arc::clone(link)))).unwrap_or_default();
    let _put_back = PutBack { guest, hidden };
    link.in_step(f)
}

/// The request that work on this thread belongs to by an explicit handle.
pub(crate) fn guest() -> Option<Arc<Link>> {
    GUEST
        .try_with(|guest| {
            let link = guest.take();
            guest.set(link.clone());
            link
        })
        .unwrap_or_default()
}

/// Runs `f` unless it is already running on this thread: a value whose `Debug` logs does not get its own event captured.
pub(super) fn once<R>(f: impl FnOnce() -> R) -> Option<R> {
    struct Free;
    impl Drop for Free {
        fn drop(&mut self) {
            let _ = BUSY.try_with(|busy| busy.set(false));
        }
    }
    if BUSY.try_with(|busy| busy.replace(true)).unwrap_or(true) {
        return None;
    }
    let _free = Free;
    Some(f())
}
