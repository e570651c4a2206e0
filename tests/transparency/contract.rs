//! What tower asks of a service: it is called once it was ready, a clone is not ready, and limits inside work as without.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::support::{BoxBody, BoxError, Observed, full, request};

/// Panics when it is called without having been ready, and counts who is inside.
struct Strict {
    is_ready: bool,
    polls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        // As tower says: a clone is not ready.
        Self { is_ready: false, polls: Arc::clone(&self.polls) }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<BoxBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<BoxBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        Box::pin(async { Ok(Response::new(full("done"))) })
    }
}

#[tokio::test]
async fn the_service_that_is_called_is_the_one_that_was_ready() {
    let seen = Observed::new();
    let polls = Arc::new(AtomicUsize::new(0));
    let mut service = ServiceBuilder::new().layer(seen.layer()).service(Strict { is_ready: false, polls: Arc::clone(&polls) });
    for _ in 0..3 {
        let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await.unwrap();
        assert!(ready.call(request("GET", "/")).await.is_ok());
    }
    let clone = service.clone();
    assert!(clone.oneshot(request("GET", "/")).await.is_ok());
    assert_eq!((polls.load(Ordering::Relaxed), seen.records().len()), (4, 4));
}

#[tokio::test]
async fn limits_and_load_shedding_inside_work_as_without_it() {
    let seen = Observed::new();
    let [entered, release] = std::array::from_fn(|_| Arc::new(tokio::sync::Notify::new()));
    let (has_entered, released) = (Arc::clone(&entered), Arc::clone(&release));
    let service = ServiceBuilder::new().layer(seen.layer()).load_shed().concurrency_limit(1).service_fn(move |_: Request<_>| {
        has_entered.notify_one();
        let released = Arc::clone(&released);
        async move {
            released.notified().await;
            Ok::<_, BoxError>(Response::new(full("done")))
        }
    });
    let boxed = service_boxed(&service);
    let second = async {
        entered.notified().await;
        let shed = service.clone().oneshot(request("GET", "/shed")).await.err().unwrap();
        assert!(shed.is::<tower::load_shed::error::Overloaded>());
        release.notify_one();
    };
    let (first, ()) = tokio::join!(service_once(boxed), second);
    assert!(first);
    let outcomes: Vec<_> = seen.records().iter().map(|record| record.outcome().as_str()).collect();
    assert_eq!(outcomes, ["failed", "answered"]);
}

type Boxed = tower::util::BoxCloneService<Request<Full<Bytes>>, Response<campanile::ObserveBody<BoxBody>>, BoxError>;

fn service_boxed<S>(service: &S) -> Boxed
where
    S: Service<Request<Full<Bytes>>, Response = Response<campanile::ObserveBody<BoxBody>>, Error = BoxError>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    Boxed::new(service.clone())
}

async fn service_once(service: Boxed) -> bool {
    match service.oneshot(request("GET", "/first")).await {
        Ok(response) => response.into_body().collect().await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn waiting_for_readiness_is_the_services_own_business() {
    let seen = Observed::new();
    let mut service = service_boxed(
        &ServiceBuilder::new()
            .layer(seen.layer())
            .concurrency_limit(1)
            .service_fn(|_: Request<_>| std::future::pending::<Result<Response<BoxBody>, BoxError>>()),
    );
    let mut other = service.clone();
    let held = service.ready().await.unwrap().call(request("GET", "/"));
    assert!(other.ready().now_or_never().is_none(), "one is all that is let in");
    drop(held);
    assert!(tokio::time::timeout(Duration::from_secs(60), other.ready()).await.unwrap().is_ok());
    drop(other);
    assert_eq!(seen.records().len(), 1);
}
