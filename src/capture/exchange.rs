//! One request in flight.

use std::sync::Arc;

use super::Link;
use crate::record::parts::{FailureSlot, Parts};
use crate::record::{Outcome, Record, SpanId};

/// The record of a request while it is written.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) parts: Box<Parts>,
    pub(crate) link: Arc<Link>,
    /// Whether a layer inside a router reports routes, matched or not.
    pub(crate) has_route_layer: bool,
}

impl Exchange {
    pub(crate) const fn new(parts: Box<Parts>, link: Arc<Link>) -> Self {
        Self { parts, link, has_route_layer: false }
    }

    /// The innermost span, at least the request's own.
    pub(crate) fn innermost(&self) -> SpanId {
        let own = || self.parts.scratch.stack.last().copied().unwrap_or(self.link.span_id);
        self.link.foreign_span().unwrap_or_else(own)
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.link.now_ns()
    }

    /// Puts a panic on the record. It tells more than any error before it: where there is no room, the last makes some.
    pub(super) fn panic(&mut self, failure: FailureSlot) {
        if !self.parts.admits_failure() {
            self.parts.failures.pop();
        }
        self.parts.failures.push(failure);
    }

    /// Finishes the record and hands it to the pipeline.
    pub(crate) fn finish(self, outcome: Outcome, counts_request_bytes: bool) {
        let Self { mut parts, link, .. } = self;
        parts.outcome = outcome;
        parts.duration_ns = link.now_ns();
        if counts_request_bytes {
            parts.request_bytes = Some(link.request_bytes());
        }
        if let Some(inbox) = link.close() {
            parts.append(&inbox);
            link.hub.pipeline.recycle(inbox);
        }
        link.hub.pipeline.offer(Record::new(parts));
    }
}
