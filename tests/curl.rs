//! What `campanile curl` prints, a shell runs, and the service gets the same request again.
#![cfg(all(feature = "cli", feature = "axum", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test needs around it may fail as loudly as the test"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use campanile::Bodies;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// What a server sees of a request.
#[derive(Debug, PartialEq)]
struct Seen {
    first_line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A request as it is sent: method, path and query, headers, body.
type Sent<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);

/// Stores these requests, each under the request id `curl-N`.
fn store(directory: &Path, requests: &[Sent<'_>]) {
    let store = Store::open(Settings::new(directory)).unwrap();
    let telemetry = campanile::builder().capture_bodies(Bodies::on()).exporter(StoreExporter::new(store)).build().unwrap();
    let app = Router::new().fallback(|body: Bytes| async move { body.len().to_string() }).layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (number, (method, target, headers, body)) in requests.iter().enumerate() {
        let mut request = Request::builder().method(*method).uri(*target).header("x-request-id", format!("curl-{number}"));
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        runtime.block_on(async { app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    }
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
}

/// Runs what is printed for an id in a shell, against a server that takes one request; also what was said beside it.
fn repeated(directory: &Path, id: &str) -> (Seen, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = socket.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..count]);
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let seen = parse(&bytes[..end], &bytes[end + 4..]);
            let length: usize = seen.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if seen.body.len() >= length {
                socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
                return seen;
            }
        }
    });
    let printed = Command::new(env!("CARGO_BIN_EXE_campanile"))
        .args(["curl", id, "--url", &url, "--store"])
        .arg(directory)
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let command = String::from_utf8(printed.stdout).unwrap();
    assert!(command.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{command:?}");
    let mut shell =
        Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
    shell.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "{command}");
    let mut seen = server.join().unwrap();
    assert_eq!(seen.headers.remove("host").as_deref(), url.strip_prefix("http://"), "{command}");
    (seen, String::from_utf8(printed.stderr).unwrap())
}

fn parse(head: &[u8], body: &[u8]) -> Seen {
    let head = String::from_utf8(head.to_vec()).unwrap();
    let (first_line, headers) = head.split_once("\r\n").unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Seen { first_line: first_line.to_owned(), headers: headers.split("\r\n").map(pair).collect(), body: body.to_vec() }
}

#[test]
fn every_request_is_repeated_byte_for_byte() {
    let text: &[(&str, &str)] = &[("content-type", "text/plain; charset=utf-8"), ("accept", "text/html")];
    let requests: &[Sent<'_>] = &[
        ("GET", "/orders/17?page=2&sort=a%20b", &[("accept", "*/*"), ("user-agent", "me/1")], b""),
        ("GET", "/{a}/[1-3]/../b//c?q={x,y}&'=$HOME$(id)!", &[("accept-language", "de, en;q=0.5")], b""),
        ("DELETE", "/orders/17", &[("accept", "it's \"quoted\" $HOME `id` \\ !")], b""),
        ("HEAD", "/", &[], b""),
        ("POST", "/empty", &[("content-length", "0")], b""),
        ("POST", "/json", &[("content-type", "application/json")], br#"{"text":"it's 100% \"fine\" $HOME `id` \\n","n":[1,2]}"#),
        ("PUT", "/lines", text, b"one\ntwo\n\nthree\n\n"),
        ("PATCH", "/letters", text, "gr\u{fc}\u{df}e \u{1f514} '%s' \\0 @file".as_bytes()),
        ("POST", "/control", text, "a\u{1b}[2J\tb\r\nc\u{202e}d\u{7}\u{0}e%d\\n'\n".as_bytes()),
        ("POST", "/at", text, b"@/etc/passwd"),
        ("GET", "/with-body", text, b"x"),
    ];
    let directory = tempfile::tempdir().unwrap();
    store(directory.path(), requests);
    for (number, (method, target, headers, body)) in requests.iter().enumerate() {
        let id = format!("curl-{number}");
        let (mut seen, said) = repeated(directory.path(), &id);
        assert_eq!(said, "", "{id}");
        assert_eq!(seen.first_line, format!("{method} {target} HTTP/1.1"));
        assert_eq!(seen.body, *body, "{id}");
        seen.headers.remove("content-length");
        let sent = headers.iter().filter(|(name, _)| *name != "content-length");
        let mut sent: BTreeMap<_, _> = sent.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        sent.insert("x-request-id".to_owned(), id.clone());
        assert_eq!(seen.headers, sent, "{id}");
    }
}

#[test]
fn what_is_not_stored_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let secret: &[(&str, &str)] =
        &[("authorization", "Bearer very-secret"), ("cookie", "sid=very-secret"), ("content-type", "application/octet-stream")];
    store(directory.path(), &[("POST", "/login", secret, &[0, 159, 146, 150])]);
    let (seen, said) = repeated(directory.path(), "curl-0");
    assert!(!format!("{seen:?}").contains("very-secret"));
    assert!(said.contains("without these headers, whose values are not stored: authorization, cookie"), "{said}");
    assert!(said.contains("without its body of 4 bytes"), "{said}");
}
