//! Detail that gives way: to newer detail while a record is written, or altogether where only the summary travels.

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::pack::Pack;
use super::{
    CUT_MARK, EventSlot, FieldSlot, List, MAX_EVENT_BYTES, MAX_EVENTS, MAX_SPANS, NONE, OPEN, Parts, Slot, SpanSlot, Text,
};
use crate::record::{SpanId, SpanKind};

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scarce {
    Events,
    Spans,
    Bytes,
}

/// A part of this share of what is scarce has to be free afterwards, or thinning is not worth its while.
const WORTH: usize = 16;
/// A buffer whose text is larger is made anew for a summary; a smaller one just keeps its rests.
const LARGE_TEXT_BYTES: usize = 4 * 1024;

/// An event, or a span that has ended.
struct Detail {
    index: usize,
    is_span: bool,
    /// What goes first has the least.
    class: u8,
    time_ns: u64,
    weight: usize,
}

impl Parts {
    /// Has the older half of the detail give way; false where that makes no room.
    ///
    /// Events of DEBUG and below go first, then INFO, then WARN, then ERROR, of each the oldest, and spans that have ended
    /// with events of their level; the newest quarter stays whatever it is. Client spans stay: others know them by their id.
    ///
    /// One pass over the record frees half of what fills it, so each event pays for a few moves of its bytes, however many
    /// follow.
    pub(super) fn thin(&mut self, scarce: Scarce) -> bool {
        self.thin_out(scarce, true)
    }

    /// [`thin`](Self::thin) for whoever knows places of texts that are in no list yet: texts stay where they are, so only
    /// places in lists are won.
    pub(super) fn thin_in_place(&mut self, scarce: Scarce) -> bool {
        self.thin_out(scarce, false)
    }

    fn thin_out(&mut self, scarce: Scarce, moves_text: bool) -> bool {
        if scarce == Scarce::Bytes && self.is_stuck {
            return false;
        }
        let before = self.used_bytes();
        let mut details = self.details(scarce);
        let total: usize = details.iter().map(|detail| detail.weight).sum();
        let of = match scarce {
            Scarce::Events => MAX_EVENTS.min(self.events.len()),
            Scarce::Spans => MAX_SPANS.min(self.spans.len()),
            Scarce::Bytes => before,
        };
        if scarce != Scarce::Bytes && total < of / WORTH * 2 {
            return false;
        }
        details.sort_unstable_by_key(|detail| std::cmp::Reverse(detail.time_ns));
        let mut newest = 0;
        let protected = details.iter().take_while(|detail| {
            newest += detail.weight;
            newest <= total / 4
        });
        let protected = protected.count();
        let mut goes_event = vec![false; self.events.len()];
        let mut goes_span = vec![false; self.spans.len()];
        let older = details.get_mut(protected..).unwrap_or_default();
        older.sort_unstable_by_key(|detail| (detail.class, detail.time_ns));
        let mut freed = 0;
        for detail in older {
            if 2 * freed >= total {
                break;
            }
            freed += detail.weight;
            let goes = if detail.is_span { &mut goes_span } else { &mut goes_event };
            if let Some(goes) = goes.get_mut(detail.index) {
                *goes = true;
            }
        }
        let goes = |list: &[bool], index: usize| list.get(index).copied().unwrap_or_default();
        self.take_out(|index, _| goes(&goes_span, index), |index, _| goes(&goes_event, index));
        self.repack(moves_text);
        let after = self.used_bytes();
        // What frees next to nothing is not tried for every event.
        self.is_stuck = scarce == Scarce::Bytes && before.saturating_sub(after) < before / WORTH;
        freed > 0 || after < before
    }

