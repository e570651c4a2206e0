//! A trace that goes from service to service: posts what it is told to where it is told, each through the client layer.
//!
//! Run `cargo run --example propagate`, then let it call itself:
//! `curl -i 127.0.0.1:3000/test -d '[{"url": "http://127.0.0.1:3000/test", "arguments": []}]'`. The terminal shows two
//! requests; `campanile show` of either has the trace that both share, and of the outer one the call as a span.
//!
//! It does what the test suite of W3C Trace Context asks of a service: give that `http://127.0.0.1:3000/test` for the service
//! endpoint. Ctrl-C ends it, and the last line says what was delivered.

mod service;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::net::TcpListener;

const HELP: &str = "\
Usage: propagate [--listen ADDR]

  --listen ADDR   where to listen; port 0 takes a free one [127.0.0.1:3000]
  --help          this text";

#[tokio::main]
async fn main() -> ExitCode {
    let result = match listen(std::env::args().skip(1)) {
        Ok(Some(listen)) => run(listen).await,
        Ok(None) => say(HELP).map_err(Into::into),
        Err(problem) => Err(problem),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    let _ = writeln!(std::io::stderr(), "propagate: {error:#}");
    ExitCode::FAILURE
}

/// Where to listen; `None` when help is asked for.
fn listen(mut args: impl Iterator<Item = String>) -> anyhow::Result<Option<SocketAddr>> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 3000));
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--listen" => {
                let text = args.next().context("--listen needs an address such as 127.0.0.1:3000")?;
                listen = text.parse().with_context(|| format!("{text:?} is not an address such as 127.0.0.1:3000"))?;
            }
            "--help" | "-h" => return Ok(None),
            _ => anyhow::bail!("there is no {arg}; see --help"),
        }
    }
    Ok(Some(listen))
}

async fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let telemetry = campanile::init()?;
    let app = service::router(&telemetry).into_make_service_with_connect_info::<SocketAddr>();
    say(&format!("propagate: listening on http://{address}"))?;
    axum::serve(listener, app).with_graceful_shutdown(campanile::shutdown_signal()).await?;
    say(&format!("propagate: {}", telemetry.shutdown().await))?;
    Ok(())
}

/// Prints a line, and gives a closed pipe back as an error.
fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
