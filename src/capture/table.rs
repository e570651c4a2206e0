//! The spans of a process that we keep ourselves.
//!
//! A span is a slot: a count of its handles, and what it is to us. Slots lie in pages that are made when they are first
//! needed and never move, each twice as large as the one before; a slot that is free again waits on the thread that freed
//! it, and where some wait there already, in a queue. An id names a slot and how often it was used before, so that an old
//! one finds nothing.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crossbeam_queue::SegQueue;
use tracing::Metadata;
use tracing::span::Id;

use super::entered;
use super::mark::{Mark, Spans};

/// Slots of the first page, as a power of two.
const FIRST: u32 = 6;
/// Pages: about a million spans at once. What is beyond has a place nowhere, and what happens in it belongs to what is
/// around it.
const PAGES: usize = 14;
/// The id of a span without a slot.
const NOWHERE: u64 = u64::MAX;
/// Free slots that wait on a thread.
const SPARE: usize = 16;

thread_local! {
    static FREE: RefCell<Free> = const { RefCell::new(Free { table: Weak::new(), slots: Vec::new() }) };
}

/// Spans that are open.
pub(super) struct Table {
    pages: [OnceLock<Box<[Slot]>>; PAGES],
    /// Slots that were ever used.
    used: AtomicU32,
    free: SegQueue<u32>,
}

#[derive(Default)]
struct Slot {
    handles: AtomicU32,
    /// How often it was used before.
    turn: AtomicU32,
    /// Held to copy or move what is in it, and never while anything else runs.
    content: Mutex<Content>,
}

/// What is known of a span.
#[derive(Default)]
pub(super) struct Content {
    pub(super) mark: Option<Mark>,
    /// The span around it, where it has no mark of its own; held open for as long.
    pub(super) parent: Option<Id>,
    pub(super) metadata: Option<&'static Metadata<'static>>,
}

/// A place for a span that is about to be opened.
pub(super) struct Place<'a> {
    slot: Option<&'a Slot>,
    pub(super) id: Id,
}

