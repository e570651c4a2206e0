//! The caller's trace context, kept to be passed on, and nothing else.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request};
use tower_layer::Layer;
use tower_service::Service;

use crate::propagator::{Baggage, Outgoing, Propagator, Propagators};
use crate::random;
use crate::record::{SpanId, TraceFlags, TraceId};

/// Keeps the trace context that a request came with, as a [`TraceContext`] in its extensions.
///
/// For services that record nothing but must not break a trace. What came in is passed on as it is: no span is made here
/// that could stand between the caller's and those further down. A request without a valid context gets no extension.
///
/// # Example
/// ```
/// use campanile::alone::{TraceContext, propagate_layer};
/// use http::{HeaderMap, Request, Response};
/// use tower::ServiceBuilder;
///
/// let service = ServiceBuilder::new().layer(propagate_layer()).service_fn(|request: Request<String>| async move {
///     let mut headers = HeaderMap::new(); // of a request that is made on behalf of this one
///     if let Some(context) = request.extensions().get::<TraceContext>() {
///         context.inject(&mut headers);
///     }
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// });
/// # drop(service);
/// ```
///
/// # Source
/// W3C Trace Context Level 2, section 3.3: forwarding without participating.
pub fn propagate_layer() -> PropagateLayer {
    PropagateLayer { propagators: Propagators::default() }
}

/// Layer of [`Propagate`]; made by [`propagate_layer`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PropagateLayer {
    propagators: Propagators,
}

impl PropagateLayer {
    /// The conventions by which the context is read, the first that finds one, and by all of which it is passed on.
    ///
    /// # Default
    /// [`TraceContext`](Propagator::TraceContext) and [`Baggage`](Propagator::Baggage).
    pub fn propagators(mut self, propagators: impl IntoIterator<Item = Propagator>) -> Self {
        self.propagators = propagators.into_iter().collect();
        self
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = Propagate<S>;

    fn layer(&self, inner: S) -> Propagate<S> {
        Propagate { inner, propagators: self.propagators }
    }
}

/// The trace context that a request came with; cheap to clone.
///
/// `Debug` shows the ids alone.
#[derive(Clone)]
pub struct TraceContext {
    inner: Arc<Inner>,
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { trace_id, parent_id, flags, .. } = &*self.inner;
        f.debug_struct("TraceContext")
            .field("trace_id", trace_id)
            .field("parent_id", parent_id)
            .field("flags", flags)
            .finish_non_exhaustive()
    }
}

struct Inner {
    propagators: Propagators,
    trace_id: TraceId,
    parent_id: Option<SpanId>,
    flags: TraceFlags,
    state: Box<str>,
    baggage: Baggage,
}

impl TraceContext {
    fn read(headers: &HeaderMap, propagators: Propagators) -> Option<Self> {
        let remote = propagators.extract(headers)?;
        let has_baggage = propagators.has(Propagator::Baggage);
        let baggage = if has_baggage { Baggage::read(headers) } else { Baggage::default() };
        // Whoever leaves the decision to others gets the one that is taken where nothing is set.
        let flags = remote.flags.unwrap_or(TraceFlags::SAMPLED);
        let (trace_id, parent_id, state) = (remote.trace_id, remote.parent_id, remote.state.into());
        Some(Self { inner: Arc::new(Inner { propagators, trace_id, parent_id, flags, state, baggage }) })
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.inner.trace_id
    }

    /// The caller's span; `None` where it named only the trace, as a load balancer may.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.inner.parent_id
    }

    /// The flags of the trace context.
    #[must_use]
    pub fn trace_flags(&self) -> TraceFlags {
        self.inner.flags
    }

    /// What the caller sent along under `key`, decoded.
    ///
    /// # Source
    /// W3C Baggage, section 3.2.
    #[must_use]
    pub fn baggage(&self, key: &str) -> Option<String> {
        self.inner.baggage.get(key)
    }

    /// Puts the context into the headers of an outgoing request, over what stood there.
    pub fn inject(&self, headers: &mut HeaderMap) {
        let Inner { propagators, trace_id, parent_id, flags, state, baggage } = &*self.inner;
        // Headers that need a span have one where the caller named none.
        let span_id = parent_id.unwrap_or_else(random::span_id);
        let outgoing = Outgoing { trace_id: *trace_id, span_id, flags: *flags, state, baggage: baggage.as_str() };
        propagators.inject(&outgoing, headers);
    }
}

/// Keeps the trace context that a request came with; made by [`PropagateLayer`].
#[derive(Clone, Debug)]
pub struct Propagate<S> {
    inner: S,
    propagators: Propagators,
}

impl<S, B> Service<Request<B>> for Propagate<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(context) = TraceContext::read(request.headers(), self.propagators) {
            request.extensions_mut().insert(context);
        }
        self.inner.call(request)
    }
}
