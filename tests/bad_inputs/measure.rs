//! What one request costs on its own thread: bytes that are allocated, and time.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use allocation_counter::AllocationInfo;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use tower::{Service, ServiceBuilder};

use crate::service::poll_until_ready;
use crate::support::{BoxBody, Observed};
use crate::wire::Sent;

/// Runs of which the cheapest counts: what an interrupted one takes says nothing.
const RUNS: usize = 20;

/// The least that the layer allocates and takes for such a request, once its buffers are warm. The service below it
/// allocates nothing, and the request is made and dropped outside.
pub(crate) fn cost(sent: &Sent) -> (AllocationInfo, Duration) {
    let seen = Observed::new();
    let mut service = ServiceBuilder::new().layer(seen.layer()).service_fn(answer);
    let mut costs: Vec<_> = (0..RUNS)
        .map(|_| {
            let mut request = Some(sent.to_request().0);
            let mut response = None;
            let start = Instant::now();
            let info = allocation_counter::measure(|| {
                let future = service.call(request.take().unwrap());
                response = Some(poll_until_ready(future).0.unwrap());
            });
            let took = start.elapsed();
            drop(response);
            // The buffer comes back to where the next request takes it.
            assert_eq!(seen.records().len() as u64, seen.telemetry.stats().forwarded);
            (info, took)
        })
        .collect();
    let fastest = costs.iter().map(|(_, took)| *took).min().unwrap();
    costs.sort_by_key(|(info, _)| info.bytes_total);
    (costs.remove(0).0, fastest)
}

fn answer(request: Request<campanile::ObserveBody<BoxBody>>) -> std::future::Ready<Result<Response<Empty<Bytes>>, Infallible>> {
    // Its parts go with the request, not with the answer.
    drop(request);
    std::future::ready(Ok(Response::new(Empty::new())))
}
