//! The subscriber of a process in which nobody else listens: spans are kept by ourselves, at a fraction of what a registry
//! costs that has to serve everybody.
//!
//! The request itself has no span here: whoever is inside is found by the exchange that is current. Only where somebody
//! asks for the current span, to take it along to another task, is one made for it.

use std::fmt;
use std::sync::Arc;

use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;
use tracing_subscriber::filter::LevelFilter;

use super::ears::Ears;
use super::entered::{self, Entered};
use super::mark::{Mark, Spans as _};
use super::scope::REQUEST_TARGET;
use super::table::{Content, Table};
use super::{Hub, Link, current};

/// Captures everything, and keeps the spans.
pub(crate) struct Solo {
    ears: Ears,
    spans: Arc<Table>,
}

impl Solo {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { ears: Ears { hub }, spans: Arc::new(Table::new()) }
    }

    pub(super) const fn hub(&self) -> &Arc<Hub> {
        &self.ears.hub
    }

    pub(super) fn spans(&self) -> &Table {
        &self.spans
    }

    /// The span of the request that is current here, made when it is first asked for.
    fn span_of_request(&self) -> Option<Id> {
        current::with(|exchange| {
            if !Arc::ptr_eq(&exchange.link.hub, &self.ears.hub) {
                return None;
            }
            let link = Arc::clone(&exchange.link);
            Some(exchange.more_mut().span.get_or_insert_with(|| RequestSpan::open(&self.spans, link)).id.clone())
        })
        .flatten()
    }
}

impl Subscriber for Solo {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.ears.hub.heard_by(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Records of the `log` crate share a few callsites; where they come from is known only with each of them.
        match self.enabled(metadata) {
            true => Interest::always(),
            false if metadata.target() == "log" => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != REQUEST_TARGET && self.ears.hub.captures(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.ears.hub.max_level())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let place = self.spans.reserve();
        let mark = self.ears.open(attributes, &place.id, &*self.spans);
        // One that is nothing to us stands for the one around it.
        let parent = match &mark {
            Some(_) => None,
            None if attributes.is_contextual() => self.spans.current(),
            None => attributes.parent().cloned(),
        };
        self.spans.open(place, Content { mark, parent, metadata: Some(attributes.metadata()) })
    }

    fn record(&self, id: &Id, values: &Values<'_>) {
        self.ears.record(id, values, &*self.spans);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.ears.event(event, &*self.spans);
    }

    fn enter(&self, id: &Id) {
        let inside = self.ears.enter(id, &*self.spans);
        entered::push(Entered { keeper: self.spans.key(), id: id.clone(), inside });
    }

    fn exit(&self, id: &Id) {
        entered::pop(self.spans.key(), id);
        self.ears.exit(id, &*self.spans);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.spans.hold(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let Some(mut content) = self.spans.close(&id) else { return false };
        self.ears.close(&id, || content.mark.take());
        while let Some(around) = content.parent.take() {
            let Some(next) = self.spans.close(&around) else { break };
            content = next;
            self.ears.close(&around, || content.mark.take());
        }
        true
    }

    fn current_span(&self) -> Current {
        let here = current::with(|exchange| std::ptr::from_ref(&*exchange.link).addr()).unwrap_or_default();
        let innermost = entered::last(self.spans.key()).filter(|entered| here == 0 || entered.inside == here);
        let id = innermost.map(|entered| entered.id).or_else(|| self.span_of_request());
        match id.and_then(|id| Some((self.spans.metadata(&id)?, id))) {
            Some((metadata, id)) => Current::new(id, metadata),
            None => Current::none(),
        }
    }
}

/// The span that stands for a request, held by its exchange.
pub(super) struct RequestSpan {
    spans: Arc<Table>,
    id: Id,
}

impl RequestSpan {
    fn open(spans: &Arc<Table>, link: Arc<Link>) -> Self {
        let content = Content { mark: Some(Mark::of_request(link)), parent: None, metadata: Some(&METADATA) };
        Self { spans: Arc::clone(spans), id: spans.open(spans.reserve(), content) }
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        self.spans.close(&self.id);
    }
}

/// What others see of that span.
static METADATA: Metadata<'static> = Metadata::new(
    "request",
    REQUEST_TARGET,
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&OfRequest)),
    Kind::SPAN,
);

struct OfRequest;

impl Callsite for OfRequest {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

impl fmt::Debug for RequestSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestSpan").field(&self.id).finish()
    }
}

impl fmt::Debug for Solo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solo").field("hub", &self.ears.hub).finish_non_exhaustive()
    }
}
