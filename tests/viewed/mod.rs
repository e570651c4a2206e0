//! A store with something in it, its page on a free port, and a client that says exactly what it is told to.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use campanile::Telemetry;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use campanile::viewer::{Server, Viewer};
use http::{Request, Response};
use http_body_util::Full;
use tempfile::TempDir;
use tower::{Layer as _, ServiceExt as _};

/// How long a test waits for something that has to happen, before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A telemetry that writes to this directory and to nothing else.
pub(crate) fn writer(directory: &Path) -> Telemetry {
    let store = Store::open(Settings::new(directory)).unwrap();
    campanile::builder().service_name("shop").exporter(StoreExporter::new(store)).build().unwrap()
}

/// Sends a request through the layer; one below `/fail/` is answered with the status behind that.
pub(crate) fn send(telemetry: &Telemetry, request: Request<Full<Bytes>>, act: impl Fn() + Clone + Send + Sync + 'static) {
    let answer = move |request: Request<_>| {
        let status = request.uri().path().strip_prefix("/fail/").map_or(200, |status| status.parse().unwrap());
        act();
        let _ = request;
        async move { Ok::<_, Infallible>(Response::builder().status(status).body(Full::new(Bytes::from_static(b"answer"))).unwrap()) }
    };
    let service = telemetry.layer().layer(tower::service_fn(answer));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sent = tracing::subscriber::with_default(telemetry.subscriber(), || {
        runtime.block_on(async {
            let response = service.oneshot(request).await.unwrap();
            http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes()
        })
    });
    assert_eq!(sent, "answer");
}

pub(crate) fn get(target: &str) -> Request<Full<Bytes>> {
    Request::builder().uri(target).body(Full::default()).unwrap()
}

/// The page of a store.
pub(crate) struct Viewed {
    pub(crate) directory: TempDir,
    pub(crate) server: Server,
}

impl Viewed {
    /// Of a store that this has written.
    pub(crate) fn of(write: impl FnOnce(&Telemetry)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let telemetry = writer(directory.path());
        write(&telemetry);
        assert!(telemetry.flush(PATIENCE));
        telemetry.shutdown_blocking(PATIENCE);
        let server = Viewer::of_store(directory.path()).serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        Self { directory, server }
    }

    pub(crate) fn client(&self) -> Client {
        Client::of(&self.server.url())
    }
}

/// Knows the token.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Client {
    pub(crate) fn of(url: &str) -> Self {
        let (address, token) = url.strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
        Self { address: address.parse().unwrap(), token: token.to_owned() }
    }

    pub(crate) fn cookie(&self) -> String {
        format!("campanile_{}_token={}", self.address.port(), self.token)
    }

    /// Asks as an open page does.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask(&format!("GET {target} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n", self.address, self.cookie()), "")
    }

    pub(crate) fn json(&self, target: &str) -> serde_json::Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// A head without its end, and a body.
    pub(crate) fn ask(&self, head: &str, body: &str) -> Answer {
        self.try_ask(head, body).expect("an answer")
    }

    /// `None` where the connection was closed without one.
    pub(crate) fn try_ask(&self, head: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        stream.write_all(format!("{head}{length}connection: close\r\n\r\n{body}").as_bytes()).ok()?;
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        Answer::read(&all)
    }
}

/// What a page names of script and style, below where it stands.
pub(crate) fn assets(page: &str) -> Vec<String> {
    let named = page
        .split('"')
        .filter_map(|text| text.split_once("assets/"))
        .filter(|(before, _)| before.chars().all(|c| "./".contains(c)));
    let mut all: Vec<_> = named.map(|(_, name)| format!("assets/{name}")).collect();
    all.sort();
    all.dedup();
    assert!(!all.is_empty(), "{page}");
    all
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(all: &[u8]) -> Option<Self> {
        let end = all.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&all[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Some(Self { status, headers: headers.collect(), body: all[end + 4..].to_vec() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
