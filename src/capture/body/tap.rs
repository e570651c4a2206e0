//! The first bytes of a body, within the budget of all requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;

use super::settings::When;
use super::{Bodies, Way, media};
use crate::keep::Trial;
use crate::pipeline::Pipeline;
use crate::record::Record;
use crate::record::parts::{BodySlot, Media, Parts, Text};

/// All requests together hold as much as they may, or too much waits for the exporters.
const BUDGET: &str = "budget";
/// The record had no room for it.
const RECORD_FULL: &str = "record_full";
/// The least that is allocated.
const LEAST_BYTES: usize = 256;

/// The settings, and what all requests in flight hold together.
pub(crate) struct Rules {
    bodies: Bodies,
    /// Only bodies that somebody asks for while the process runs.
    only_asked: bool,
    held: AtomicUsize,
}

impl Rules {
    /// `None` where nothing is captured, whoever asks; without settings, what somebody asks for is.
    pub(crate) fn new(bodies: Option<Bodies>) -> Option<Arc<Self>> {
        let only_asked = bodies.is_none();
        let bodies = bodies.unwrap_or(Bodies::on());
        (!bodies.is_off()).then(|| Arc::new(Self { bodies, only_asked, held: AtomicUsize::new(0) }))
    }

    /// Whether there is anything to capture of a request of which so much is asked.
    pub(crate) fn applies(&self, asked: Trial) -> bool {
        !self.only_asked || asked != Trial::No
    }

    /// Bytes that requests in flight hold.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// What captures the body that these headers announce; `None` where the settings leave it out altogether.
    pub(crate) fn tap(self: &Arc<Self>, way: Way, parts: &Parts, headers: &HeaderMap, asked: Trial) -> Option<Tap> {
        let is_wanted = match way {
            Way::Request => self.bodies.has_requests,
            Way::Response => self.bodies.has_responses,
        };
        let route = parts.route.map(|route| parts.str(route));
        let path = parts.str(parts.path);
        let is_asked = asked != Trial::No && !self.bodies.leaves_out(route, path);
        if !is_wanted || !(is_asked || !self.only_asked && self.bodies.allows(route, path, false)) {
            return None;
        }
        let (media, skipped) = match media::of(headers, &self.bodies.types) {
            Ok(media) => (media, ""),
            Err(reason) => (Media::default(), reason),
        };
        let (bytes, is_full) = (Vec::new(), !skipped.is_empty());
        Some(Tap { rules: Arc::clone(self), asked, media, skipped, bytes, counted: 0, is_full })
    }

    /// Counts bytes in; false when they would pass the budget.
    fn take(&self, bytes: usize) -> bool {
        let fits = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.bodies.budget_bytes);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("bodies", &self.bodies).field("held", &self.held).finish()
    }
}

/// Keeps the start of one body.
pub(crate) struct Tap {
    rules: Arc<Rules>,
    asked: Trial,
    media: Media,
    /// Why nothing is kept; empty when something may be.
    skipped: &'static str,
    bytes: Vec<u8>,
    /// Bytes that are counted against the budget.
    counted: usize,
    is_full: bool,
}

impl Tap {
    /// Whether nothing more is kept.
    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// Keeps nothing more.
    pub(super) const fn close(&mut self) {
        self.is_full = true;
    }

    /// Copies as much as there is room for. A clone of the frame would keep the whole buffer behind it alive.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.is_full {
            return;
        }
        let max = self.rules.bodies.max_bytes;
        let room = max.saturating_sub(self.bytes.len());
        let bytes = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        if self.grow(bytes.len(), max) {
            self.bytes.extend_from_slice(bytes);
            self.is_full = self.bytes.len() >= max;
        } else {
            self.is_full = true;
            if self.bytes.is_empty() {
                self.skipped = BUDGET;
            }
        }
    }

    /// Makes room for so many bytes more; false where the budget does not allow it.
    fn grow(&mut self, more: usize, max: usize) -> bool {
        let needed = self.bytes.len().saturating_add(more);
        if needed <= self.counted {
            return true;
        }
        // Twice as much each time, so that many small frames are not copied over and over.
        let wanted = needed.max(self.counted.saturating_mul(2)).max(LEAST_BYTES).min(max);
        let extra = wanted.saturating_sub(self.counted);
        if !self.rules.take(extra) {
            return false;
        }
        self.counted = wanted;
        self.bytes.try_reserve_exact(wanted.saturating_sub(self.bytes.len())).is_ok()
    }

    /// Puts it on the finished record, where that is one whose bodies are wanted.
    pub(super) fn settle(mut self, record: &mut Record, way: Way, pipeline: &Pipeline) {
        let bodies = &self.rules.bodies;
        let is_usual = !self.rules.only_asked
            && match bodies.when {
                When::Always => true,
                When::Failed => record.is_failed(),
                When::Never => false,
            }
            && bodies.allows(record.route(), record.path(), true);
        let is_extra = !is_usual && self.asked != Trial::No && !bodies.leaves_out(record.route(), record.path());
        if !is_usual && !is_extra {
            return;
        }
        let parts = record.parts_mut();
        parts.has_extra_bodies |= is_extra;
        let seen_bytes = match way {
            Way::Request => parts.request_bytes.unwrap_or_default(),
            Way::Response => parts.response_bytes,
        };
        if seen_bytes == 0 {
            return;
        }
        if self.skipped.is_empty() && pipeline.is_crowded() {
            self.skipped = BUDGET;
        }
        let slot = Some(self.slot(parts, seen_bytes));
        match way {
            Way::Request => parts.request_body = slot,
            Way::Response => parts.response_body = slot,
        }
    }

    fn slot(&self, parts: &mut Parts, seen_bytes: u64) -> BodySlot {
        let skipped = |reason: &'static str| BodySlot { media: self.media, skipped: Text::Static(reason), ..BodySlot::default() };
        if !self.skipped.is_empty() {
            return skipped(self.skipped);
        }
        let is_cut = seen_bytes > self.bytes.len() as u64;
        match parts.push_body(&self.bytes, self.rules.bodies.max_bytes, is_cut) {
            Some((content, kept_bytes)) => BodySlot { media: self.media, content, kept_bytes, skipped: Text::EMPTY },
            None => skipped(RECORD_FULL),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.rules.held.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