    /// Has detail give way until it takes `bytes`, as far as it can, and gives the memory back. For when memory is short.
    pub(crate) fn fit(&mut self, bytes: usize) {
        fn spare<T>(list: &Vec<T>) -> usize {
            (list.capacity() - list.len()) * size_of::<T>()
        }
        fn shrink<T>(list: &mut Vec<T>, times: usize) {
            list.shrink_to(list.len().saturating_mul(times));
        }
        let tight_bytes = |parts: &Self| {
            let text = parts.text.capacity() - parts.text.len();
            parts.size_bytes() - text - spare(&parts.fields) - spare(&parts.events) - spare(&parts.spans)
        };
        // Each round halves the detail.
        for _ in 0..usize::BITS {
            if tight_bytes(self) <= bytes || !self.thin(Scarce::Bytes) {
                break;
            }
        }
        // Where there is room for it, as much again stays free.
        let times = if tight_bytes(self) + self.used_bytes() <= bytes { 2 } else { 1 };
        self.text.shrink_to(self.text.len().saturating_mul(times));
        shrink(&mut self.fields, times);
        shrink(&mut self.events, times);
        shrink(&mut self.spans, times);
    }

    /// Leaves the summary: no spans but those of clients, and of the events those from `rest` on.
    ///
    /// Client spans stay until they are measured; see [`drop_spans`](Self::drop_spans).
    pub(crate) fn summarise(&mut self, rest: LevelFilter) {
        if self.events.is_empty() && self.spans.is_empty() {
            return;
        }
        self.take_out(|_, span| span.kind != SpanKind::Client, |_, event| event.origin.level > rest);
        self.put_fields_together();
    }

    /// Takes the rest of the spans out.
    pub(crate) fn drop_spans(&mut self) {
        if !self.spans.is_empty() {
            self.take_out(|_, _| true, |_, _| false);
            self.put_fields_together();
        }
    }

    /// Where a span is that was at `hint`, or never further back; spans only ever move to the front.
    pub(crate) fn span_at(&self, hint: usize, id: SpanId) -> Option<usize> {
        let is_it = |index: &usize| self.spans.get(*index).is_some_and(|span| span.id == id);
        Some(hint).filter(is_it).or_else(|| (0..hint.min(self.spans.len())).rev().find(is_it))
    }

    fn details(&self, scarce: Scarce) -> Vec<Detail> {
        let weight = |bytes: usize| if scarce == Scarce::Bytes { bytes } else { 1 };
        let events = self.events.iter().enumerate().filter(|_| scarce != Scarce::Spans).map(|(index, event)| Detail {
            index,
            is_span: false,
            class: class(event.origin.level),
            time_ns: event.time_ns,
            weight: weight(self.event_bytes(event)),
        });
        let has_ended = |span: &SpanSlot| span.end_ns != OPEN && span.kind != SpanKind::Client;
        let spans = self.spans.iter().enumerate().filter(|(_, span)| scarce != Scarce::Events && has_ended(span));
        let spans = spans.map(|(index, span)| Detail {
            index,
            is_span: true,
            class: if span.error == Text::EMPTY { class(span.origin.level) } else { class(Level::ERROR) },
            time_ns: span.start_ns,
            weight: weight(size_of::<SpanSlot>() + self.list_bytes(span.fields)),
        });
        events.chain(spans).collect()
    }

    fn event_bytes(&self, event: &EventSlot) -> usize {
        let origin = event.origin;
        let texts = [event.message, origin.name, origin.target, origin.file];
        size_of::<EventSlot>() + texts.into_iter().map(own_bytes).sum::<usize>() + self.list_bytes(event.fields)
    }

    fn list_bytes(&self, list: List) -> usize {
        let bytes = |field: &FieldSlot| {
            let value = if let Slot::Text(text) = field.value { own_bytes(text) } else { 0 };
            size_of::<FieldSlot>() + own_bytes(field.name) + value
        };
        self.list(list).map(bytes).sum()
    }

