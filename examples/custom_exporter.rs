//! An exporter of your own: counts requests by route, and prints a table when it is flushed.
//!
//! Run `cargo run --example custom_exporter`: it sends a few requests through the layer, without a socket, and shows
//! the table with requests, failures and the slowest for each route.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::record::Kind;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// What is known of each method and route.
#[derive(Debug, Default)]
struct RouteTable {
    routes: BTreeMap<String, Row>,
    lost: u64,
}

#[derive(Debug, Default)]
struct Row {
    requests: u64,
    failed: u64,
    slowest: Duration,
}

impl Exporter for RouteTable {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        // What did not fit into the queue is told with the next batch.
        self.lost += batch.lost_before().total();
        for record in batch.records().filter(|record| record.kind() == Kind::Request) {
            // Never the path of an unknown route: anyone can invent as many as they like.
            let route = format!("{} {}", record.method(), record.route().unwrap_or("(none)"));
            let row = self.routes.entry(route).or_default();
            row.requests += 1;
            row.failed += u64::from(record.is_failed());
            row.slowest = row.slowest.max(Duration::from_nanos(record.duration_ns()));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{:<24} {:>8} {:>7} {:>10}", "route", "requests", "failed", "slowest");
        for (route, row) in &self.routes {
            let _ = writeln!(out, "{route:<24} {:>8} {:>7} {:>10.1?}", row.requests, row.failed, row.slowest);
        }
        if self.lost > 0 {
            let _ = writeln!(out, "{} records are missing", self.lost);
        }
        Ok(())
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("routes")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `build` touches nothing global; the exporter needs no events.
    let telemetry = campanile::builder().exporter(RouteTable::default()).build()?;
    let app = Router::new().route("/", get(async || "welcome\n")).route("/square/{number}", get(square)).layer(telemetry.layer());
    for path in ["/", "/square/7", "/square/9", "/square/-1", "/admin.php"] {
        let response = app.clone().oneshot(Request::get(path).body(Body::empty())?).await?;
        // A request is over when its answer has been read.
        response.into_body().collect().await?;
    }
    writeln!(std::io::stdout(), "{}", telemetry.shutdown().await)?;
    Ok(())
}

async fn square(Path(number): Path<i64>) -> Result<String, StatusCode> {
    let number = u64::try_from(number).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    tokio::time::sleep(Duration::from_millis(number)).await;
    Ok(format!("{}\n", number * number))
}
