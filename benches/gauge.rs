//! What benches of one process measure with: requests, and an exporter that counts what it throws away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::RouterIntoService;
use campanile::exporter::{Batch, ExportError, Exporter};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tower::{Service as _, ServiceExt as _};

/// Asks [`app`](crate::app) for a user, in process.
#[derive(Clone)]
pub struct Users {
    service: RouterIntoService<Body>,
    headers: HeaderMap,
}

impl Users {
    /// The app with whatever layers there are around it.
    pub fn of(app: Router) -> Self {
        // As a server does it: routes are made once, and not again for each request.
        Self { service: app.with_state(()).into_service(), headers: crate::headers() }
    }

    /// One request, to the end of its answer.
    pub async fn ask(&mut self) {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static("/users/4711");
        *request.headers_mut() = self.headers.clone();
        let service = self.service.ready().await.expect("never fails");
        let response = service.call(request).await.expect("never fails");
        assert_eq!(response.status(), StatusCode::OK, "the answer");
        assert!(!response.into_body().collect().await.expect("a body").to_bytes().is_empty(), "the body");
    }
}

/// Counts records and throws them away.
#[derive(Clone, Default)]
pub struct Counted(Arc<AtomicU64>);

impl Counted {
    /// Records so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Exporter for Counted {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.fetch_add(batch.records().len() as u64, Ordering::Relaxed);
        Ok(())
    }
}
