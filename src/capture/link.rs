//! What a request in flight shares with work that left its task.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use bytes::Buf;
use http::{HeaderMap, HeaderValue};
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::inflight::Listed;
use super::write::tell_failure;
use super::{Hub, Pieces, Watch};
use crate::keep::Wanted;
use crate::metrics::Place;
use crate::propagator::request_id::X_REQUEST_ID;
use crate::propagator::{Baggage, Outgoing};
use crate::random;
use crate::record::parts::{Parts, Text};
use crate::record::{Kind, Record, SpanId, TraceFlags, TraceId};
use crate::time::{self, Stopwatch};

/// Longest request id.
const REQUEST_ID: usize = 128;

/// Identity of a request, and the inbox for what happens to it elsewhere.
pub(crate) struct Link {
    pub(crate) hub: Arc<Hub>,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) trace_flags: TraceFlags,
    /// The caller's `tracestate`, to be passed on.
    pub(super) trace_state: Box<str>,
    /// What the caller sent along, to be passed on.
    pub(crate) baggage: Baggage,
    pub(crate) request_id: HeaderValue,
    pub(crate) start: Stopwatch,
    pub(crate) start_unix_ns: u64,
    /// What is captured beyond the settings.
    pub(crate) wanted: Wanted,
    request_bytes: AtomicU64,
    /// Least level of the events that are captured; below TRACE it captures no spans either.
    least: LevelFilter,
    /// Nobody will see its record, but for its errors.
    pub(crate) is_slim: bool,
    /// Where it is counted among the requests in flight; what goes on after an upgrade is no request.
    place: Option<Place>,
    /// What reports about it say, where there are any.
    pub(crate) listed: Option<Box<Listed>>,
    /// What is noted of the request's body, which may be read on another task and after the request's end.
    watch: Option<Box<Mutex<Watch>>>,
    inbox: Mutex<Inbox>,
}

#[derive(Default)]
struct Inbox {
    parts: Option<Box<Parts>>,
    is_closed: bool,
}

impl Link {
    /// The link of a request that begins now, whose head is in `parts`; `watch` looks at its body.
    #[inline]
    pub(crate) fn new(
        hub: Arc<Hub>,
        parts: &mut Parts,
        (request_id, baggage): (HeaderValue, Baggage),
        wanted: Wanted,
        watch: Option<Box<Mutex<Watch>>>,
        is_slim: bool,
    ) -> Arc<Self> {
        let method = (!parts.has_unknown_method).then(|| parts.str(parts.method));
        let (place, in_flight) = hub.pipeline.arrive(method, parts.str(parts.scheme));
        parts.in_flight = Some(in_flight);
        parts.in_flight_on_route = parts.route.and_then(|route| hub.pipeline.active().enter_route(&place, parts.str(route)));
        let least = hub.pipeline.keep().least_at_head(parts.trace_flags.is_sampled(), wanted.is_possible);
        let listed = hub.in_flight.is_on().then(|| Box::new(Listed::of(parts)));
        Arc::new(Self {
            least,
            is_slim,
            hub,
            trace_id: parts.trace_id,
            span_id: parts.span_id,
            trace_flags: parts.trace_flags,
            trace_state: parts.str(parts.trace_state).into(),
            baggage,
            request_id,
            start: Stopwatch::start(),
            start_unix_ns: parts.start_unix_ns,
            wanted,
            request_bytes: AtomicU64::new(0),
            place: Some(place),
            listed,
            watch,
            inbox: Mutex::default(),
        })
    }

    /// Whether an event of this level may still be wanted when the request is over.
    #[inline]
    pub(super) fn captures(&self, level: Level) -> bool {
        level <= self.least
    }

    /// Whether nothing of its detail can be wanted when it is over, so that there is no need to capture it.
    #[inline]
    pub(super) fn is_bare(&self) -> bool {
        self.least != LevelFilter::TRACE
    }

    /// The link of what goes on after an upgrade: a span of its own in the request's trace.
    pub(super) fn upgraded(&self) -> Self {
        Self {
            least: self.least,
            is_slim: self.is_slim,
            wanted: self.wanted,
            hub: Arc::clone(&self.hub),
            trace_id: self.trace_id,
            span_id: random::span_id(),
            trace_flags: self.trace_flags,
            trace_state: self.trace_state.clone(),
            baggage: self.baggage.clone(),
            request_id: self.request_id.clone(),
            start: Stopwatch::start(),
            start_unix_ns: time::unix_ns(),
            request_bytes: AtomicU64::new(0),
            place: None,
            listed: Some(Box::new(Listed::upgraded(self.listed.as_deref(), self.span_id))),
            watch: None,
            inbox: Mutex::default(),
        }
    }

    /// Enters it in the list of what is in flight.
    pub(crate) fn list(self: &Arc<Self>) {
        self.hub.in_flight.enter(self);
    }

    /// Puts the trace context, and what travels with it, into the headers of a request that `span_id` makes.
    pub(crate) fn inject(&self, span_id: SpanId, headers: &mut HeaderMap) {
        let Self { hub, trace_id, trace_flags: flags, trace_state, baggage, .. } = self;
        let outgoing = Outgoing { trace_id: *trace_id, span_id, flags: *flags, state: trace_state, baggage: baggage.as_str() };
        hub.propagators.inject(&outgoing, headers);
    }

    /// Puts the request id into the headers of an outgoing request, where it has none of its own.
    pub(crate) fn inject_request_id(&self, headers: &mut HeaderMap) {
        if !self.request_id.is_empty()
            && let Ok(entry) = headers.try_entry(&X_REQUEST_ID)
        {
            let _ = entry.or_try_insert(self.request_id.clone());
        }
    }

