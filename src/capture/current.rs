//! The exchange whose service or body is being polled on this thread.
//!
//! The exchange itself moves in and out, so that nobody needs a lock, a pointer or a look-up in a registry to find it.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::{Exchange, Link};
use crate::record::SpanId;

thread_local! {
    static CURRENT: RefCell<Option<Exchange>> = const { RefCell::new(None) };
    /// The one that is polled by what an application's own code does while the current one is in use.
    static MEANWHILE: Cell<Option<Exchange>> = const { Cell::new(None) };
    /// The request that work outside its task belongs to, by an explicit handle.
    static GUEST: Cell<Option<Arc<Link>>> = const { Cell::new(None) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// Requests whose spans are entered here while no exchange is: those of tasks that left their request's.
    static VISITS: Cell<Vec<Visit>> = const { Cell::new(Vec::new()) };
    /// Where the link of the request lies that is being polled here, if nobody will see it; else 0.
    static UNSEEN: Cell<usize> = const { Cell::new(0) };
    /// Whether a request's own span is being entered, where its exchange is about to be.
    static AT_HOME: Cell<bool> = const { Cell::new(false) };
}

/// A span of a request that is entered where its exchange is not.
struct Visit {
    key: (usize, u64),
    link: Arc<Link>,
    span: SpanId,
}

/// Runs `f` while the exchange in `slot` is the current one; it comes back even if `f` unwinds.
#[inline]
pub(crate) fn with_current<T>(slot: &mut Option<Exchange>, f: impl FnOnce() -> T) -> T {
    let Some(exchange) = slot else { return f() };
    let _seen = Unseen::be(if exchange.link.is_slim { std::ptr::from_ref(&*exchange.link).addr() } else { 0 });
    // Meanwhile the slot holds the one before.
    let _back = Swapped::new(slot);
    f()
}

/// Runs `f` on the current exchange; `None` when there is none.
///
/// While `f` runs there is none, so whatever it calls cannot come back here.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Exchange) -> R) -> Option<R> {
    let with = |current: &RefCell<Option<Exchange>>| match current.try_borrow_mut() {
        Ok(mut current) => current.as_mut().map(f),
        Err(_) => with_meanwhile(f),
    };
    CURRENT.try_with(with).ok().flatten()
}

/// The same for what is captured: `None` too while an exchange is in use. Whoever makes requests then is a formatter, and
/// what it tells is not captured.
#[inline]
pub(super) fn with_idle<R>(f: impl FnOnce(&mut Exchange) -> R) -> Option<R> {
    let with = |current: &RefCell<Option<Exchange>>| current.try_borrow_mut().ok()?.as_mut().map(f);
    CURRENT.try_with(with).ok().flatten()
}

#[cold]
fn with_meanwhile<R>(f: impl FnOnce(&mut Exchange) -> R) -> Option<R> {
    let mut slot = None;
    let swapped = Swapped::new(&mut slot);
    swapped.0.as_mut().map(f)
}

/// What stands for the request that is being polled here, where nobody will see it; else 0. At a fraction of what it costs
/// to ask the exchange.
#[inline]
pub(super) fn unseen() -> usize {
    UNSEEN.try_with(Cell::get).unwrap_or_default()
}

/// Another request is polled here, or none, until this is dropped.
struct Unseen(usize);

impl Unseen {
    #[inline]
    fn be(now: usize) -> Self {
        Self(UNSEEN.try_with(|unseen| unseen.replace(now)).unwrap_or_default())
    }
}

impl Drop for Unseen {
    #[inline]
    fn drop(&mut self) {
        let _ = UNSEEN.try_with(|unseen| unseen.set(self.0));
    }
}

/// Takes the current exchange for good, where the process is about to end.
pub(super) fn take() -> Option<Exchange> {
    let mut slot = None;
    swap(&mut slot);
    slot
}

/// What is in a slot and the current exchange have changed places, until this is dropped.
struct Swapped<'a>(&'a mut Option<Exchange>);

impl<'a> Swapped<'a> {
    #[inline]
    fn new(slot: &'a mut Option<Exchange>) -> Self {
        swap(slot);
        Self(slot)
    }
}

impl Drop for Swapped<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Does nothing while the thread ends.
#[inline]
fn swap(slot: &mut Option<Exchange>) {
    let _ = CURRENT.try_with(|current| match current.try_borrow_mut() {
        Ok(mut current) => std::mem::swap(&mut *current, slot),
        Err(_) => swap_meanwhile(slot),
    });
}

#[cold]
fn swap_meanwhile(slot: &mut Option<Exchange>) {
    let _ = MEANWHILE.try_with(|meanwhile| meanwhile.swap(Cell::from_mut(slot)));
}

/// Runs `f` while `link` is the request that work on this thread belongs to, whichever else is being polled here.
pub(crate) fn as_guest<R>(link: &Arc<Link>, f: impl FnOnce() -> R) -> R {
    struct PutBack(Option<Arc<Link>>);
    impl Drop for PutBack {
        fn drop(&mut self) {
            let link = self.0.take();
            let _ = GUEST.try_with(|guest| guest.set(link));
        }
    }
    let is_here = with(|exchange| Arc::ptr_eq(&exchange.link, link)).unwrap_or_default();
    let mut hidden = None;
    let _hidden = (!is_here).then(|| (Swapped::new(&mut hidden), Unseen::be(0)));
    let _put_back = PutBack(GUEST.try_with(|guest| guest.replace(Some(Arc::clone(link)))).unwrap_or_default());
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

/// Enters the request's own span by `f`, which nobody has to look up.
pub(crate) fn at_home<R>(f: impl FnOnce() -> R) -> R {
    let _ = AT_HOME.try_with(|home| home.set(true));
    let entered = f();
    let _ = AT_HOME.try_with(|home| home.set(false));
    entered
}

/// Whether a span that is entered now belongs to a task on its own, as far as this thread knows.
pub(super) fn is_away() -> bool {
    !AT_HOME.try_with(Cell::get).unwrap_or(true)
}

/// Notes that a span of a request is entered where its exchange is not.
pub(super) fn visit(key: (usize, u64), link: &Arc<Link>, span: SpanId) {
    let _ = VISITS.try_with(|visits| {
        let mut all = visits.take();
        all.push(Visit { key, link: Arc::clone(link), span });
        visits.set(all);
    });
}

/// The end of a [`visit`], if it was one.
pub(super) fn end_visit(key: (usize, u64)) {
    let _ = VISITS.try_with(|visits| {
        let mut all = visits.take();
        if let Some(at) = all.iter().rposition(|visit| visit.key == key) {
            all.remove(at);
        }
        visits.set(all);
    });
}

/// The request that work on this thread belongs to by the tracing span that it carries. Takes no lock: a panic hook asks.
pub(super) fn visited() -> Option<(Arc<Link>, SpanId)> {
    let of_last = |visits: &Cell<Vec<Visit>>| {
        let all = visits.take();
        let last = all.last().map(|visit| (Arc::clone(&visit.link), visit.span));
        visits.set(all);
        last
    };
    VISITS.try_with(of_last).ok().flatten()
}

/// Whether a value of the application is being formatted for us on this thread.
#[inline]
pub(super) fn is_busy() -> bool {
    BUSY.try_with(Cell::get).unwrap_or(true)
}

/// Runs `f` unless it is already running on this thread: a value whose `Debug` logs does not get its own event captured.
#[inline]
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
