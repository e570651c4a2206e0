//! The application under measurement, the stacks around it, and what the programs here need to drive them.
//!
//! One axum app is driven in process, request after request, on one thread: nothing but the stack around the app
//! differs between two measurements.

pub mod allocations;
pub mod collector;
pub mod filtered;
pub mod flood;
pub mod gauge;
pub mod load;
pub mod machine;
pub mod pace;
pub mod plot;
pub mod requests;
pub mod served;
pub mod sink;
pub mod stacks;
pub mod turns;

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt as _;
use tower::{Service as _, ServiceExt as _};

pub use campanile_peers::{Delivered, Route, app};

use self::stacks::Stack;

/// Requests in a row; then comes a pause, so that a queue holds them all and pools fill again.
pub const BURST: u64 = 100;
/// How long it usually is: every stack's background thread gets to run.
pub const PAUSE: Duration = Duration::from_millis(8);

/// Ten headers, about 400 bytes of values: those of a browser behind a proxy, with a sampled trace.
pub const HEADERS: [(&str, &str); 10] = [
    ("host", "shop.example"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("cache-control", "no-cache"),
    ("x-forwarded-for", "203.0.113.195, 198.51.100.17"),
    ("x-forwarded-proto", "https"),
    ("cookie", "session=c2Vzc2lvbi1pZC1vZi1zb21lLWxlbmd0aA; theme=dark"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
];

/// [`HEADERS`] as a map.
pub fn headers() -> HeaderMap {
    HEADERS.into_iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn headers_of(stack: &Stack, route: Route) -> HeaderMap {
    let mut headers = headers();
    if !stack.is_sampled() {
        let unsampled = HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        headers.insert("traceparent", unsampled);
    }
    if !route.body().is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(route.body().len()));
    }
    headers
}

/// A stack and the request that is sent through it.
pub struct Driver {
    service: axum::routing::RouterIntoService<Body>,
    headers: HeaderMap,
    route: Route,
    runtime: tokio::runtime::Runtime,
}

impl Driver {
    /// For one stack and one route.
    pub fn new(stack: &Stack, route: Route) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // As a server does it: routes are made once, and not again for each request.
        let service = stack.app.clone().with_state(()).into_service();
        Self { service, headers: headers_of(stack, route), route, runtime }
    }

    /// Sends that many requests and reads each answer to its end.
    pub fn burst(&mut self, count: u64) {
        let Self { service, headers, route, runtime } = self;
        runtime.block_on(async {
            for _ in 0..count {
                one(service, headers, *route).await;
            }
        });
    }

    /// [`burst`](Self::burst) in pieces of [`BURST`] with a pause after each; `around` is called with each piece.
    pub fn run(&mut self, count: u64, pause: Duration, mut around: impl FnMut(&mut Self, u64)) {
        let mut left = count;
        while left > 0 {
            let now = left.min(BURST);
            around(self, now);
            left -= now;
            std::thread::sleep(pause);
        }
    }
}

#[inline(never)]
async fn one(service: &mut axum::routing::RouterIntoService<Body>, headers: &HeaderMap, route: Route) {
    let body = if route.body().is_empty() { Body::empty() } else { Body::from(route.body()) };
    let mut request = Request::new(body);
    *request.method_mut() = route.method();
    *request.uri_mut() = http::Uri::from_static(route.path());
    // As much room as a server gives it; a clone would have none to spare.
    let mut map = HeaderMap::with_capacity(headers.len());
    map.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    *request.headers_mut() = map;
    let service = service.ready().await.expect("never fails");
    let response = service.call(request).await.expect("never fails");
    assert_eq!(response.status(), route.status(), "the answer");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    assert!(!body.is_empty(), "the body");
}
