//! The current request, for the application.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderMap;
use pin_project_lite::pin_project;

use super::mark::link_of_thread;
use super::{Hub, Link, current as slot};
use crate::record::parts::{MAX_GROUP_KEY_BYTES, Parts, Side};
use crate::record::{SpanId, TraceFlags, TraceId, Value};

/// Sets an attribute of the current request, replacing an earlier value of the same key.
///
/// Outside a request it does nothing. `user.id` is what every reader shows as the user.
///
/// # Example
/// ```
/// # let order_id = 981;
/// campanile::set("order.id", order_id);
/// campanile::set("user.id", "42");
/// ```
pub fn set<'a>(key: &str, value: impl Into<Value<'a>>) {
    let value = value.into();
    on_current(|parts, _, _| parts.put_attribute(key, value));
}

/// Names the group that the current request's failure belongs to, in place of what its error has in common with others;
/// see [`mod@crate::group`].
///
/// Outside a request, and on one that does not fail, it does nothing. The last name counts.
///
/// # Shape
/// At most 200 bytes. A name of few values, without ids: everything that is named alike is one group.
///
/// # Example
/// ```
/// campanile::group("payment declined");
/// ```
pub fn group(name: &str) {
    on_current(|parts, _, _| put_group(parts, name));
}

/// Asks for the current request's detail to be kept when it is over, however it ends: its spans and events.
///
/// Outside a request it does nothing; nor does it where [`Keep::none`](crate::Keep::none) is set.
///
/// # Example
/// ```
/// # let (total, largest) = (2, 1);
/// if total > largest {
///     campanile::keep();
/// }
/// ```
pub fn keep() {
    on_current(|parts, _, _| parts.is_flagged = true);
}

/// The request that the calling code works for.
///
/// `None` outside a request, and on a spawned task or thread that carries neither the request's tracing span nor a
/// handle.
#[must_use]
pub fn current() -> Option<Handle> {
    slot::with(|exchange| Arc::clone(&exchange.link)).or_else(elsewhere).map(|link| Handle { link })
}

/// A request in flight, to be carried to other tasks and threads.
///
/// Cheap to clone. What is set or logged through it after the request's end is not on its record.
#[derive(Clone, Debug)]
pub struct Handle {
    link: Arc<Link>,
}

impl Handle {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    pub(super) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Whether the request's record is still being written.
    pub(crate) fn is_open(&self) -> bool {
        !self.link.is_closed()
    }

    /// Whether the request's record is that of this telemetry.
    pub(crate) fn is_of(&self, hub: &Arc<Hub>) -> bool {
        Arc::ptr_eq(&self.link.hub, hub)
    }

    /// The request id.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.link.request_id()
    }

    /// The trace that the request belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.link.trace_id
    }

    /// The request's own server span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.link.span_id
    }

    /// The flags of the trace context.
    #[must_use]
    pub fn trace_flags(&self) -> TraceFlags {
        self.link.trace_flags
    }

    /// Puts the trace context into the headers of a request that is made on behalf of this one, so that whoever answers it
    /// continues the trace.
    ///
    /// Every [`Propagator`](crate::Propagator) of the settings writes its headers over what stood there; `tracestate` is the
    /// caller's, and goes where there was none. `baggage` is the caller's too, unless the headers hold some already.
    ///
    /// # Source
    /// W3C Trace Context Level 2, sections 3.2 and 3.3: version 00, with the innermost span where the request is the
    /// current one.
    ///
    /// # Example
    /// ```no_run
    /// # fn request() -> http::Request<String> { unimplemented!() }
    /// # async fn handler() {
    /// let mut outgoing = request();
    /// if let Some(request) = campanile::current() {
    ///     request.inject(outgoing.headers_mut());
    /// }
    /// # }
    /// ```
    pub fn inject(&self, headers: &mut HeaderMap) {
        let innermost = slot::with(|exchange| Arc::ptr_eq(&exchange.link, &self.link).then(|| exchange.innermost())).flatten();
        self.link.inject(innermost.unwrap_or(self.link.span_id), headers);
    }

    /// What the caller sent along under `key`, decoded; `None` where it sent nothing.
    ///
    /// It may hold anything, line breaks included: treat it as what it is, text from outside.
    ///
    /// # Source
    /// W3C Baggage, section 3.2.
    #[must_use]
    pub fn baggage(&self, key: &str) -> Option<String> {
        self.link.baggage.get(key)
    }

    /// Sets an attribute of the request.
    pub fn set<'a>(&self, key: &str, value: impl Into<Value<'a>>) {
        let value = value.into();
        self.on_parts(|parts, _, _| parts.put_attribute(key, value));
    }

    /// Names the group that the request's failure belongs to; see [`group`].
    pub fn group(&self, name: &str) {
        self.on_parts(|parts, _, _| put_group(parts, name));
    }

    /// Asks for the request's detail to be kept when it is over, as [`keep`](crate::keep) does.
    pub fn keep(&self) {
        self.on_parts(|parts, _, _| parts.is_flagged = true);
    }

    /// Runs `f` as part of the request: for `spawn_blocking` and threads.
    ///
    /// # Example
    /// ```no_run
    /// # fn render() {}
    /// # async fn handler() {
    /// if let Some(request) = campanile::current() {
    ///     tokio::task::spawn_blocking(move || request.run(render));
    /// }
    /// # }
    /// ```
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        slot::as_guest(&self.link, f)
    }

    /// On the exchange itself when it is the current one, else through the inbox.
    fn on_parts(&self, f: impl FnOnce(&mut Parts, SpanId, u64)) {
        let mut f = Some(f);
        let _ = slot::with(|exchange| {
            if let Some(f) = f.take_if(|_| Arc::ptr_eq(&exchange.link, &self.link)) {
                let (span, now_ns) = (exchange.innermost(), exchange.now_ns());
                f(&mut exchange.parts, span, now_ns);
            }
        });
        if let Some(f) = f {
            by_inbox(&self.link, f);
        }
    }
}

