//! The page as a service of an application.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::body::Body;
use super::core::Core;
use super::gate::Access;
use super::route;

/// The page as a Tower service; see [`Viewer::service`](super::Viewer::service).
#[derive(Clone)]
pub struct ViewerService {
    core: Arc<Core>,
}

impl ViewerService {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

impl<B> Service<Request<B>> for ViewerService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let core = Arc::clone(&self.core);
        Box::pin(async move { Ok(route::answer(&core, Access::Mounted, request).await) })
    }
}

impl fmt::Debug for ViewerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewerService").finish_non_exhaustive()
    }
}
