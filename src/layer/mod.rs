//! The Tower side: the layer, its service, future and body.

mod address;
pub(crate) mod alone;
mod arrival;
mod asked;
#[cfg(feature = "axum")]
pub(crate) mod axum;
mod body;
mod callers;
mod catch_panic;
mod client;
mod context;
mod future;
mod head;
mod headers;
mod internal_error;
mod link;
mod observe;
mod request_id;
mod route;
mod slim;
mod watch;

use std::any::{Any, type_name};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::Extensions;
use http::uri::Scheme;
use tower_layer::Layer;

pub use self::body::ObserveBody;
pub(crate) use self::callers::Callers;
pub use self::callers::TrustIds;
pub use self::catch_panic::{CatchPanic, CatchPanicBody, CatchPanicFuture, CatchPanicLayer, catch_panic_layer};
pub use self::client::{ObserveClient, ObserveClientBody, ObserveClientFuture, ObserveClientLayer, ResendCount, UrlTemplate};
pub use self::future::ObserveFuture;
pub(crate) use self::head::HeadSettings;
#[cfg(feature = "reading")]
pub(crate) use self::headers::copy_headers;
pub use self::observe::{Observe, ObserveAsIs};
use self::request_id::Maker;
pub use self::route::{ReportRoute, RouteLayer, route_layer};
use crate::capture::{Hub, Rules};
use crate::control::Tokens;

/// How long the last handle of a telemetry waits for what is queued.
const DROP_DEADLINE: Duration = Duration::from_secs(2);

/// What the layers and handles of one telemetry share; the last one to go flushes.
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    callers: Callers,
    heads: HeadSettings,
    pub(crate) is_on: bool,
    /// Which bodies are captured; none without.
    pub(crate) bodies: Option<Arc<Rules>>,
    /// Which debug tokens are taken.
    pub(crate) tokens: Arc<Tokens>,
    /// What ends with it.
    attached: OnceLock<Box<dyn Any + Send + Sync>>,
    /// The local page, until the telemetry is shut down.
    page: Mutex<Option<Box<dyn Any + Send>>>,
    /// Where the page of one request is, without the request's id.
    link: OnceLock<Box<str>>,
    has_looked: AtomicBool,
    warned_of_route: AtomicBool,
    is_ending: AtomicBool,
}

impl Shared {
    pub(crate) const fn new(
        hub: Arc<Hub>,
        callers: Callers,
        heads: HeadSettings,
        is_on: bool,
        bodies: Option<Arc<Rules>>,
        tokens: Arc<Tokens>,
    ) -> Self {
        let attached = OnceLock::new();
        let page = Mutex::new(None);
        let link = OnceLock::new();
        let (has_looked, warned_of_route, is_ending) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        Self { hub, callers, heads, is_on, bodies, tokens, attached, page, link, has_looked, warned_of_route, is_ending }
    }

    /// Keeps something for as long as this lives.
    #[cfg_attr(not(all(feature = "control", feature = "store", unix)), expect(dead_code, reason = "there is no socket"))]
    pub(crate) fn attach(&self, what: Box<dyn Any + Send + Sync>) {
        let _ = self.attached.set(what);
    }

    /// Serves the local page until the telemetry is shut down.
    #[cfg(feature = "viewer")]
    pub(crate) fn keep_page(&self, page: Box<dyn Any + Send>) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
    }

    pub(crate) fn end_page(&self) {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(page);
    }

    /// Answers tell where their request can be looked at: behind this, by its id.
    #[cfg(feature = "viewer")]
    pub(crate) fn link_to(&self, start: &str) {
        let _ = self.link.set(start.into());
    }

    /// Looks once, at the first request, whether anything keeps events from us.
    fn look_around(&self) {
        if !self.has_looked.load(Ordering::Relaxed) && !self.has_looked.swap(true, Ordering::Relaxed) && self.hub.is_hidden_from()
        {
            self.hub.pipeline.warn(
                "tracing",
                "a filter of the whole subscriber hides events; put it on the layer that it is meant for (`fmt_layer.with_filter(…)`)",
            );
        }
    }

    fn warn_of_route(&self) {
        if !self.warned_of_route.swap(true, Ordering::Relaxed) {
            self.hub.pipeline.warn(
                "layer",
                "it wraps an axum Router from outside and cannot see which route matched; add `.layer(campanile::route_layer())` inside the Router",
            );
        }
    }
}

