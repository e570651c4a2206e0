//! Traces, logs and metrics to an OpenTelemetry collector, set up in code.
//!
//! Run `cargo run --example otlp` with a collector at `http://127.0.0.1:4318`, or `cargo run --example otlp -- URL`. It
//! sends itself one request, prints the trace's id and ends: the collector shows a trace of two spans with its log
//! records and the request's duration among the metrics, and the last line here says what was delivered. Without a
//! collector that line says what was lost, after the retries that fit into 5 s.
//!
//! The same without code: `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318` and `campanile::init()`.

use std::io::Write as _;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use campanile::Handle;
use campanile::otlp::{Compression, Otlp};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:4318".to_owned());
    let otlp = || Otlp::new(endpoint.as_str()).compression(Compression::Gzip).timeout(Duration::from_secs(3));
    let builder = campanile::builder().service_name("otlp-example");
    let telemetry = builder.exporter(otlp().traces()?).exporter(otlp().logs()?).exporter(otlp().metrics()?).init()?;

    let app = Router::new().route("/tea/{kind}", get(tea)).layer(telemetry.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/tea/oolong", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, app).into_future());

    let client = Client::builder(TokioExecutor::new()).build_http::<String>();
    let response = client.get(url.parse()?).await?;
    std::io::stdout().write_all(&response.into_body().collect().await?.to_bytes())?;

    writeln!(std::io::stdout(), "{}", telemetry.shutdown().await)?;
    Ok(())
}

async fn tea(request: Handle) -> String {
    brew().await;
    format!("a cup of tea; look for trace {}\n", request.trace_id())
}

#[tracing::instrument]
async fn brew() {
    tracing::info!(minutes = 3, "brewing");
    tokio::time::sleep(Duration::from_millis(30)).await;
}
