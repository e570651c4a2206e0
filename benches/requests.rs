//! Requests of many kinds to a shop of many routes: what stores are filled with.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{RouterIntoService, get, post};
use campanile::Telemetry;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::runtime::Runtime;
use tower::{Service as _, ServiceExt as _};

/// In so many records of each store, of whatever size.
pub const RARE_WORD: &str = "quetzal";
pub const RARE: usize = 3;
/// Requests between two waits: fewer than an exporter has room for.
const BURST: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends requests through the layer, in process: the same ones every time.
pub struct Requests {
    size: usize,
    made: usize,
    random: Random,
    runtime: Runtime,
    service: RouterIntoService<Body>,
}

/// Sends so many, and waits until all are stored.
pub fn fill(telemetry: &Telemetry, size: usize) {
    let mut requests = Requests::new(telemetry, size);
    for first in (0..size).step_by(BURST) {
        requests.send(BURST.min(size - first));
        assert!(telemetry.flush(PATIENCE), "the flush ended in time");
    }
}

impl Requests {
    /// So many in all.
    pub fn new(telemetry: &Telemetry, size: usize) -> Self {
        let fine = || async { "fine" };
        let app = Router::new()
            .route("/users/{id}", get(fine))
            .route("/users/{id}/orders", get(fine))
            .route("/orders/{id}", get(fine).put(fine))
            .route("/orders/{id}/lines/{line}", get(fine))
            .route("/articles/{name}", get(fine))
            .route("/carts/{id}/items", post(fine))
            .route("/search", get(fine))
            .route("/teapot", get(|| async { StatusCode::IM_A_TEAPOT }))
            .route("/payments", post(failed))
            .route("/health", get(fine))
            .layer(telemetry.layer());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { size, made: 0, random: Random(88), runtime, service: app.into_service() }
    }

    /// Sends the next ones, each to the end of its answer.
    pub fn send(&mut self, count: usize) {
        for _ in 0..count {
            let request = self.request();
            let answer: Result<Response<Body>, Infallible> = self.runtime.block_on(async {
                let service = self.service.ready().await?;
                service.call(request).await
            });
            let body = answer.expect("never fails").into_body();
            self.runtime.block_on(body.collect()).expect("a body");
        }
    }

    fn request(&mut self) -> Request<Body> {
        const AGENTS: [&str; 8] = [
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0",
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
            "shop-android/7.12.1 (okhttp 5.1.0)",
            "curl/8.15.0",
        ];
        const LANGUAGES: [&str; 4] = ["en-GB,en;q=0.9,de;q=0.8", "de-DE,de;q=0.9", "fr-FR,fr;q=0.8,en;q=0.5", "en-US"];
        let index = self.made;
        self.made += 1;
        let random = &mut self.random;
        let (id, other) = (random.below(5_000_000), random.below(100_000));
        let every = (self.size / RARE).max(1);
        let rare = index % every == every / 2;
        let (method, path) = match random.below(100) {
            _ if rare => (Method::GET, format!("/articles/{RARE_WORD}")),
            _ if index % every == every / 3 => (Method::GET, "/teapot".to_owned()),
            0 => (Method::POST, "/payments".to_owned()),
            1..25 => (Method::GET, format!("/users/{id}")),
            25..35 => (Method::GET, format!("/users/{id}/orders")),
            35..60 => (Method::GET, format!("/orders/{id}")),
            60..65 => (Method::PUT, format!("/orders/{id}")),
            65..75 => (Method::GET, format!("/orders/{id}/lines/{}", other % 20)),
            75..85 => (Method::GET, format!("/articles/blue-shoes-{other}")),
            85..92 => (Method::POST, format!("/carts/{id}/items")),
            92..98 => (Method::GET, format!("/search?q=shoes&page={}", other % 50)),
            _ => (Method::GET, "/health".to_owned()),
        };
        let ip = random.next();
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "shop.example")
            .header("user-agent", AGENTS[random.below(8) as usize])
            .header("accept", "application/json, text/html;q=0.9, */*;q=0.8")
            .header("accept-language", LANGUAGES[random.below(4) as usize])
            .header("accept-encoding", "gzip, deflate, br, zstd")
            .header("cache-control", "no-cache")
            .header("x-forwarded-for", format!("203.{}.{}.{}, 198.51.100.17", ip & 0xff, ip >> 8 & 0xff, ip >> 16 & 0xff))
            .header("x-forwarded-proto", "https")
            .header("cookie", format!("session={:016x}; theme=dark", random.next()))
            .header("traceparent", format!("00-{:016x}{:016x}-{:016x}-01", random.next() | 1, random.next(), random.next() | 1))
            .body(Body::empty())
            .expect("a request")
    }
}

async fn failed() -> (StatusCode, &'static str) {
    (StatusCode::INTERNAL_SERVER_ERROR, "the payment provider did not answer")
}

/// SplitMix64: the same records every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
