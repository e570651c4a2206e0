//! What becomes of events, whoever keeps the spans that they happen in.

use tracing::span::Id;
use tracing::{Event, Level, Metadata};
use tracing_log::NormalizeEvent as _;

use super::ears::Ears;
use super::mark::{Owner, Spans, inside};
use super::scope::REJECTION_TARGET;
use super::write::{push_event, reject, repeats_panic, show, unshow};
use super::{Exchange, Link, current};
use crate::pipeline::is_quiet;
use crate::record::parts::Parts;
use crate::record::{Kind, Record, SpanId};
use crate::time;

/// An event that came here.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) event: &'a Event<'a>,
    /// Where it comes from.
    pub(super) metadata: &'a Metadata<'a>,
    /// The same, where it is a record of the `log` crate.
    pub(super) log: Option<&'a Metadata<'a>>,
    /// Whether it is shown at once.
    pub(super) shown: bool,
}

impl Ears {
    #[inline]
    pub(super) fn event(&self, event: &Event<'_>, spans: &impl Spans) {
        if !is_beneath_notice(event) && !is_quiet() {
            let _ = current::once(|| self.take_event(event, spans));
        }
    }

    #[inline]
    fn take_event(&self, event: &Event<'_>, spans: &impl Spans) {
        let metadata = event.metadata();
        if metadata.target() == "log" && self.take_log(event, spans) {
            return;
        }
        self.take(&Heard { event, metadata, log: None, shown: self.shows(metadata) }, spans);
    }

    /// Takes a record of the `log` crate; false where it is none.
    #[inline(never)]
    fn take_log(&self, event: &Event<'_>, spans: &impl Spans) -> bool {
        let Some(metadata) = event.normalized_metadata() else { return false };
        if self.hub.captures(&metadata) {
            let shown = self.shows(&metadata);
            self.take(&Heard { event, metadata: &metadata, log: Some(&metadata), shown }, spans);
        }
        true
    }

    fn shows(&self, metadata: &Metadata<'_>) -> bool {
        self.hub.pipeline.wants_live() && self.hub.scope().shows(metadata.target(), *metadata.level())
    }

    fn take(&self, heard: &Heard<'_>, spans: &impl Spans) {
        if current::with_idle(|exchange| self.take_here(heard, exchange, spans)) != Some(true) {
            self.take_elsewhere(heard, spans);
        }
    }

    /// Takes an event for the current request; false where it belongs to something else.
    fn take_here(&self, heard: &Heard<'_>, exchange: &mut Exchange, spans: &impl Spans) -> bool {
        let Heard { event, metadata, shown, .. } = *heard;
        if !self.serves(&exchange.link) || !self.hub.captures_for(Some(&exchange.link), metadata) {
            return true;
        }
        let explicit = event.parent().filter(|parent| spans.has(parent));
        let owners = |parent: &Id| (inside(spans, parent, &exchange.link), Owner::of_span(spans, Some(parent.clone())));
        let span = match explicit.map(owners) {
            Some((Some(span), _)) => span,
            // A parent that belongs to something else takes its event along.
            Some((None, Owner::Request { .. } | Owner::Span { .. })) => return false,
            Some((None, Owner::Nobody)) | None => exchange.innermost(),
        };
        let at = (span, exchange.now_ns());
        let Exchange { parts, link, .. } = exchange;
        let pipeline = &link.hub.pipeline;
        if !link.captures(*metadata.level()) {
            if shown || tells_failure(metadata) {
                let mut parts = pipeline.parts();
                push_event(&mut parts, heard, at);
                beside(link, parts, heard, at);
            }
            return true;
        }
        pipeline.reconsider(parts);
        if !push_event(parts, heard, at) {
            return true;
        }
        if metadata.target() == REJECTION_TARGET {
            reject(parts, at);
        }
        if *event.metadata().level() == Level::ERROR && repeats_panic(parts, event) {
            unshow(parts);
        } else if shown {
            show(link, parts);
        }
        pipeline.charge(parts);
        true
    }

    #[inline(never)]
    fn take_elsewhere(&self, heard: &Heard<'_>, spans: &impl Spans) {
        let Heard { event, metadata, shown, .. } = *heard;
        let owner = match event.parent().filter(|parent| spans.has(parent)) {
            Some(parent) => Owner::of_span(spans, Some(parent.clone())),
            None => Owner::of(spans, spans.current().filter(|_| event.is_contextual())),
        };
        if !self.hub.captures_for(owner.link(), metadata) {
            return;
        }
        let mut parts = self.hub.pipeline.parts();
        match owner {
            Owner::Request { link, .. } if !self.serves(&link) => self.hub.pipeline.recycle(parts),
            Owner::Request { link, span } => {
                let at = (span, link.now_ns());
                push_event(&mut parts, heard, at);
                if !link.captures(*metadata.level()) && !link.is_closed() {
                    return beside(&link, parts, heard, at);
                }
                if metadata.target() == REJECTION_TARGET {
                    reject(&mut parts, at);
                }
                if shown && !link.is_closed() {
                    show(&link, &parts);
                }
                link.deliver(parts);
            }
            owner => {
                parts.kind = Kind::Event;
                parts.start_unix_ns = time::unix_ns();
                let mut at = SpanId::INVALID;
                if let Owner::Span { trace_id, trace_flags, span } = owner {
                    (parts.trace_id, parts.trace_flags, parts.span_id, at) = (trace_id, trace_flags, span, span);
                }
                push_event(&mut parts, heard, (at, 0));
                self.hub.pipeline.offer(Record::new(parts));
            }
        }
    }
}

/// Whether an event belongs to a request that nobody will see, and tells of no failure.
#[inline]
fn is_beneath_notice(event: &Event<'_>) -> bool {
    event.parent().is_none() && current::unseen() != 0 && !tells_failure(event.metadata())
}

/// Whether a failure may come of an event.
fn tells_failure(metadata: &Metadata<'_>) -> bool {
    metadata.target() == REJECTION_TARGET || *metadata.level() == Level::ERROR
}

/// Shows an event of a request that captures no detail, and leaves the failure that it tells.
fn beside(link: &Link, mut parts: Box<Parts>, heard: &Heard<'_>, at: (SpanId, u64)) {
    if heard.metadata.target() == REJECTION_TARGET {
        reject(&mut parts, at);
    }
    if heard.shown {
        show(link, &parts);
    }
    parts.events.clear();
    match parts.failures.is_empty() {
        true => link.hub.pipeline.recycle(parts),
        false => link.deliver(parts),
    }
}