/// Free slots of a thread.
struct Free {
    table: Weak<Table>,
    slots: Vec<u32>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { pages: [const { OnceLock::new() }; PAGES], used: AtomicU32::new(0), free: SegQueue::new() }
    }

    /// Finds a place for a span; nowhere where there are too many.
    #[inline]
    pub(super) fn reserve(&self) -> Place<'_> {
        let index = self.spare().or_else(|| self.fetch());
        match index.and_then(|index| Some((index, self.slot(index)?))) {
            Some((index, slot)) => Place { slot: Some(slot), id: id(index, slot.turn.load(Ordering::Relaxed)) },
            None => Place { slot: None, id: Id::from_u64(NOWHERE) },
        }
    }

    /// Opens a span with one handle.
    #[inline]
    pub(super) fn open(&self, place: Place<'_>, content: Content) -> Id {
        if let Some(slot) = place.slot {
            if let Some(parent) = &content.parent {
                self.hold(parent);
            }
            *slot.content() = content;
            slot.handles.store(1, Ordering::Relaxed);
        }
        place.id
    }

    /// A slot that this thread freed.
    #[inline]
    fn spare(&self) -> Option<u32> {
        let take = |free: &RefCell<Free>| free.try_borrow_mut().ok().filter(|free| free.is_of(self))?.slots.pop();
        FREE.try_with(take).ok().flatten()
    }

    #[inline(never)]
    fn give_back(&self, index: u32) {
        self.free.push(index);
    }

    #[inline(never)]
    fn fetch(&self) -> Option<u32> {
        self.free.pop().or_else(|| self.unused())
    }

    fn unused(&self) -> Option<u32> {
        const MOST: u32 = ((1 << PAGES) - 1) << FIRST;
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < MOST).then_some(used + 1)).ok()
    }

    /// Another handle.
    pub(super) fn hold(&self, id: &Id) {
        if let Some(slot) = self.find(id) {
            slot.handles.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One handle less. When it was the last, the span is over, and its slot is for whoever comes next; what was in it is
    /// returned, and its parent is the caller's to close.
    #[inline]
    pub(super) fn close(self: &Arc<Self>, id: &Id) -> Option<Content> {
        let slot = self.find(id)?;
        if slot.handles.fetch_sub(1, Ordering::AcqRel) != 1 {
            return None;
        }
        let content = std::mem::take(&mut *slot.content());
        slot.turn.fetch_add(1, Ordering::Release);
        let is_kept = FREE.try_with(|free| free.try_borrow_mut().is_ok_and(|mut free| free.keep(self, index(id))));
        if is_kept != Ok(true) {
            self.give_back(index(id));
        }
        Some(content)
    }

    /// Where a span comes from.
    pub(super) fn metadata(&self, id: &Id) -> Option<&'static Metadata<'static>> {
        self.find(id)?.content().metadata
    }

    /// What stands for this table on a thread.
    pub(super) fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot> {
        // Page n begins with slot (2^n - 1) * 2^FIRST.
        let number = index.checked_add(1 << FIRST)?;
        let page = (number.ilog2() - FIRST) as usize;
        let size = 1_usize << (FIRST as usize + page);
        let slots = self.pages.get(page)?.get_or_init(|| (0..size).map(|_| Slot::default()).collect());
        slots.get(number as usize - size)
    }

    #[inline]
    fn find(&self, id: &Id) -> Option<&Slot> {
        let slot = self.slot(index(id))?;
        (slot.turn.load(Ordering::Acquire) == turn(id)).then_some(slot)
    }
}

impl Free {
    fn is_of(&self, table: &Table) -> bool {
        std::ptr::eq(self.table.as_ptr(), table)
    }

    /// Keeps a slot for the next span of this thread; false where it should go back.
    #[inline]
    fn keep(&mut self, table: &Arc<Table>, slot: u32) -> bool {
        let keeps = (self.is_of(table) || self.turns_to(table)) && self.slots.len() < SPARE;
        if keeps {
            self.slots.push(slot);
        }
        keeps
    }

    /// Keeps slots of this table from now on, unless it keeps those of another.
    #[cold]
    fn turns_to(&mut self, table: &Arc<Table>) -> bool {
        let turns = self.table.strong_count() == 0;
        if turns {
            *self = Self { table: Arc::downgrade(table), slots: Vec::with_capacity(SPARE) };
        }
        turns
    }
}

impl Drop for Free {
    /// The thread ends.
    fn drop(&mut self) {
        if let Some(table) = self.table.upgrade() {
            self.slots.drain(..).for_each(|slot| table.free.push(slot));
        }
    }
}

impl Slot {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(index: u32, turn: u32) -> Id {
    // Never 0.
    Id::from_u64((u64::from(turn) << 32) + u64::from(index) + 1)
}

fn index(id: &Id) -> u32 {
    // Cut to its lower half.
    (id.into_u64() - 1) as u32
}

fn turn(id: &Id) -> u32 {
    ((id.into_u64() - 1) >> 32) as u32
}

impl Spans for Table {
    fn has(&self, id: &Id) -> bool {
        self.find(id).is_some()
    }

    fn parent(&self, id: &Id) -> Option<Id> {
        self.find(id)?.content().parent.clone()
    }

    fn current(&self) -> Option<Id> {
        entered::last(self.key()).map(|entered| entered.id)
    }

    fn look<R>(&self, id: &Id, f: impl FnOnce(&Mark) -> R) -> Option<R> {
        self.find(id)?.content().mark.as_ref().map(f)
    }

    fn change<R>(&self, id: &Id, f: impl FnOnce(&mut Mark) -> R) -> Option<R> {
        self.find(id)?.content().mark.as_mut().map(f)
    }

    fn mark(&self, id: &Id, mark: Mark) {
        if let Some(slot) = self.find(id) {
            slot.content().mark = Some(mark);
        }
    }

    fn unmark(&self, id: &Id) -> Option<Mark> {
        self.find(id)?.content().mark.take()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("used", &self.used).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn open(table: &Table, parent: Option<Id>) -> Id {
        table.open(table.reserve(), Content { parent, ..Content::default() })
    }

    #[test]
    fn a_slot_is_used_again_under_another_id_and_survives_its_thread() {
        let table = Arc::new(Table::new());
        let of_thread = thread::scope(|scope| {
            let run = || {
                let first = open(&table, None);
                assert!(table.close(&first).is_some() && !table.has(&first));
                let second = open(&table, None);
                assert!(index(&first) == index(&second) && first != second);
                assert!(table.close(&first).is_none() && table.has(&second));
                table.close(&second);
                second
            };
            scope.spawn(run).join().unwrap()
        });
        // The end of a scope does not wait for what a thread leaves behind.
        while table.free.is_empty() {
            thread::yield_now();
        }
        let here = open(&table, None);
        assert!(index(&here) == index(&of_thread) && here != of_thread);
        assert_eq!(table.used.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_span_is_over_with_its_last_handle_be_it_that_of_a_span_inside_it() {
        let table = Arc::new(Table::new());
        let around = open(&table, None);
        let inside = open(&table, Some(around.clone()));
        table.hold(&inside);
        assert!(table.close(&around).is_none() && table.close(&inside).is_none());
        let left = table.close(&inside).unwrap();
        assert_eq!(left.parent.as_ref(), Some(&around));
        assert!(table.close(&around).is_some() && !table.has(&around));
    }

    #[test]
    fn two_tables_keep_their_slots_apart() {
        let tables = [Arc::new(Table::new()), Arc::new(Table::new())];
        for _ in 0..2 * SPARE {
            let ids = tables.each_ref().map(|table| [open(table, None), open(table, None)]);
            for (table, ids) in tables.iter().zip(ids) {
                assert!(ids.iter().all(|id| table.close(id).is_some()));
            }
        }
        assert!(tables.iter().all(|table| table.used.load(Ordering::Relaxed) == 2));
    }
}