    /// Counts the request for a route that is only known now; how many of it there are then.
    pub(crate) fn arrive_at(&self, route: &str) -> Option<u32> {
        self.hub.pipeline.active().enter_route(self.place.as_ref()?, route)
    }

    /// The request's id: plain letters, digits and signs.
    pub(crate) fn request_id(&self) -> &str {
        std::str::from_utf8(self.request_id.as_bytes()).unwrap_or_default()
    }

    /// Nanoseconds since the request arrived.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        self.start.ns()
    }

    /// Sees a frame of the request's body that the service read.
    pub(crate) fn saw_request<D: Buf>(&self, data: &D) {
        self.request_bytes.fetch_add(data.remaining() as u64, Ordering::Relaxed);
        if let Some(watch) = &self.watch {
            let frame = Pieces::of(data);
            // Held only to copy: by whoever reads the body, and once by the end of the request.
            watch.lock().unwrap_or_else(PoisonError::into_inner).see(&frame);
        }
    }

    /// What was noted of the request's body so far; from now on nothing is.
    pub(super) fn take_watch(&self) -> Option<Watch> {
        self.watch.as_ref().map(|watch| std::mem::take(&mut *watch.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Counts what came in after an upgrade.
    pub(super) fn received(&self, bytes: u64) {
        self.request_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn request_bytes(&self) -> u64 {
        self.request_bytes.load(Ordering::Relaxed)
    }

    /// Leaves parts for the request's record; if that is finished already, they become records of their own.
    ///
    /// Nothing of a user runs under the lock: the parts are ready when they come here.
    pub(crate) fn deliver(&self, parts: Box<Parts>) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(parts) = self.put(inbox, parts) {
            self.deliver_late(parts);
        }
    }

    fn put(&self, mut inbox: MutexGuard<'_, Inbox>, parts: Box<Parts>) -> Result<(), Box<Parts>> {
        // What goes on after an upgrade may go on for days: its events do not wait for its end.
        if inbox.is_closed || (self.is_upgrade() && !parts.events.is_empty()) {
            return Err(parts);
        }
        match &mut inbox.parts {
            Some(known) => {
                known.append(&parts);
                self.hub.pipeline.charge(known);
                drop(inbox);
                self.hub.pipeline.recycle(parts);
            }
            empty => self.hub.pipeline.charge(empty.insert(parts)),
        }
        Ok(())
    }

    /// [`deliver`](Self::deliver) for a panic hook: gives the parts back where the request is over, or where the inbox is
    /// held, be it by this very thread.
    pub(super) fn try_deliver(&self, parts: Box<Parts>) -> Result<(), Box<Parts>> {
        /// Others hold it only to append.
        const TRIES: usize = 100;
        for _ in 0..TRIES {
            match self.inbox.try_lock() {
                Ok(inbox) => return self.put(inbox, parts),
                Err(TryLockError::Poisoned(inbox)) => return self.put(inbox.into_inner(), parts),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
        Err(parts)
    }

    /// Takes what was left, and from now on refuses more.
    pub(crate) fn close(&self) -> Option<Box<Parts>> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        if !inbox.is_closed {
            inbox.is_closed = true;
            self.leave();
        }
        inbox.parts.take()
    }

    /// A copy of what was left so far, where that is no larger. The lock is held to copy, and no longer: the request waits
    /// for it when it ends.
    pub(super) fn copy_inbox(&self, max_bytes: usize) -> Option<Box<Parts>> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = inbox.parts.as_ref().filter(|parts| parts.size_bytes() <= max_bytes)?;
        Some(Box::new(Parts { charged_bytes: 0, charged_room: 0, ..Parts::clone(parts) }))
    }

    /// Whether the request's record is finished, so that events and spans have to stand alone.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_upgrade() || self.is_over()
    }

    /// Whether nothing is in flight any more.
    pub(super) fn is_over(&self) -> bool {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).is_closed
    }

    /// Whether it stands for what goes on after an upgrade.
    fn is_upgrade(&self) -> bool {
        self.listed.as_deref().is_some_and(Listed::is_upgrade)
    }

    fn leave(&self) {
        if let Some(place) = &self.place {
            self.hub.pipeline.active().leave(place);
        }
        self.hub.in_flight.leave(self);
    }

    /// Makes a record of its own of what came too late.
    pub(super) fn deliver_late(&self, mut parts: Box<Parts>) {
        if parts.events.is_empty() && parts.failures.is_empty() {
            // The end of a span, or an attribute: nothing that could stand alone.
            return self.hub.pipeline.recycle(parts);
        }
        parts.spans.clear();
        tell_failure(&mut parts, &self.hub);
        self.stamp(&mut parts, Kind::Event);
        self.hub.pipeline.offer(Record::new(parts));
    }

    /// Gives parts the identity of this request.
    pub(crate) fn stamp(&self, parts: &mut Parts, kind: Kind) {
        parts.kind = kind;
        parts.trace_id = self.trace_id;
        parts.span_id = self.span_id;
        parts.trace_flags = self.trace_flags;
        parts.start_unix_ns = self.start_unix_ns;
        let id: Text = parts.push_text(self.request_id(), REQUEST_ID);
        parts.request_id = id;
    }
}

impl Drop for Link {
    /// One that was never closed belongs to an exchange that was lost, and is in flight no longer.
    fn drop(&mut self) {
        let inbox = self.inbox.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (was_open, left) = (!std::mem::replace(&mut inbox.is_closed, true), inbox.parts.take());
        if was_open {
            self.leave();
        }
        let reported = self.listed.as_deref().and_then(Listed::take_copy);
        for parts in [left, reported].into_iter().flatten() {
            self.hub.pipeline.recycle(parts);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("request_id", &self.request_id()).field("span_id", &self.span_id).finish_non_exhaustive()
    }
}
