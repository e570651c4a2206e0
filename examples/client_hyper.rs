//! Outgoing requests with hyper's client: one layer around it, and each is a span of the request that it is made for.
//!
//! Run `cargo run --example client_hyper`, then `curl -i 127.0.0.1:3000/price/7`: that asks the same service for
//! `/items/7` and `/discounts/7`, of which there are none. The terminal shows all three requests, in one trace and with one
//! request id; `campanile show` of the first has the calls with their statuses and times.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use campanile::{ObserveClient, UrlTemplate};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt as _};

type Calls = ObserveClient<Client<HttpConnector, Full<Bytes>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = campanile::init()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let calls: Calls = ServiceBuilder::new().layer(telemetry.client_layer()).service(client);
    let app = Router::new()
        .route("/price/{item}", get(price))
        .route("/items/{item}", get(|Path(item): Path<u32>| async move { format!("{}", 100 + item) }))
        .with_state(calls)
        .layer(telemetry.layer());
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(campanile::shutdown_signal()).await?;
    telemetry.shutdown().await;
    Ok(())
}

async fn price(State(calls): State<Calls>, Path(item): Path<u32>) -> Result<String, Unavailable> {
    let (status, price) = ask(&calls, "/items", item).await?;
    if status != StatusCode::OK {
        return Err(Unavailable(anyhow::anyhow!("no price: {status}")));
    }
    let (status, discount) = ask(&calls, "/discounts", item).await?;
    let discount = if status == StatusCode::OK { discount } else { "nothing".to_owned() };
    Ok(format!("{price}, and {discount} off\n"))
}

async fn ask(calls: &Calls, of: &str, item: u32) -> Result<(StatusCode, String), Unavailable> {
    let uri = format!("http://127.0.0.1:3000{of}/{item}");
    // The template names the span; without it that is `GET`.
    let template = if of == "/items" { UrlTemplate("/items/{item}") } else { UrlTemplate("/discounts/{item}") };
    let request = Request::get(uri).extension(template).body(Full::default()).map_err(anyhow::Error::from)?;
    let response = calls.clone().oneshot(request).await.map_err(anyhow::Error::from)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(anyhow::Error::from)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Somebody else did not answer.
struct Unavailable(anyhow::Error);

impl From<anyhow::Error> for Unavailable {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> axum::response::Response {
        campanile::attach_dyn(self.0.as_ref());
        (StatusCode::BAD_GATEWAY, "not available\n").into_response()
    }
}
