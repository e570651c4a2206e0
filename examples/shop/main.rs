//! A small shop that feels real: products, orders, checkouts that fail with a chain of errors, slow reports, a panic,
//! uploads, downloads and a stream of events, all recorded by one layer.
//!
//! Run `cargo run --example shop`, then `curl -i 127.0.0.1:3000/products/3`; or let it send itself requests and end:
//! `cargo run --example shop -- --traffic 2000 --exit`. The terminal shows a line for each request, and everything is in
//! the store `.campanile` to be searched. `--help` tells the rest; the `CAMPANILE_*` and `OTEL_*` variables work as ever.

mod api;
mod census;
mod checkout;
mod options;
mod photos;
mod stock;
mod traffic;

use std::future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use campanile::{Env, Telemetry};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::census::Census;
use self::options::Options;
use self::stock::Shop;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => run(options).await,
        Ok(None) => say(options::HELP).map_err(Into::into),
        Err(problem) => Err(anyhow::Error::msg(problem)),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "shop: {error:#}");
    ExitCode::FAILURE
}

async fn run(options: Options) -> anyhow::Result<()> {
    let listen = options.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let addr = listener.local_addr()?;

    let env =
        Env::of_process().or("CAMPANILE_CONSOLE", "pretty").or("CAMPANILE_STORE", ".campanile").or("OTEL_SERVICE_NAME", "shop");
    let census = Census::default();
    let telemetry = campanile::builder().env(env).service_version(env!("CARGO_PKG_VERSION")).exporter(census.clone()).init()?;
    let app = api::router(Shop::open()).layer(telemetry.layer());
    say(&format!("shop: listening on http://{addr}"))?;

    let (done, traffic_is_done) = oneshot::channel();
    if options.traffic > 0 {
        tokio::spawn(send_traffic(addr, options.traffic, telemetry.clone(), census, done));
    }
    let until = async move {
        let exit = async {
            match traffic_is_done.await {
                Ok(()) if options.exit => {}
                _ => future::pending().await,
            }
        };
        tokio::select! {
            () = campanile::shutdown_signal() => {}
            () = exit => {}
        }
    };
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(until).await?;
    say(&format!("shop: {}", telemetry.shutdown().await))?;
    Ok(())
}

async fn send_traffic(addr: SocketAddr, requests: usize, telemetry: Telemetry, census: Census, done: oneshot::Sender<()>) {
    let tally = traffic::send(addr, requests).await;
    // The server learns a little later than the client that a client has left.
    for _ in 0..40 {
        if census.requests() >= tally.sent {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let flushed = telemetry.clone();
    let _ = tokio::task::spawn_blocking(move || flushed.flush(Duration::from_secs(5))).await;
    let _ = say(&tally.summary(census.requests(), &telemetry.stats()));
    let _ = done.send(());
}

/// Prints a line, and gives a closed pipe back as an error.
fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
