//! The small layers, each alone and beside the whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use campanile::alone::{RequestId, TraceContext, inject_layer, propagate_layer, request_id_layer};
use campanile::catch_panic_layer;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use support::{BoxBody, BoxError, Observed, full, request};
use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

type Asked = Request<Full<Bytes>>;

fn with(headers: &[(&'static str, &str)]) -> Asked {
    let mut request = request("GET", "/");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request
}

/// The id in the extensions, the header further in, and the header of the answer.
async fn ids<S, R>(layer: impl tower::Layer<Echo, Service = S>, request: Asked) -> (String, String, String)
where
    S: Service<Asked, Response = Response<R>, Error = BoxError>,
    R: http_body::Body,
{
    let seen = Arc::new(Mutex::new(None));
    let response = layer.layer(Echo(Arc::clone(&seen))).oneshot(request).await.unwrap();
    let answered = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (extension, header) = seen.lock().unwrap().take().unwrap();
    (extension, header, answered)
}

type Told = Arc<Mutex<Option<(String, String)>>>;

/// Notes the id that it is told.
#[derive(Clone)]
struct Echo(Told);

impl<B> Service<Request<B>> for Echo {
    type Response = Response<BoxBody>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), BoxError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let id = request.extensions().get::<RequestId>().unwrap();
        assert_eq!(
            (id.header_value().to_str().unwrap(), format!("{id:?}")),
            (id.as_str(), format!("RequestId({:?})", id.as_str()))
        );
        let header = request.headers()["x-request-id"].to_str().unwrap().to_owned();
        *self.0.lock().unwrap() = Some((id.to_string(), header));
        std::future::ready(Ok(Response::new(full(""))))
    }
}

#[tokio::test]
async fn every_request_has_an_id_and_everyone_means_the_same_one() {
    let (extension, header, answered) = ids(request_id_layer(), with(&[("x-request-id", "caller-1")])).await;
    assert_eq!((&extension[..], &header[..], &answered[..]), ("caller-1", "caller-1", "caller-1"));
    let refused = [&[][..], &[("x-request-id", "<b>")], &[("x-request-id", "a"), ("x-request-id", "b")]];
    let mut made = Vec::new();
    for headers in refused {
        let (extension, header, answered) = ids(request_id_layer(), with(headers)).await;
        assert_eq!((&extension, &extension, extension.len()), (&header, &answered, 36), "{headers:?}");
        made.push(extension);
    }
    made.dedup();
    assert_eq!(made.len(), 3, "each is a new one");
}

#[tokio::test]
async fn an_id_is_chosen_once_whatever_layers_there_are() {
    let seen = Observed::new();
    let inside = tower::layer::util::Stack::new(request_id_layer(), request_id_layer());
    let (extension, header, answered) = ids(inside, with(&[])).await;
    assert_eq!((&extension, &extension), (&header, &answered), "twice");
    let whole = seen.layer().keep_request_body();
    let (extension, _, answered) = ids(tower::layer::util::Stack::new(request_id_layer(), whole.clone()), with(&[])).await;
    assert_eq!((&extension[..], &answered[..]), (seen.only_request().request_id(), seen.only_request().request_id()), "inside");
    let _ = seen.memory.take();
    let (extension, _, answered) = ids(tower::layer::util::Stack::new(whole, request_id_layer()), with(&[])).await;
    assert_eq!((&extension[..], &answered[..]), (seen.only_request().request_id(), seen.only_request().request_id()), "outside");
}

#[tokio::test]
async fn an_id_that_the_answer_has_already_stays() {
    let service = ServiceBuilder::new().layer(request_id_layer()).service_fn(|_: Asked| async {
        Ok::<_, BoxError>(Response::builder().header("x-request-id", "own").body(full("")).unwrap())
    });
    let response = service.oneshot(with(&[])).await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "own");
}

