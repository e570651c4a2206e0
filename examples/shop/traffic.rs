//! Requests of all kinds, sent over real sockets; the same ones in the same order at every run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use bytes::Bytes;
use campanile::Stats;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const AT_ONCE: usize = 24;
const USERS: [&str; 6] = ["ada", "grace", "edsger", "barbara", "tony", "leslie"];

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    by_status: BTreeMap<u16, u64>,
    /// Requests that the client left on purpose.
    left: u64,
    /// Requests that got no answer although the client waited.
    unanswered: u64,
    failing_request: Option<String>,
    took: Duration,
}

/// Sends `count` requests, a few at a time.
pub(crate) async fn send(addr: SocketAddr, count: usize) -> Tally {
    let start = Instant::now();
    let mut random = fastrand::Rng::with_seed(1913);
    let steps: Vec<_> = (0..count).map(|at| Step::rare(at).unwrap_or_else(|| Step::any(&mut random))).collect();
    let sender = Sender {
        addr,
        client: Client::builder(TokioExecutor::new()).build_http(),
        steps: Arc::new(Mutex::new(steps.into_iter())),
        orders: Arc::default(),
        tally: Arc::default(),
        quarter: (count / 4).max(1) as u64,
    };
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        workers.spawn(sender.clone().work());
    }
    workers.join_all().await;
    let mut tally = std::mem::take(&mut *lock(&sender.tally));
    tally.took = start.elapsed();
    tally
}

