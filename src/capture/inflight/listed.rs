//! What the list knows of one request, and where its reports stand.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use super::lock;
use crate::capture::inline::Inline;
use crate::record::SpanId;
use crate::record::parts::Parts;

/// Bytes of method and path together.
const HEAD: usize = 192;
/// Bytes of a route.
const ROUTE: usize = 96;
/// No place on the list.
const NOWHERE: u32 = u32::MAX;

/// Lies inside the link of a request; written by its own threads, read by the worker.
pub(crate) struct Listed {
    place: AtomicU32,
    /// Method and path, with a space between them.
    head: Inline<HEAD>,
    route: OnceLock<Inline<ROUTE>>,
    pub(super) parent_span_id: SpanId,
    pub(super) peer: Option<SocketAddr>,
    pub(super) client: (Option<IpAddr>, Option<u16>),
    /// What goes on after an upgrade, under the request's name.
    pub(super) is_upgrade: bool,
    /// When the head was answered, in nanoseconds after the start; 0 before.
    head_ns: AtomicU64,
    status: AtomicU16,
    pub(super) sent_bytes: AtomicU64,
    /// Frames of the response's body, or messages after an upgrade.
    pub(super) sent_frames: AtomicU64,
    /// Messages after an upgrade.
    pub(super) received_frames: AtomicU64,
    /// Whether whoever polls next is to leave a copy of the parts.
    is_asked: AtomicBool,
    is_reported: AtomicBool,
    stage: Mutex<Stage>,
}

/// Where the reports stand.
#[derive(Default)]
pub(super) struct Stage {
    /// Reports so far.
    pub(super) count: u32,
    /// When the next one is due and when the next one for the console is, after the start.
    pub(super) due_ns: u64,
    pub(super) shown_ns: u64,
    /// When the last one was made, and how many frames there were.
    pub(super) last_ns: u64,
    pub(super) last_frames: u64,
    /// A report was asked for, and nobody has left one yet.
    pub(super) is_open: bool,
    /// What the request's own side left.
    pub(super) left: Option<Box<Parts>>,
}

impl Listed {
    /// Of a request whose head is in `parts`.
    pub(crate) fn of(parts: &Parts) -> Self {
        let route = parts.route.map(|route| Inline::of(&[parts.str(route)]));
        Self {
            place: AtomicU32::new(NOWHERE),
            head: Inline::of(&[parts.str(parts.method), " ", parts.str(parts.path)]),
            route: route.map_or_else(OnceLock::new, OnceLock::from),
            parent_span_id: parts.parent_span_id,
            peer: parts.peer,
            client: (parts.client, parts.client_port),
            is_upgrade: false,
            head_ns: AtomicU64::new(0),
            status: AtomicU16::new(0),
            sent_bytes: AtomicU64::new(0),
            sent_frames: AtomicU64::new(0),
            received_frames: AtomicU64::new(0),
            is_asked: AtomicBool::new(false),
            is_reported: AtomicBool::new(false),
            stage: Mutex::default(),
        }
    }

    /// Of what goes on after the upgrade of this request.
    pub(crate) fn upgraded(of: Option<&Self>, request: SpanId) -> Self {
        let mut new = Self { parent_span_id: request, is_upgrade: true, ..Self::of(&Parts::default()) };
        if let Some(of) = of {
            (new.head, new.route) = (of.head.clone(), of.route.clone());
            (new.peer, new.client) = (of.peer, of.client);
        }
        new
    }

    pub(crate) const fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// The copy that nobody has taken.
    pub(crate) fn take_copy(&self) -> Option<Box<Parts>> {
        self.stage().left.take()
    }

    pub(super) fn take_place(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    pub(super) fn give_place(&self) -> Option<u32> {
        Some(self.place.swap(NOWHERE, Ordering::Relaxed)).filter(|place| *place != NOWHERE)
    }

    /// Method and path, and whether the path was cut.
    pub(super) fn head(&self) -> (&str, &str, bool) {
        let (method, path) = self.head.as_str().split_once(' ').unwrap_or_default();
        (method, path, self.head.is_cut())
    }

    pub(super) fn route(&self) -> Option<&str> {
        self.route.get().map(Inline::as_str)
    }

    /// The route became known.
    pub(crate) fn routed(&self, route: &str) {
        let _ = self.route.set(Inline::of(&[route]));
    }

    /// The head was answered.
    pub(crate) fn answered(&self, head_ns: u64, status: u16) {
        self.head_ns.store(head_ns.max(1), Ordering::Relaxed);
        self.status.store(status, Ordering::Relaxed);
    }

    pub(super) fn head_ns(&self) -> Option<u64> {
        Some(self.head_ns.load(Ordering::Relaxed)).filter(|ns| *ns > 0)
    }

    pub(super) fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status > 0)
    }

    /// Another frame was sent, and so many bytes in all.
    pub(crate) fn sent(&self, all_bytes: u64) {
        // One writer at a time: a load and a store do.
        self.sent_bytes.store(all_bytes, Ordering::Relaxed);
        self.sent_frames.store(self.sent_frames.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn ask(&self, is_asked: bool) {
        self.is_asked.store(is_asked, Ordering::Relaxed);
    }

    /// Whether a copy of the parts is wanted.
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    pub(super) fn reported(&self) {
        self.is_reported.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_reported(&self) -> bool {
        self.is_reported.load(Ordering::Relaxed)
    }

    pub(super) fn stage(&self) -> MutexGuard<'_, Stage> {
        lock(&self.stage)
    }
}