/// What a service behind `propagate_layer` passes on by hand and by `inject_layer`.
async fn passed_on(
    layer: campanile::alone::PropagateLayer,
    headers: &[(&'static str, &str)],
) -> (Option<TraceContext>, HeaderMap) {
    let told = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&told);
    let client = ServiceBuilder::new()
        .layer(inject_layer())
        .service_fn(|request: Request<()>| async move { Ok::<_, BoxError>(Response::new(request.headers().clone())) });
    let service = ServiceBuilder::new().layer(request_id_layer()).layer(layer).service_fn(move |request: Asked| {
        let (keep, client) = (Arc::clone(&keep), client.clone());
        async move {
            let mut outgoing = Request::new(());
            let context = request.extensions().get::<TraceContext>().cloned();
            if let Some(context) = &context {
                outgoing.extensions_mut().insert(context.clone());
            }
            outgoing.extensions_mut().insert(request.extensions().get::<RequestId>().unwrap().clone());
            let mut headers = client.oneshot(outgoing).await?.into_body();
            let id = headers.remove("x-request-id").unwrap();
            assert_eq!(id, request.headers()["x-request-id"]);
            let mut by_hand = HeaderMap::new();
            if let Some(context) = &context {
                context.inject(&mut by_hand);
            }
            assert_eq!(by_hand, headers);
            *keep.lock().unwrap() = Some((context, headers));
            Ok::<_, BoxError>(Response::new(full("")))
        }
    });
    let _ = service.oneshot(with(headers)).await.unwrap();
    told.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn a_context_is_passed_on_as_it_came() {
    let came = [("traceparent", PARENT), ("tracestate", "a=1,b=2"), ("baggage", "user=42,plan=gold%20one")];
    let (context, headers) = passed_on(propagate_layer(), &came).await;
    let context = context.unwrap();
    assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(context.parent_span_id().unwrap().to_string(), "b7ad6b7169203331");
    assert!(context.trace_flags().is_sampled());
    assert_eq!((context.baggage("plan").as_deref(), context.baggage("none")), (Some("gold one"), None));
    let mut sent: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    sent.sort_unstable();
    let mut came = came.to_vec();
    came.sort_unstable();
    assert_eq!(sent, came);
}

#[tokio::test]
async fn without_a_valid_context_nothing_is_passed_on() {
    for headers in [&[][..], &[("tracestate", "a=1")], &[("traceparent", "00-0-0-0")]] {
        let (context, sent) = passed_on(propagate_layer(), headers).await;
        assert!(context.is_none() && sent.is_empty(), "{headers:?}: {sent:?}");
    }
    let none = propagate_layer().propagators([]);
    assert!(passed_on(none, &[("traceparent", PARENT)]).await.1.is_empty());
}

#[tokio::test]
async fn inside_a_request_its_own_context_is_injected() {
    let seen = Observed::new();
    let client = ServiceBuilder::new()
        .layer(inject_layer())
        .service_fn(|request: Request<()>| async move { Ok::<_, BoxError>(Response::new(request.headers().clone())) });
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<_>| {
        let client = client.clone();
        async move {
            let mut outgoing = Request::new(());
            outgoing.headers_mut().insert("x-own", "1".parse().unwrap());
            let headers = client.oneshot(outgoing).await?.into_body();
            let text = headers.iter().map(|(name, value)| format!("{name}={}\n", value.to_str().unwrap())).collect::<String>();
            Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(text)))
        }
    });
    let response = service.oneshot(with(&[("traceparent", PARENT)])).await.unwrap();
    let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let record = seen.only_request();
    let parent = format!("traceparent=00-0af7651916cd43dd8448eb211c80319c-{}-01\n", record.span_id());
    assert!(text.contains(&parent) && text.contains("x-own=1\n"), "{text}");
    assert!(text.contains(&format!("x-request-id={}\n", record.request_id())), "{text}");
    assert_eq!(record.spans().len(), 0, "no span is made of it");
}

/// Status, content type and body of an answer to a panic.
async fn answer<S, R>(service: S, request: Asked) -> (StatusCode, String, String)
where
    S: Service<Asked, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let exact = http_body::Body::size_hint(&body).exact();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(exact, Some(body.len() as u64));
    (head.status, head.headers["content-type"].to_str().unwrap().to_owned(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_panic_is_answered_with_the_request_id() {
    const TEXT: &str = "text/plain; charset=utf-8";
    for in_call in [true, false] {
        let broken = service_fn(move |_: Asked| {
            assert!(!in_call, "canary");
            async move {
                assert!(in_call, "canary");
                Ok::<_, BoxError>(Response::new(full("")))
            }
        });
        let alone = ServiceBuilder::new().layer(catch_panic_layer()).service(broken);
        let (status, kind, text) = answer(alone.clone(), with(&[])).await;
        assert_eq!((status.as_u16(), &kind[..], &text[..]), (500, TEXT, "internal server error\n"));
        let text = answer(alone.clone(), with(&[("x-request-id", "caller-1")])).await.2;
        assert_eq!(text, "internal server error\nrequest id: caller-1\n", "the caller's own, where it is harmless");
        let text = answer(alone.clone(), with(&[("x-request-id", "<script>")])).await.2;
        assert_eq!(text, "internal server error\n");
        let json = [("accept", "application/json, text/plain, */*")];
        let (_, kind, text) = answer(alone, with(&json)).await;
        assert_eq!((&kind[..], &text[..]), ("application/json", "{\"error\":\"internal server error\"}\n"));

        let identified = ServiceBuilder::new().layer(request_id_layer()).layer(catch_panic_layer()).service(broken);
        let text = answer(identified, with(&[("x-request-id", "caller-1"), ("accept", "application/json")])).await.2;
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object, serde_json::json!({ "error": "internal server error", "request_id": "caller-1" }));

        let seen = Observed::new();
        let whole = seen.layer().keep_request_body();
        let observed = ServiceBuilder::new().layer(whole).layer(catch_panic_layer()).service(broken);
        let (status, _, text) = answer(observed, with(&[])).await;
        let record = seen.only_request();
        assert_eq!((status.as_u16(), text), (500, format!("internal server error\nrequest id: {}\n", record.request_id())));
        assert_eq!(record.failure().unwrap().message(), "canary", "the record says what the answer does not");
    }
}
