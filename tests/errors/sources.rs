//! Everything that can go wrong, each under a name of its own.

use std::error::Error;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{BoxError, Router};
use bytes::Bytes;
use campanile::axum::Reported;
use campanile::{InExchange as _, Telemetry};
use eyre::WrapErr as _;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::{Notify, mpsc};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing::{Instrument as _, Span};

#[derive(Debug, thiserror::Error)]
#[error("{0} cannot be saved")]
struct Save(&'static str, #[source] Room);

#[derive(Debug, thiserror::Error)]
#[error("{0} has no room")]
struct Room(&'static str);

const fn save(name: &'static str) -> Save {
    Save(name, Room(name))
}

impl IntoResponse for Save {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// An extension that nobody puts in.
#[derive(Clone)]
struct Absent;

/// Lets what a request left behind go on once it is over, and waits for the end of that.
#[derive(Clone)]
struct Afterwards {
    may_go_on: Arc<Notify>,
    is_done: mpsc::UnboundedSender<()>,
}

/// Goes through all of them; gives the number of panics.
pub(crate) async fn run(telemetry: &Telemetry) -> usize {
    let (is_done, mut done) = mpsc::unbounded_channel();
    let afterwards = Afterwards { may_go_on: Arc::default(), is_done };
    let app = app(afterwards.clone()).layer(telemetry.layer());
    let paths = [
        "wrapper",
        "thiserror",
        "boxed",
        "anyhow",
        "eyre",
        "rejection",
        "handler",
        "caught",
        "streaming",
        "broken",
        "task",
        "instrumented",
        "answered",
        "blocking",
        "resumed",
        "logged",
        "tolerated",
        "both",
        "status",
        "behind",
        "late",
        "tardy",
    ];
    for path in paths {
        ask(app.clone(), path).await;
    }
    // The service itself fails, which a router never does.
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(async |_: Request<_>| {
        let error: BoxError = save("service").into();
        Err::<http::Response<Body>, _>(error)
    });
    assert!(service.oneshot(request("service")).await.is_err());

    let error = save("outside");
    tracing::error!(error = &error as &dyn Error, "outside of any request");
    assert!(std::thread::spawn(|| panic!("thread panicked")).join().is_err());
    for _ in 0..2 {
        afterwards.may_go_on.notify_one();
        done.recv().await;
    }
    10
}

fn request(path: &str) -> Request<Body> {
    let request = Request::get(format!("/{path}"));
    let request = if matches!(path, "status" | "behind") { request.header("content-type", "application/grpc") } else { request };
    request.body(Body::empty()).unwrap()
}

/// Reads an answer to its end, wherever that is.
async fn ask(app: Router, path: &'static str) {
    let whole = async move {
        let response = app.oneshot(request(path)).await.unwrap();
        response.into_body().collect().await.map(|_| ())
    };
    let _ = AssertUnwindSafe(whole).catch_unwind().await;
}

fn app(afterwards: Afterwards) -> Router {
    let caught = get(async || -> () { panic!("caught panicked") }).layer(tower_http::catch_panic::CatchPanicLayer::new());
    Router::new()
        .route("/wrapper", get(wrapper))
        .route("/thiserror", get(thiserror))
        .route("/boxed", get(boxed))
        .route("/anyhow", get(anyhow))
        .route("/eyre", get(eyre))
        .route("/rejection", get(async |_: Extension<Absent>| ()))
        .route("/handler", get(async || -> () { panic!("handler panicked") }))
        .route("/caught", caught)
        .route("/streaming", get(streaming))
        .route("/broken", get(broken))
        .route("/task", get(task))
        .route("/instrumented", get(instrumented))
        .route("/answered", get(answered))
        .route("/blocking", get(blocking))
        .route("/resumed", get(resumed))
        .route("/logged", get(async || log("logged", StatusCode::INTERNAL_SERVER_ERROR)))
        .route("/tolerated", get(async || log("tolerated", StatusCode::OK)))
        .route("/both", get(both))
        .route("/status", get(async || status("status%20cannot be saved: 100%25 full")))
        .route("/behind", get(behind))
        .route("/late", get(late))
        .route("/tardy", get(tardy))
        .with_state(afterwards)
}

async fn wrapper() -> Result<(), Reported<Save>> {
    Err(save("wrapper"))?;
    Ok(())
}

async fn thiserror() -> StatusCode {
    // By two of those whom it passes.
    campanile::attach(&save("thiserror"));
    campanile::attach(&save("thiserror"));
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn boxed() -> StatusCode {
    let error: Box<dyn Error> = save("boxed").into();
    campanile::attach_dyn(&*error);
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn anyhow() -> StatusCode {
    let error = anyhow::Error::new(save("anyhow")).context("anyhow is not sold");
    answer(&error)
}

async fn eyre() -> StatusCode {
    let error = Err::<(), _>(save("eyre")).wrap_err("eyre is not sold").unwrap_err();
    answer(&error)
}

/// Where all errors of an application become an answer.
fn answer<R>(report: &R) -> StatusCode
where
    R: std::ops::Deref<Target = dyn Error + Send + Sync> + std::fmt::Debug,
{
    campanile::attach_report(report);
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn streaming() -> Body {
    let first = stream::once(async { Ok::<_, BoxError>(Bytes::from_static(b"x")) });
    Body::from_stream(first.chain(stream::once(async { panic!("streaming panicked") })))
}

async fn broken() -> Body {
    let first = stream::once(async { Ok::<_, BoxError>(Bytes::from_static(b"x")) });
    Body::from_stream(first.chain(stream::once(async { Err(save("broken").into()) })))
}

async fn task() -> StatusCode {
    let task = tokio::spawn(async { panic!("task panicked") }.in_exchange());
    assert!(task.await.is_err_and(|error: tokio::task::JoinError| error.is_panic()));
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn instrumented() -> StatusCode {
    let task = tokio::spawn(async { panic!("instrumented panicked") }.instrument(Span::current()));
    let error: Result<(), _> = task.await;
    campanile::attach(&error.unwrap_err());
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Its task panics, and the answer is well all the same.
async fn answered() {
    let task = tokio::spawn(async { panic!("answered panicked") }.instrument(tracing::info_span!("mails", to = 3)));
    let _: Result<(), _> = task.await;
}

async fn blocking() -> StatusCode {
    let request = campanile::current().unwrap();
    let task = tokio::task::spawn_blocking(move || request.run(|| panic!("blocking panicked")));
    let _: Result<(), _> = task.await;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn resumed() {
    let task = tokio::spawn(async { panic!("resumed panicked") }.in_exchange());
    let error: Result<(), _> = task.await;
    resume_unwind(error.unwrap_err().into_panic());
}

fn log(name: &'static str, status: StatusCode) -> StatusCode {
    let error = save(name);
    tracing::error!(error = &error as &dyn Error, "it did not work");
    status
}

async fn both() -> Reported<Save> {
    let error = save("both");
    tracing::error!(error = &error as &dyn Error, "it did not work");
    Reported::from(error)
}

fn status(message: &'static str) -> Response {
    let head = [("content-type", "application/grpc"), ("grpc-status", "13"), ("grpc-message", message)];
    (head, ()).into_response()
}

/// An error that is behind a status.
async fn behind() -> Response {
    campanile::attach(&save("behind"));
    status("it did not work")
}

async fn late(State(afterwards): State<Afterwards>) {
    let task = async move {
        afterwards.may_go_on.notified().await;
        let _done = Done(afterwards.is_done);
        panic!("late panicked");
    };
    drop::<tokio::task::JoinHandle<()>>(tokio::spawn(task.in_exchange()));
}

async fn tardy(State(afterwards): State<Afterwards>) {
    let task = async move {
        afterwards.may_go_on.notified().await;
        let _done = Done(afterwards.is_done);
        campanile::attach(&save("tardy"));
    };
    drop(tokio::spawn(task.in_exchange()));
}

/// Says so when it goes.
struct Done(mpsc::UnboundedSender<()>);

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
