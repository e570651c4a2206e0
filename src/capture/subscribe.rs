//! The layer for a registry of the application's own.

use std::sync::Arc;

use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::Hub;
use super::ears::Ears;
use super::mark::Spans as _;

/// A layer for `tracing-subscriber` that captures what happens inside and outside of requests.
#[derive(Debug)]
pub(crate) struct Capture(Ears);

impl Capture {
    pub(crate) const fn new(hub: Arc<Hub>) -> Self {
        Self(Ears { hub })
    }

    pub(super) const fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }
}

impl<S> Layer<S> for Capture
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.0.hub.heard_by(dispatch);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if let Some(mark) = self.0.open(attributes, id, &ctx) {
            ctx.mark(id, mark);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.0.event(event, &ctx);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        self.0.enter(id, &ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        self.0.exit(id, &ctx);
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, ctx: Context<'_, S>) {
        self.0.record(id, values, &ctx);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        self.0.close(&id, || ctx.unmark(&id));
    }
}

/// Restricts [`Capture`] to what it wants, without a say over what others see.
#[derive(Clone, Debug)]
pub(crate) struct CaptureFilter(pub(crate) Arc<Hub>);

impl<S> Filter<S> for CaptureFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.0.captures(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.0.captures(metadata) {
            true => Interest::always(),
            false if metadata.target() == "log" => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.max_level())
    }
}
