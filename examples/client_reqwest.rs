//! Outgoing requests with reqwest: its client is a Tower service of a request type of its own, so two lines stand between.
//!
//! Run `cargo run --example client_reqwest`: it asks a server that it starts itself, once without success, and prints a
//! JSON line for every request that arrives, each in the trace of its call.

use std::io::Write as _;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use campanile::exporter::Json;
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt as _};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let telemetry = campanile::builder().exporter(Json::stdout()).build()?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/found", get(|| async { "here it is\n" })).layer(telemetry.layer());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = ServiceBuilder::new()
        .layer(telemetry.client_layer())
        // From reqwest's response to that of `http`, and from a request of `http` to reqwest's.
        .map_response(http::Response::<reqwest::Body>::from)
        .filter(|request: http::Request<reqwest::Body>| reqwest::Request::try_from(request))
        .service(reqwest::Client::new());

    for path in ["found", "missing"] {
        let request = http::Request::get(format!("http://{address}/{path}")).body(reqwest::Body::default())?;
        let response = client.clone().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == StatusCode::OK {
            std::io::stdout().write_all(&body)?;
        }
    }
    telemetry.shutdown().await;
    Ok(())
}
