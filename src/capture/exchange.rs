//! One request in flight.

use std::sync::Arc;

use super::solo::RequestSpan;
use super::{Call, Link, Watch, Way, rpc};
use crate::keep::is_value;
use crate::record::parts::{MAX_HEADER_BYTES, Parts};
use crate::record::{Outcome, Record, SpanId};

/// The record of a request while it is written. Small, as it moves with every poll.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) parts: Box<Parts>,
    pub(crate) link: Arc<Link>,
    more: Option<Box<More>>,
}

/// What few requests need.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// The call of gRPC that it is.
    pub(crate) rpc: Option<Call>,
    /// What is noted of the response's body.
    pub(crate) response: Option<Watch>,
    /// The span that stands for it in a process in which nobody else listens, where somebody asked for one.
    pub(super) span: Option<RequestSpan>,
    /// The one user whose requests the debug token of this one is for.
    pub(crate) only_user: Option<Box<str>>,
}

impl Exchange {
    pub(crate) const fn new(parts: Box<Parts>, link: Arc<Link>) -> Self {
        Self { parts, link, more: None }
    }

    pub(crate) fn more(&self) -> Option<&More> {
        self.more.as_deref()
    }

    /// The same, to put something there.
    pub(crate) fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// The innermost span, at least the request's own.
    #[inline]
    pub(crate) fn innermost(&self) -> SpanId {
        let own = || self.parts.scratch.stack.last().copied().unwrap_or(self.link.span_id);
        self.link.foreign_span().unwrap_or_else(own)
    }

    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        self.link.now_ns()
    }

    /// Finishes the record and hands it to the pipeline.
    pub(crate) fn finish(self, outcome: Outcome, counts_request_bytes: bool) {
        let Self { mut parts, link, more, .. } = self;
        let More { rpc, response, only_user, span } = more.map(|more| *more).unwrap_or_default();
        drop(span);
        parts.outcome = outcome;
        parts.counts_client_errors = link.hub.counts_client_errors;
        parts.duration_ns = link.now_ns();
        if parts.first_byte_ns.is_none() && parts.response_bytes > 0 {
            // The first were the last.
            parts.first_byte_ns = Some(parts.duration_ns);
        }
        if counts_request_bytes {
            parts.request_bytes = Some(link.request_bytes());
        }
        if let Some(inbox) = link.close() {
            parts.append(&inbox);
            link.hub.pipeline.recycle(inbox);
        }
        if parts.rpc_status.is_none() {
            parts.rpc_status = response.as_ref().and_then(|watch| watch.rpc_status());
        }
        rpc::fail(&mut parts, link.span_id);
        if let Some(call) = rpc.filter(|_| parts.is_rpc) {
            call.settle(&mut parts);
        }
        let mut record = Record::new(parts);
        let pipeline = &link.hub.pipeline;
        if link.is_slim && record.has_exception() {
            let parts = record.parts_mut();
            parts.request_id = parts.push_text(link.request_id(), MAX_HEADER_BYTES);
        }
        if let Some(user) = only_user {
            if is_value(&record, "user.id", &user) {
                let parts = record.parts_mut();
                (parts.is_asked, parts.is_sampled_in_vain) = (true, false);
            } else {
                pipeline.count_refused_token();
            }
        }
        if let Some(watch) = link.take_watch().filter(|_| counts_request_bytes) {
            watch.settle(&mut record, Way::Request, pipeline);
        }
        if let Some(watch) = response {
            watch.settle(&mut record, Way::Response, pipeline);
        }
        pipeline.offer(record);
    }
}