/// Ties work that leaves the request's task to the request.
pub trait InExchange: Future + Sized {
    /// Makes everything that this future logs part of the current request, wherever it is polled.
    ///
    /// The request is the one that is current when this is called; without one the future is left as it is.
    ///
    /// # Example
    /// ```no_run
    /// use campanile::InExchange as _;
    /// # async fn send_mail() {}
    /// # async fn handler() {
    /// tokio::spawn(send_mail().in_exchange());
    /// # }
    /// ```
    fn in_exchange(self) -> WithExchange<Self> {
        WithExchange { inner: self, handle: current() }
    }
}

impl<F: Future> InExchange for F {}

pin_project! {
    /// A future that is part of a request; made by [`InExchange::in_exchange`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithExchange<F> {
        #[pin]
        inner: F,
        handle: Option<Handle>,
    }
}

impl<F> WithExchange<F> {
    pub(super) const fn of(inner: F, handle: Option<Handle>) -> Self {
        Self { inner, handle }
    }
}

impl<F: Future> Future for WithExchange<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.handle {
            Some(handle) => handle.run(|| this.inner.poll(cx)),
            None => this.inner.poll(cx),
        }
    }
}

fn put_group(parts: &mut Parts, name: &str) {
    // What says the same again and again must not fill the record.
    if parts.str(parts.group_key) != name {
        parts.group_key = parts.push_text(name, MAX_GROUP_KEY_BYTES);
    }
}

/// Runs `f` on the parts of the current request, wherever they are; gives the innermost span and the time.
pub(super) fn on_current(f: impl FnOnce(&mut Parts, SpanId, u64)) {
    let mut f = Some(f);
    let done = slot::with(|exchange| {
        if let Some(f) = f.take() {
            let (span, now_ns) = (exchange.innermost(), exchange.now_ns());
            f(&mut exchange.parts, span, now_ns);
        }
    });
    if let (None, Some(f), Some(link)) = (done, f, elsewhere()) {
        by_inbox(&link, f);
    }
}

/// The value of a header of the current request, where it was kept; in lower case.
pub(super) fn header_of_current(name: &str) -> Option<String> {
    slot::with(|exchange| {
        let parts = &exchange.parts;
        let header = parts.headers.iter().find(|header| header.side == Side::Request && parts.str(header.name) == name)?;
        Some(parts.str(header.value?).to_ascii_lowercase())
    })
    .flatten()
}

fn by_inbox(link: &Link, f: impl FnOnce(&mut Parts, SpanId, u64)) {
    let mut parts = link.hub.pipeline.parts();
    f(&mut parts, link.span_id, link.now_ns());
    link.deliver(parts);
}

/// The request of work outside its task: by handle, else by the tracing span that it carries.
fn elsewhere() -> Option<Arc<Link>> {
    slot::guest().or_else(link_of_thread)
}
