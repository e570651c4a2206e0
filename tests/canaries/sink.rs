//! A collector that keeps the payloads it gets, over HTTP and over gRPC.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;

use crate::support::{BoxBody, BoxError, Server, serve};

/// What it has got: the path and the body of each request.
#[derive(Clone, Default)]
pub(crate) struct Sink {
    payloads: Arc<Mutex<Vec<(String, Bytes)>>>,
}

/// Below this path it refuses everything, and says back who asked.
pub(crate) const REFUSING: &str = "/refuse";

impl Sink {
    pub(crate) async fn start(&self) -> Server {
        let sink = self.clone();
        serve(tower::service_fn(move |request| {
            let sink = sink.clone();
            async move { Ok::<_, BoxError>(sink.take(request).await) }
        }))
        .await
    }

    async fn take(&self, request: Request<Incoming>) -> Response<BoxBody> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let path = head.uri.path().to_owned();
        let frames = |frames: Vec<Frame<Bytes>>| {
            StreamBody::new(futures_util::stream::iter(frames.into_iter().map(Ok::<_, BoxError>))).boxed_unsync()
        };
        if path.starts_with(REFUSING) {
            let said =
                head.headers.get("authorization").map(|value| format!("no such user: {}", value.to_str().unwrap_or_default()));
            let body = frames(vec![Frame::data(Bytes::from(said.unwrap_or_default()))]);
            return Response::builder().status(401).body(body).unwrap();
        }
        self.payloads.lock().unwrap().push((path, body));
        let is_grpc = head.headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
        if !is_grpc {
            return Response::builder().header("content-type", "application/x-protobuf").body(frames(Vec::new())).unwrap();
        }
        // An empty message, and the status behind it.
        let status = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        let body = frames(vec![Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(status)]);
        Response::builder().header("content-type", "application/grpc").body(body).unwrap()
    }

    /// All payloads to paths that hold this word, one after another.
    pub(crate) fn payloads(&self, word: &str) -> Vec<u8> {
        let payloads = self.payloads.lock().unwrap();
        payloads.iter().filter(|(path, _)| path.contains(word)).flat_map(|(_, body)| body.to_vec()).collect()
    }
}
