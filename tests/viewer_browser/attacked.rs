//! An application to which everything was sent that other viewers of requests fell for, in its own process.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response};
use axum::routing::any;
use campanile::viewer::{Server, Viewer};
use tempfile::TempDir;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::driver::Looked;

const ATTACKS: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)><svg onload=alert(1)>",
    "@import url(//evil.invalid)",
    "<style>*{display:none}</style>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "javascript:alert(1)",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31m",
    "\u{202e}gnp.exe\u{202c}\u{200b}\u{feff}",
    "</script><script>alert(1)</script>",
    "<iframe src=//evil.invalid></iframe>",
    "<link rel=stylesheet href=//evil.invalid/x.css>",
];

pub(crate) struct Attacked {
    page: String,
    _server: Server,
    _directory: TempDir,
}

impl Looked for Attacked {
    fn page(&self) -> &str {
        &self.page
    }

    fn application(&self) -> &'static str {
        ""
    }
}

/// Records all of it and serves the page of its store.
pub(crate) fn start() -> Attacked {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(attack(&store));
    let server = Viewer::of_store(&store).serve(([127, 0, 0, 1], 0).into()).unwrap();
    Attacked { page: server.url(), _server: server, _directory: directory }
}

async fn attack(store: &std::path::Path) {
    let env = campanile::Env::from_iter([
        ("CAMPANILE_STORE", store.to_str().unwrap()),
        ("CAMPANILE_CONSOLE", "off"),
        ("CAMPANILE_BODIES", "on"),
        ("CAMPANILE_VIEWER", "off"),
    ]);
    let telemetry = campanile::builder().env(env).build().unwrap();
    let app = Router::new().route("/attack/{n}", any(answer)).route("/heavy", any(heavy)).layer(telemetry.layer());
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::Registry::default().with(telemetry.tracing_layer()));
    for (n, attack) in ATTACKS.iter().enumerate() {
        let path = format!("/attack/{n}?q={}", percent(attack));
        let request = Request::builder()
            .uri(path)
            .method("POST")
            .header("content-type", "text/html")
            .header("user-agent", header(attack))
            .header("accept", header(attack))
            .body(Body::from(*attack))
            .unwrap();
        let _ = app.clone().oneshot(request).await.unwrap();
    }
    let request = Request::builder().uri("/heavy").body(Body::empty()).unwrap();
    let _ = app.oneshot(request).await.unwrap();
    telemetry.shutdown().await;
}

async fn answer(Path(n): Path<usize>, request: Request<Body>) -> Response<Body> {
    let attack = ATTACKS[n];
    drop(axum::body::to_bytes(request.into_body(), usize::MAX).await);
    let span = tracing::info_span!("inside", text = attack);
    span.in_scope(|| tracing::error!(field = attack, "{attack}"));
    campanile::set("shop.note", attack);
    campanile::set("user.id", attack);
    campanile::attach(&std::io::Error::other(attack));
    Response::builder().status(500).header("content-type", "text/html").body(Body::from(attack)).unwrap()
}

async fn heavy() -> &'static str {
    tracing::error!("{}", "<b>".repeat(100_000));
    "done"
}

/// What a header may carry of it.
fn header(text: &str) -> String {
    text.chars().filter(|char| (' '..='~').contains(char)).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
