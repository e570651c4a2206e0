//! Plain hyper, without a framework: the layer around one function, through `tower::ServiceBuilder`.
//!
//! Run `cargo run --example hyper_plain`, then `curl -i '127.0.0.1:3000/hello?name=you'`: the terminal shows a line for
//! the request, with the path in place of a route. Ctrl-C ends it, and the last line says what was delivered.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use campanile::Telemetry;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = campanile::init()?;
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let open = GracefulShutdown::new();
    let mut signal = std::pin::pin!(campanile::shutdown_signal());
    loop {
        tokio::select! {
            Ok((socket, peer)) = listener.accept() => serve(socket, peer, &telemetry, &open),
            () = &mut signal => break,
        }
    }
    // Connections finish what they are at.
    open.shutdown().await;
    writeln!(std::io::stdout(), "{}", telemetry.shutdown().await)?;
    Ok(())
}

fn serve(socket: TcpStream, peer: SocketAddr, telemetry: &Telemetry, open: &GracefulShutdown) {
    let service = ServiceBuilder::new()
        // Outside of the layer, for it to find the peer's address.
        .map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(peer);
            request
        })
        .layer(telemetry.layer())
        .service_fn(answer);
    let server = auto::Builder::new(TokioExecutor::new());
    let connection = server.serve_connection(TokioIo::new(socket), TowerToHyperService::new(service)).into_owned();
    let connection = open.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%peer, error, "connection ended");
        }
    });
}

async fn answer<B: Body>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::default();
    if request.uri().path() == "/hello" {
        let name = request.uri().query().and_then(|query| query.strip_prefix("name=")).unwrap_or("stranger");
        tracing::info!(name, "greeting");
        campanile::set("greeted", name);
        *response.body_mut() = Full::from(format!("hello {name}\n"));
    } else {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}
