//! `campanile replay` sends a request again, tells what changed, and does no harm without being told to.
#![cfg(all(feature = "cli", feature = "axum"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test needs around it may fail as loudly as the test"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::any;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use campanile::{Bodies, Telemetry};
use http_body_util::{BodyExt as _, Full};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConnection, StreamOwned};
use tokio::runtime::Runtime;

/// An application with a store, which counts what it is sent and answers something else each time.
struct Shop {
    directory: tempfile::TempDir,
    port: u16,
    count: Arc<AtomicUsize>,
    telemetry: Telemetry,
    runtime: Runtime,
}

fn answer(number: usize, body: &str) -> axum::response::Response {
    let json = [("content-type", "application/json")];
    match number {
        0 => (StatusCode::BAD_GATEWAY, json, format!(r#"{{"error":"no stock","of":{body:?}}}"#)).into_response(),
        _ => (json, [("vary", "accept")], format!(r#"{{"error":null,"of":{body:?},"text":"\u001b[2J\u202e"}}"#)).into_response(),
    }
}

impl Shop {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(Settings::new(directory.path())).unwrap();
        let exporter = StoreExporter::new(store);
        let telemetry = campanile::builder().capture_bodies(Bodies::on()).exporter(exporter).build().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&count);
        let handler = move |body: Bytes| {
            let number = counting.fetch_add(1, Ordering::SeqCst);
            async move { answer(number, std::str::from_utf8(&body).unwrap()) }
        };
        let app = Router::new().route("/orders/{id}", any(handler)).layer(telemetry.layer());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { directory, port, count, telemetry, runtime }
    }

    /// Sends one request and waits until it is stored.
    fn send(&self, method: &str, id: &str) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}/orders/17?lang=de", self.port))
            .header("content-type", "text/plain")
            .header("authorization", "Bearer canary")
            .header("x-request-id", id)
            .body(Full::new(Bytes::from("blue shoes")))
            .unwrap();
        self.runtime.block_on(async {
            let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
            client.request(request).await.unwrap().into_body().collect().await.unwrap();
        });
        assert!(self.telemetry.flush(Duration::from_secs(60)));
    }

    fn replay(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
        command.args(["replay", "--store"]).arg(self.directory.path()).args(arguments).stdin(Stdio::null());
        command.output().unwrap()
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_changed_in_the_answer_is_shown_and_where_to_look() {
    let shop = Shop::new();
    shop.send("POST", "the-one");
    let done = shop.replay(&["the-one"]);
    let (shown, said) = (text(&done.stdout), text(&done.stderr));
    assert!(done.status.success(), "{shown}{said}");
    assert_eq!(shop.count(), 2);
    assert!(shown.starts_with(&format!("POST http://127.0.0.1:{}/orders/17 again\n\n", shop.port)), "{shown}");
    for part in ["status    502 -> 200\n", "vary  new: accept\n", "$.error  \"no stock\" -> null\n", "campanile show "] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.contains("$.text  new: ") && !shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    assert!(said.contains("authorization") && !said.contains("canary"), "{said}");

    // The id that is shown is that of the new one, and it is in the store.
    let id = shown.rsplit("campanile show ").next().unwrap().trim();
    let found = Command::new(env!("CARGO_BIN_EXE_campanile"))
        .args(["show", id, "--json", "--store"])
        .arg(shop.directory.path())
        .output()
        .unwrap();
    let record: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(record["http.response.status_code"], 200, "{record}");
    assert_ne!(record["campanile.request.id"], "the-one");
}

#[test]
fn programs_are_told_all_of_it() {
    let shop = Shop::new();
    shop.send("GET", "the-one");
    let done = shop.replay(&["the-one", "--json", "-H", "x-note: new", "--url", &format!("http://localhost:{}/", shop.port)]);
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(told["status"], serde_json::json!([502, 200]), "{told}");
    assert_eq!(told["same"], false);
    assert_eq!(told["url"], format!("http://localhost:{}/orders/17?lang=de", shop.port));
    assert_eq!(told["body"]["values"][0], serde_json::json!({"place": "$.error", "before": "\"no stock\"", "after": "null"}));
    assert_eq!(text(&done.stdout).lines().count(), 1);
}

#[test]
fn what_may_change_something_elsewhere_is_sent_only_to_whoever_agrees() {
    let shop = Shop::new();
    shop.send("DELETE", "delete");
    shop.send("GET", "the-get");
    // This address is not one of this machine's own, and yet leads here.
    let elsewhere = format!("http://0.0.0.0:{}", shop.port);
    let done = shop.replay(&["delete", "--url", &elsewhere]);
    assert_eq!((done.status.code(), shop.count()), (Some(2), 2), "{done:?}");
    assert!(text(&done.stderr).contains("--yes"), "{done:?}");
    assert!(shop.replay(&["delete", "--url", &elsewhere, "--yes"]).status.success());
    assert!(shop.replay(&["the-get", "--url", &elsewhere]).status.success());
    assert_eq!(shop.count(), 4);
}

#[test]
fn without_an_answer_it_fails_and_says_why() {
    let shop = Shop::new();
    shop.send("GET", "the-one");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let done = shop.replay(&["the-one", "--url", &nobody]);
    assert_eq!(done.status.code(), Some(7), "{done:?}");
    assert!(text(&done.stderr).contains("no answer"), "{done:?}");
    for wrong in
        [["the-one", "--url", "nonsense"], ["the-one", "--header", "content-length: 3"], ["the-one", "--header", "no-colon"]]
    {
        assert_eq!(shop.replay(&wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(shop.replay(&["nobody-has-it"]).status.code(), Some(1));
}

#[test]
fn https_is_spoken_to_whoever_the_system_trusts_and_to_nobody_else() {
    let shop = Shop::new();
    shop.send("GET", "the-one");
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let trusted = shop.directory.path().join("trusted.pem");
    std::fs::write(&trusted, signed.cert.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), socket.unwrap());
            let mut buffer = [0; 4096];
            // Whoever does not trust us ends here.
            if socket.read(&mut buffer).is_ok() {
                let answer = b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = socket.write_all(answer);
                socket.conn.send_close_notify();
                let _ = socket.flush();
            }
        }
    });
    let run = |file: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
        command.args(["replay", "the-one", "--url", &url, "--store"]).arg(shop.directory.path());
        command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR").stdin(Stdio::null()).output().unwrap()
    };
    let done = run(&trusted);
    assert!(text(&done.stdout).contains("502 -> 418"), "{done:?}");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let untrusting = shop.directory.path().join("other.pem");
    std::fs::write(&untrusting, other.cert.pem()).unwrap();
    let done = run(&untrusting);
    assert_eq!(done.status.code(), Some(7), "{done:?}");
    assert!(text(&done.stderr).contains("certificate"), "{done:?}");
}
