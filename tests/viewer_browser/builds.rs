//! A store that two builds of an application wrote, the second of which still runs.

use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use campanile::Telemetry;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use campanile::viewer::{Server, Viewer};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::driver::Looked;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Builds {
    page: String,
    _server: Server,
    /// Lets the request end that is running.
    _end: oneshot::Sender<()>,
    second: Telemetry,
    _directory: TempDir,
}

impl Drop for Builds {
    fn drop(&mut self) {
        // Before its directory goes.
        self.second.shutdown_blocking(PATIENCE);
    }
}

impl Looked for Builds {
    fn page(&self) -> &str {
        &self.page
    }

    fn application(&self) -> &'static str {
        ""
    }
}

/// The first build answers well, the second fails, leaves work behind, and has a request that hangs.
pub(crate) fn start() -> Builds {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let build = |release: &str| {
        let store = Store::open(Settings::new(&store)).unwrap();
        let builder = campanile::builder().service_name("shop").service_version(release).exporter(StoreExporter::new(store));
        builder.build().unwrap()
    };
    let first = build("1.4.1");
    ask(&first, get(|| async { "well" }), "/orders/7");
    first.shutdown_blocking(PATIENCE);

    let second = build("1.4.2");
    let failing = get(|| async {
        let request = campanile::current().unwrap();
        let work = move || {
            // Whoever waits for the answer has it by then.
            request.run(|| tracing::info_span!("send", to = "<b>ada</b>").in_scope(|| tracing::info!("mail is out")));
        };
        LATER.with(|later| later.set(Some(Box::new(work))));
        (StatusCode::INTERNAL_SERVER_ERROR, "badly")
    });
    ask(&second, failing, "/orders/9");
    let (end, ended) = oneshot::channel();
    hang(second.clone(), ended);
    let server = Viewer::of_store(&store).serve(([127, 0, 0, 1], 0).into()).unwrap();
    Builds { page: server.url(), _server: server, _end: end, second, _directory: directory }
}

type Work = Box<dyn FnOnce()>;

thread_local! {
    static LATER: std::cell::Cell<Option<Work>> = const { std::cell::Cell::new(None) };
}

fn ask(telemetry: &Telemetry, method: axum::routing::MethodRouter, path: &str) {
    let app = Router::new().route("/orders/{id}", method).layer(telemetry.layer());
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let request = Request::get(path).header("host", "127.0.0.1:9").body(Body::empty()).unwrap();
            drop(app.oneshot(request).await.unwrap().into_body().collect().await.unwrap());
        });
        if let Some(work) = LATER.with(std::cell::Cell::take) {
            work();
        }
    });
    assert!(telemetry.flush(PATIENCE));
}

/// A request that runs until it is told to end.
fn hang(telemetry: Telemetry, end: oneshot::Receiver<()>) {
    thread::spawn(move || {
        let app = Router::new().route("/hangs", get(std::future::pending::<&str>)).layer(telemetry.layer());
        let request = Request::get("/hangs").body(Body::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(runtime.block_on(futures_util::future::select(Box::pin(app.oneshot(request)), end)));
    });
}