    /// Takes spans and events out and counts them; what was inside a span is then inside the one around it.
    pub(super) fn take_out(
        &mut self,
        mut goes_span: impl FnMut(usize, &SpanSlot) -> bool,
        mut goes_event: impl FnMut(usize, &EventSlot) -> bool,
    ) {
        let before = self.events.len() + self.spans.len();
        let mut index = 0;
        self.events.retain(|event| {
            index += 1;
            !goes_event(index - 1, event)
        });
        let mut gone = Vec::new();
        index = 0;
        self.spans.retain(|span| {
            index += 1;
            let goes = goes_span(index - 1, span);
            if goes {
                gone.push((span.id, span.parent));
            }
            !goes
        });
        let count = before - self.events.len() - self.spans.len();
        self.thinned = self.thinned.saturating_add(u32::try_from(count).unwrap_or(NONE));
        if gone.is_empty() {
            return;
        }
        gone.sort_unstable_by_key(|(id, _)| id.0);
        let around = |mut id: SpanId| {
            for _ in 0..=gone.len() {
                let Ok(at) = gone.binary_search_by_key(&id.0, |(id, _)| id.0) else { break };
                id = gone.get(at).map(|(_, parent)| *parent).unwrap_or_default();
            }
            id
        };
        self.events.iter_mut().for_each(|event| event.span = around(event.span));
        self.spans.iter_mut().for_each(|span| span.parent = around(span.parent));
        self.failures.iter_mut().for_each(|failure| failure.span = around(failure.span));
        let spans = &self.spans;
        for open in &mut self.scratch.open {
            open.slot = spans.iter().position(|span| span.id == open.id).unwrap_or(usize::MAX);
        }
    }

    /// Makes fields and, where it may move, text anew without what nobody refers to any more; capacity stays as it was.
    fn repack(&mut self, moves_text: bool) {
        let (text, fields) = (self.text.capacity(), self.fields.capacity());
        Pack::run(self, moves_text.then(|| String::with_capacity(text)), Vec::with_capacity(fields));
    }

    /// Makes the fields anew, so that none is left that belongs to nothing: whoever looks for secrets looks at all of them.
    pub(super) fn put_fields_together(&mut self) {
        let is_large = self.text.len() > LARGE_TEXT_BYTES;
        Pack::run(self, is_large.then(String::new), Vec::new());
        if is_large {
            self.events.shrink_to_fit();
            self.spans.shrink_to_fit();
        }
    }

    /// Whether all that one span or event may take fits, whatever it is: nothing more has to be asked then.
    #[inline]
    pub(crate) fn has_plenty(&self) -> bool {
        const MOST: usize = MAX_EVENT_BYTES + super::MAX_FIELDS as usize * (size_of::<FieldSlot>() + CUT_MARK.len());
        const LEFT: usize = super::MAX_RECORD_BYTES - 2 * MOST;
        !self.is_full && self.used_bytes() <= LEFT
    }

    /// Whether another detail of `bytes` still fits, in what the buffer has where it may not grow.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        if self.used_bytes().saturating_add(bytes) > super::MAX_RECORD_BYTES {
            return false;
        }
        if self.is_full {
            let (text, fields) = (self.text.capacity(), self.fields.capacity());
            // In a small buffer nothing is worth more than a quarter of it.
            return text - self.text.len() >= bytes.min(text / 4) && fields - self.fields.len() >= fields.min(2);
        }
        true
    }

    /// Bytes that texts may still take. An event that was admitted has its room.
    pub(super) fn text_room(&self) -> usize {
        /// For a mark behind a text, which must not make the buffer grow.
        const MARK_BYTES: usize = 16;
        let own = if self.is_full { self.text.capacity().saturating_sub(MARK_BYTES) } else { usize::MAX };
        own.min(super::MAX_RECORD_BYTES + MAX_EVENT_BYTES).saturating_sub(self.text.len())
    }
}

const fn class(level: Level) -> u8 {
    match level {
        Level::TRACE | Level::DEBUG => 0,
        Level::INFO => 1,
        Level::WARN => 2,
        Level::ERROR => 3,
    }
}

/// What a text takes in the buffer.
const fn own_bytes(text: Text) -> usize {
    match text {
        Text::Range { len, .. } => len as usize,
        Text::Static(_) => 0,
    }
}

#[cfg(test)]
#[path = "thin_tests.rs"]
mod tests;
