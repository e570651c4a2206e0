//! A receiver of OTLP that can be made to fail while it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

use crate::sink::leaves;

/// How it fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    Healthy,
    /// Takes what it is sent, and never answers.
    Stuck,
    /// Answers after two seconds.
    Slow,
    /// Answers that it is not available.
    Refusing,
    /// Nobody listens.
    Dead,
}

impl Mode {
    /// All of them, the baseline first.
    pub const ALL: [Self; 5] = [Self::Healthy, Self::Stuck, Self::Slow, Self::Refusing, Self::Dead];
    const SLOW: Duration = Duration::from_secs(2);

    /// What it is called in a table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Stuck => "stuck",
            Self::Slow => "slow",
            Self::Refusing => "refusing",
            Self::Dead => "dead",
        }
    }
}

/// It runs on a thread of this process.
pub struct Collector {
    pub address: SocketAddr,
    state: Arc<Shared>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Shared {
    mode: AtomicU8,
    spans: AtomicU64,
    logs: AtomicU64,
}

impl Collector {
    /// Starts one that is healthy.
    pub fn start() -> Self {
        let mut collector = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), state: Arc::default(), runtime: None };
        collector.listen();
        collector
    }

    /// Fares so from now on.
    pub fn become_(&mut self, mode: Mode) {
        self.state.mode.store(mode as u8, Ordering::SeqCst);
        if mode == Mode::Dead {
            // Takes the listener and all connections with it.
            self.runtime.take().expect("it lives").shutdown_timeout(Duration::from_secs(5));
        }
    }

    /// Spans and log records that it has answered for.
    pub fn counted(&self) -> (u64, u64) {
        (self.state.spans.load(Ordering::SeqCst), self.state.logs.load(Ordering::SeqCst))
    }

    fn listen(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind(self.address).expect("a free port");
            socket.listen(64).expect("a listener")
        });
        self.address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route(
                "/{stack}/v1/traces",
                post(async |State(state): State<Arc<Shared>>, body: Bytes| state.answer(&state.spans, &body).await),
            )
            .route(
                "/{stack}/v1/logs",
                post(async |State(state): State<Arc<Shared>>, body: Bytes| state.answer(&state.logs, &body).await),
            )
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&self.state));
        runtime.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        self.runtime = Some(runtime);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    async fn answer(&self, count: &AtomicU64, body: &[u8]) -> Response {
        let mode = self.mode.load(Ordering::SeqCst);
        let is = |wanted: Mode| mode == wanted as u8;
        if is(Mode::Refusing) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        if is(Mode::Stuck) {
            std::future::pending::<()>().await;
        }
        if is(Mode::Slow) {
            tokio::time::sleep(Mode::SLOW).await;
        }
        count.fetch_add(leaves(body), Ordering::SeqCst);
        [(CONTENT_TYPE, "application/x-protobuf")].into_response()
    }
}