#[derive(Clone, Copy, Debug)]
enum Step {
    List,
    Product(u32),
    Order { items: u32, user: &'static str },
    OrderOf(&'static str),
    ReadOrder,
    Checkout { card: &'static str, user: &'static str },
    Upload(u32),
    LeaveUpload(u32),
    Download(u32),
    Health,
    Sales,
    Events,
    LeaveEvents,
    Panic,
    Probe(&'static str),
}

impl Step {
    /// What is too rare to be left to chance.
    const fn rare(at: usize) -> Option<Self> {
        Some(match at % 200 {
            50 => Self::Sales,
            60 => Self::Events,
            75 => Self::LeaveEvents,
            90 => Self::LeaveUpload(4),
            110 => Self::Panic,
            130 => Self::Checkout { card: "card_unreachable", user: "grace" },
            150 => Self::Checkout { card: "card_garbled", user: "tony" },
            170 => Self::Probe("/wp-login.php"),
            180 => Self::Probe("/.env?key=hunter2"),
            _ => return None,
        })
    }

    fn any(random: &mut fastrand::Rng) -> Self {
        let user = random.choice(USERS).unwrap_or("ada");
        let product = random.u32(1..=12);
        match random.u32(0..100) {
            0..26 => Self::List,
            26..50 => Self::Product(product),
            50..51 => Self::Product(product + 400),
            51..65 => Self::Order { items: random.u32(1..4), user },
            65..66 => Self::OrderOf(r#"{"items":[{"product":1}]}"#),
            66..67 => Self::OrderOf(r#"{"items":[{"product":77,"quantity":1}]}"#),
            67..68 => Self::OrderOf(r#"{"items":[{"pro"#),
            68..78 => Self::ReadOrder,
            78..86 => Self::Checkout { card: "card_ok", user },
            86..90 => Self::Upload(product),
            90..94 => Self::Download(product),
            94..95 => Self::Sales,
            _ => Self::Health,
        }
    }
}

#[derive(Clone, Debug)]
struct Sender {
    addr: SocketAddr,
    client: Client<HttpConnector, Body>,
    steps: Arc<Mutex<std::vec::IntoIter<Step>>>,
    /// Orders that are not paid yet.
    orders: Arc<Mutex<Vec<u64>>>,
    tally: Arc<Mutex<Tally>>,
    quarter: u64,
}

enum Answer {
    Status(u16, Option<String>),
    Left,
}

impl Sender {
    async fn work(self) {
        loop {
            let Some(step) = lock(&self.steps).next() else { return };
            let answer = self.take(step).await;
            self.count(answer);
        }
    }

    async fn take(&self, step: Step) -> anyhow::Result<Answer> {
        match step {
            Step::List => self.get("/products?limit=12").await,
            Step::Product(id) => self.get(&format!("/products/{id}")).await,
            Step::Order { items, user } => self.order(items, user).await,
            Step::OrderOf(json) => self.post("/orders", json.to_owned(), "tony").await.map(answered),
            Step::ReadOrder => {
                let id = lock(&self.orders).last().copied().unwrap_or(1);
                self.get(&format!("/orders/{id}")).await
            }
            Step::Checkout { card, user } => {
                let id = lock(&self.orders).pop();
                let Some(id) = id else { return self.order(1, user).await };
                let json = format!(r#"{{"card":"{card}"}}"#);
                self.post(&format!("/orders/{id}/checkout"), json, user).await.map(answered)
            }
            Step::Upload(id) => {
                let chunk = Bytes::from(vec![0xd8; 8192]);
                let chunks = stream::iter((0..4 + id).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
                let request = self.request(Method::PUT, &format!("/products/{id}/photo")).body(Body::from_stream(chunks))?;
                self.send(request).await.map(answered)
            }
            Step::LeaveUpload(id) => self.leave_upload(id).await,
            Step::Download(id) => self.get(&format!("/products/{id}/photo")).await,
            Step::Health => self.get("/healthz").await,
            Step::Sales => self.get("/reports/sales").await,
            Step::Events => self.get("/events?limit=5").await,
            Step::LeaveEvents => {
                let request = self.request(Method::GET, "/events").body(Body::empty())?;
                let mut response = self.client.request(request).await?;
                response.body_mut().frame().await.context("a stream without an end")??;
                Ok(Answer::Left)
            }
            Step::Panic => self.get("/debug/panic").await,
            Step::Probe(path) => self.get(path).await,
        }
    }

    async fn order(&self, items: u32, user: &str) -> anyhow::Result<Answer> {
        let items: Vec<_> = (1..=items).map(|product| serde_json::json!({ "product": product, "quantity": 2 })).collect();
        let json = serde_json::json!({ "items": items }).to_string();
        let response = self.post("/orders", json, user).await?;
        let order: serde_json::Value = serde_json::from_slice(response.body())?;
        let id = order.get("id").and_then(serde_json::Value::as_u64).context("an order has an id")?;
        lock(&self.orders).push(id);
        Ok(answered(response))
    }

    async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.request(Method::GET, path).body(Body::empty())?).await.map(answered)
    }

    async fn post(&self, path: &str, json: String, user: &str) -> anyhow::Result<Response<Bytes>> {
        let request = self.request(Method::POST, path).header("content-type", "application/json").header("x-user", user);
        self.send(request.body(json.into())?).await
    }

    fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let user_agent = concat!("shop-traffic/", env!("CARGO_PKG_VERSION"));
        Request::builder().method(method).uri(format!("http://{}{path}", self.addr)).header("user-agent", user_agent)
    }

    /// Waits for the whole answer.
    async fn send(&self, request: Request<Body>) -> anyhow::Result<Response<Bytes>> {
        let (head, body): (_, Incoming) = self.client.request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }

    /// Says that 100 kB come, sends a few, and goes.
    async fn leave_upload(&self, id: u32) -> anyhow::Result<Answer> {
        let mut socket = TcpStream::connect(self.addr).await?;
        let head = format!("PUT /products/{id}/photo HTTP/1.1\r\nhost: {}\r\ncontent-length: 100000\r\n\r\n", self.addr);
        socket.write_all(head.as_bytes()).await?;
        socket.write_all(&[0xd8; 4000]).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Answer::Left)
    }

    fn count(&self, answer: anyhow::Result<Answer>) {
        let mut tally = lock(&self.tally);
        tally.sent += 1;
        match answer {
            Ok(Answer::Status(status, id)) => {
                *tally.by_status.entry(status).or_default() += 1;
                // A checkout that failed is the most telling.
                if status == 502 {
                    tally.failing_request = tally.failing_request.take().or(id);
                }
            }
            Ok(Answer::Left) => tally.left += 1,
            Err(_) => tally.unanswered += 1,
        }
        if tally.sent.is_multiple_of(self.quarter) {
            let _ = writeln!(std::io::stderr(), "traffic: {} requests sent", tally.sent);
        }
    }
}

fn answered(response: Response<Bytes>) -> Answer {
    let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    Answer::Status(response.status().as_u16(), id.map(str::to_owned))
}

impl Tally {
    /// What came of it, and whether everything arrived everywhere.
    pub(crate) fn summary(&self, recorded: u64, stats: &Stats) -> String {
        let mut text = format!("\ntraffic: {} requests in {:.1?}\n", self.sent, self.took);
        for (status, count) in &self.by_status {
            let _ = writeln!(text, "  {status}         {count:>6}");
        }
        let _ = writeln!(text, "  client left {:>6}", self.left);
        if self.unanswered > 0 {
            let _ = writeln!(text, "  no answer   {:>6}", self.unanswered);
        }
        let verdict = if recorded == self.sent { "all of them" } else { "NOT ALL OF THEM" };
        let _ = writeln!(text, "recorded: {recorded} requests, {verdict}");
        // The console is also given events at once, while their request goes on; so its number is larger.
        // One that carries nothing but metrics is given no records at all.
        let of_records = |exporter: &&campanile::ExporterStats| exporter.offered > 0 || exporter.metrics_delivered == 0;
        for exporter in stats.exporters.iter().filter(of_records) {
            let lost = exporter.offered - exporter.delivered;
            let _ = writeln!(text, "  {:<8} {:>6} records delivered, {lost} lost", exporter.name, exporter.delivered);
        }
        let _ = write!(text, "what failed:        cargo run --features cli --bin campanile -- search 'status>=500'");
        if let Some(id) = &self.failing_request {
            let _ = write!(text, "\na failed checkout:  cargo run --features cli --bin campanile -- show {id}");
        }
        text
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
