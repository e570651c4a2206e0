//! The shortest complete setup: one line for the layer, one to begin, one to end.
//!
//! Run `cargo run --example axum_minimal`, then `curl -i 127.0.0.1:3000/hello/you`: the answer has an `x-request-id`, and
//! the terminal shows a line for the request.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = campanile::init()?;
    let app = Router::new().route("/hello/{name}", get(hello)).layer(telemetry.layer());
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(campanile::shutdown_signal()).await?;
    telemetry.shutdown().await;
    Ok(())
}

async fn hello(Path(name): Path<String>) -> String {
    tracing::info!(name, "greeting");
    format!("hello {name}\n")
}
