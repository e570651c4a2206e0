//! What nobody wants to read about is told in fewer words, or not at all, unless it fails; and it is always counted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::record::{Outcome, Reason};
use campanile::{Builder, Env};
use http::{Request, Response};
use support::{BoxBody, BoxError, Observed, balance, full, raw, serve};
use tower::ServiceBuilder;

/// `/fail` fails, `/error` puts an error on its record; everything else is well.
async fn service<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let status = if request.uri().path() == "/fail" { 503 } else { 200 };
    if request.uri().path() == "/error" {
        campanile::attach(&io::Error::other("the cache is cold"));
    }
    Ok(Response::builder().status(status).body(full("")).unwrap())
}

async fn ask(seen: &Observed, requests: &[(&str, &str)]) {
    let server = serve(ServiceBuilder::new().layer(seen.layer()).service_fn(service)).await;
    for (path, user_agent) in requests {
        raw(&server, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nuser-agent: {user_agent}\r\n\r\n")).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn health_checkers_are_known_by_what_they_call_themselves() {
    for (user_agent, probe) in [
        ("kube-probe/1.31", Some("kube-probe")),
        ("ELB-HealthChecker/2.0", Some("ELB-HealthChecker")),
        ("GoogleHC/1.0", Some("GoogleHC")),
        ("Envoy/HC", Some("Envoy/HC")),
        ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", Some("Pingdom")),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36", None),
    ] {
        let seen = Observed::new();
        ask(&seen, &[("/healthz", user_agent)]).await;
        let record = seen.only_request();
        assert_eq!((record.probe(), record.user_agent()), (probe, Some(user_agent)));
        let mut line = String::new();
        campanile::exporter::Schema::Otel.write_line(&mut line, &record, &campanile::record::Resource::default());
        assert_eq!(line.contains("\"campanile.probe\""), probe.is_some(), "{line}");
    }
}

#[tokio::test]
async fn quiet_routes_are_counted_and_not_told() {
    let seen = Observed::with(|builder| builder.quiet_routes(["/healthz", "/assets/*"]));
    ask(&seen, &[("/healthz", "a"), ("/orders", "a"), ("/assets/app.css", "a"), ("/healthz/deep", "a")]).await;
    let records = seen.requests();
    let paths: Vec<_> = records.iter().map(|record| record.path()).collect();
    assert_eq!(paths, ["/orders", "/healthz/deep"]);
    let sequences: Vec<_> = records.iter().map(|record| record.sequence()).collect();
    assert_eq!(sequences, [1, 2], "what is not told leaves no gap");
    let stats = seen.telemetry.stats();
    assert_eq!((stats.offered, stats.forwarded, stats.dropped.of(Reason::Quiet)), (4, 2, 2));
    assert_eq!(stats.memory_bytes, 0);
    let report = seen.telemetry.shutdown_blocking(Duration::from_secs(60));
    balance(&report.stats);
    assert_eq!(report.lost(), 0, "a decision is no loss: {report}");
    assert!(report.to_string().contains("quiet 2"), "{report}");
}

#[tokio::test]
async fn what_failed_on_a_quiet_route_is_told() {
    let seen = Observed::with(|builder| builder.quiet_routes(["/*"]).quiet(|_| true));
    ask(&seen, &[("/fail", "kube-probe/1.31"), ("/healthz", "kube-probe/1.31"), ("/error", "a")]).await;
    let records = seen.requests();
    let seen_as: Vec<_> = records.iter().map(|record| (record.path(), record.status(), record.outcome())).collect();
    assert_eq!(seen_as.len(), 2, "{seen_as:?}");
    assert!(seen_as.contains(&("/fail", Some(503), Outcome::Answered)), "{seen_as:?}");
    assert!(seen_as.contains(&("/error", Some(200), Outcome::Answered)), "{seen_as:?}");
    assert_eq!(seen.telemetry.stats().dropped.of(Reason::Quiet), 1);
}

#[tokio::test]
async fn a_predicate_sees_the_redacted_record_and_its_panic_costs_nothing() {
    let queries = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&queries);
    let seen = Observed::with(|builder| {
        builder
            .quiet(move |record| {
                kept.lock().unwrap().extend(record.query().map(str::to_owned));
                record.probe() == Some("kube-probe")
            })
            .quiet(|record| record.path() == "/panic" && panic!("in a predicate"))
    });
    ask(&seen, &[("/?token=canary", "a"), ("/", "kube-probe/1.31"), ("/panic", "a"), ("/panic", "a"), ("/", "kube-probe/1.31")])
        .await;
    let paths: Vec<_> = seen.requests().iter().map(|record| record.path().to_owned()).collect();
    assert_eq!(paths, ["/", "/panic", "/panic"]);
    assert_eq!(seen.telemetry.stats().dropped.of(Reason::Quiet), 2);
    assert_eq!(*queries.lock().unwrap(), ["token=REDACTED"]);
}

#[tokio::test]
async fn the_environment_names_quiet_routes_and_the_code_wins() {
    let env: Env = [("CAMPANILE_QUIET_ROUTES", "/healthz, /ready"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")]
        .into_iter()
        .collect();
    let told = async |change: fn(Builder) -> Builder| {
        let seen = Observed::with(|builder| change(builder.env(env.clone())));
        ask(&seen, &[("/healthz", "a"), ("/ready", "a"), ("/orders", "a")]).await;
        seen.requests().iter().map(|record| record.path().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(|builder| builder).await, ["/orders"]);
    assert_eq!(told(|builder| builder.quiet_routes(["/orders"])).await, ["/healthz", "/ready"]);
}

/// On a terminal.
#[cfg(feature = "console")]
mod on_a_console {
    use std::io::Write;

    use super::*;

    /// A terminal whose text can be read.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn probes_are_one_line_on_the_console_and_none_is_lost_at_shutdown() {
        let screen = Screen::default();
        let seen = Observed::with(|builder| builder.exporter(campanile::exporter::Console::new(screen.clone()).utc()));
        let mut requests = vec![("/healthz", "kube-probe/1.31"); 12];
        requests.extend([("/orders", "a"), ("/fail", "kube-probe/1.31")]);
        ask(&seen, &requests).await;
        let report = seen.telemetry.shutdown_blocking(Duration::from_secs(60));
        balance(&report.stats);
        let text = screen.text();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().any(|line| line.contains("·       200      12x  /healthz  (kube-probe)  p99 ")), "{text}");
        assert!(text.lines().any(|line| line.contains("503") && line.contains("/fail")), "{text}");
        assert_eq!(seen.memory.records().len(), 14, "the other exporters have every one");
        assert!(report.stats.exporters.iter().all(|exporter| exporter.delivered == 14), "{report}");
    }
}