impl Shared {
    /// A request is over. Where it was the last that held this, the pipeline ends on a thread of its own: the request's
    /// thread may be serving others.
    fn request_over(shared: &Arc<Self>) {
        if Arc::strong_count(shared) == 1 && !shared.is_ending.swap(true, Ordering::Relaxed) {
            drop(shared.hub.pipeline.shutdown(DROP_DEADLINE));
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_ending.load(Ordering::Relaxed) {
            self.hub.pipeline.shutdown_blocking(DROP_DEADLINE);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("hub", &self.hub).field("is_on", &self.is_on).finish_non_exhaustive()
    }
}

/// Finds the other end of the connection in a request's extensions.
type FindPeer = dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync;

/// What one layer was told; the same for every request that passes it.
#[derive(Clone)]
struct Settings {
    shared: Arc<Shared>,
    scheme: Scheme,
    find_peer: Option<Arc<FindPeer>>,
    make_request_id: Option<Arc<Maker>>,
    /// Whether it stands outside an axum `Router`, where matched routes cannot be seen.
    wraps_router: bool,
}

impl Settings {
    /// Those of a service around an `S`, which is cloned for every request; none where telemetry is off.
    fn around<S>(&self) -> Option<Arc<Self>> {
        let wraps_router = self.shared.is_on && is_router::<S>();
        self.shared.is_on.then(|| Arc::new(Self { wraps_router, ..self.clone() }))
    }
}

fn is_router<S>() -> bool {
    // Without a `<`: a `Router<()>` prints as `Router`.
    cfg!(feature = "axum") && type_name::<S>().contains("axum::routing::Router")
}

/// Makes exactly one record of every request that passes; made by [`Telemetry::layer`](crate::Telemetry::layer).
///
/// # Where it goes
/// Outermost, so that it sees what clients see: the last `.layer(…)` of an axum `Router`, the first of a
/// `tower::ServiceBuilder`. axum runs the layer that was added last first. What lies further out (a timeout, a load
/// shedder) ends requests without this layer seeing why: they are recorded as `client_gone_before_head`.
///
/// In axum, `.layer` covers the routes that were added *before* it; routes added after it are not recorded. It covers
/// the fallback too, which `.route_layer` does not.
///
/// Around a whole `Router` (for `NormalizePath` and the like) it cannot see which route matched: add
/// `.layer(campanile::route_layer())` inside. `axum::serve` takes the whole as the fallback of an empty router:
///
/// ```no_run
/// # #[cfg(feature = "axum")]
/// # async fn serve(telemetry: campanile::Telemetry, listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// use axum::{Router, routing::get};
/// use tower::Layer as _;
///
/// let app = Router::new().route("/orders/{id}", get(|| async { "an order" })).layer(campanile::route_layer());
/// let around = telemetry.layer().layer(app);
/// axum::serve(listener, Router::new().fallback_service(around)).await
/// # }
/// ```
///
/// # The peer's address
/// With axum, serve `app.into_make_service_with_connect_info::<SocketAddr>()`. Elsewhere put the `SocketAddr` into the
/// request's extensions, or say with [`peer`](Self::peer) where it is. Behind proxies, name them with
/// [`trusted_proxies`](crate::Builder::trusted_proxies).
///
/// # Types
/// The inner service gets `Request<ObserveBody<B>>` and the outer one `Response<ObserveBody<R>>`, so that bodies can be
/// followed to their end. axum's routes take any body. For a service that is bound to one request body use
/// [`keep_request_body`](Self::keep_request_body).
#[derive(Clone)]
#[must_use]
pub struct ObserveLayer {
    settings: Settings,
}

impl ObserveLayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (find_peer, make_request_id) = (None, None);
        Self { settings: Settings { shared, scheme: Scheme::HTTP, find_peer, make_request_id, wraps_router: false } }
    }

    /// The scheme of the connection, where neither HTTP/2 nor a trusted proxy says it.
    ///
    /// # Default
    /// `http`.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.settings.scheme = scheme;
        self
    }

    /// Where the peer's address is, for servers that keep it in a type of their own.
    ///
    /// # Default
    /// axum's `ConnectInfo<SocketAddr>`, else a plain `SocketAddr` in the extensions.
    ///
    /// # Example
    /// ```ignore
    /// use tonic::transport::server::TcpConnectInfo;
    /// telemetry.layer().peer(|extensions| extensions.get::<TcpConnectInfo>()?.remote_addr());
    /// ```
    pub fn peer(mut self, find: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        self.settings.find_peer = Some(Arc::new(find));
        self
    }

    /// Makes request ids with tower-http's `MakeRequestId`, where the caller sent none that is valid.
    ///
    /// An id that is not itself valid (1 to 128 of `[A-Za-z0-9._:/+=@-]`, the first a letter or digit) is not used.
    ///
    /// # Default
    /// Version 7 UUIDs.
    #[cfg(feature = "tower-http")]
    pub fn make_request_id<M>(mut self, make: M) -> Self
    where
        M: tower_http::request_id::MakeRequestId + Clone + Send + Sync + 'static,
    {
        self.settings.make_request_id = Some(request_id::maker(make));
        self
    }

    /// Leaves the request's body as it is, type included; its bytes are then not counted.
    pub fn keep_request_body(self) -> ObserveAsIsLayer {
        ObserveAsIsLayer { settings: self.settings }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe::new(inner, self.settings.around::<S>())
    }
}

impl fmt::Debug for ObserveLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveLayer").field("scheme", &self.settings.scheme).finish_non_exhaustive()
    }
}

/// [`ObserveLayer`] for services that are bound to one type of request body; made by
/// [`ObserveLayer::keep_request_body`].
#[derive(Clone)]
#[must_use]
pub struct ObserveAsIsLayer {
    settings: Settings,
}

impl<S> Layer<S> for ObserveAsIsLayer {
    type Service = ObserveAsIs<S>;

    fn layer(&self, inner: S) -> ObserveAsIs<S> {
        ObserveAsIs::new(inner, self.settings.around::<S>())
    }
}

impl fmt::Debug for ObserveAsIsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveAsIsLayer").field("scheme", &self.settings.scheme).finish_non_exhaustive()
    }
}
