//! What the command line prints is read by programs that others wrote: har-validator judges the archives, HTTPie sends the
//! requests. `scripts/readers` installs them.
#![cfg(all(feature = "cli", feature = "axum", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test needs around it may fail as loudly as the test"
)]

use std::env;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use campanile::{Bodies, Telemetry};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// The directory of the readers; `None` where they are left out, which is told.
fn readers() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/readers");
    if place.join("installed").exists() {
        return Some(place);
    }
    let is_optional = env::var_os("TEST_READERS_OPTIONAL").is_some_and(|value| value == "1");
    assert!(is_optional, "the readers are not in {}; scripts/readers installs them", place.display());
    if let Some(path) = env::var_os("TEST_LEFT_OUT") {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        // One write for a line: tests in parallel append to the same file.
        file.write_all(b"left out: tests/readers.rs (no har-validator and no HTTPie)\n").unwrap();
    }
    None
}

fn campanile(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    let done = command.args(arguments).arg("--store").arg(directory).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {done:?}");
    done
}

/// An application with a store that answers as its path asks for.
fn app(directory: &Path) -> (Router, Telemetry) {
    let store = Store::open(Settings::new(directory)).unwrap();
    let telemetry = campanile::builder().capture_bodies(Bodies::on()).exporter(StoreExporter::new(store)).build().unwrap();
    let answer = |request: Request<Body>| async move {
        let path = request.uri().path().to_owned();
        let body: Bytes = request.into_body().collect().await.unwrap().to_bytes();
        match path.as_str() {
            "/redirect" => Redirect::to("/elsewhere?a=1").into_response(),
            "/fails" => StatusCode::from_u16(599).unwrap().into_response(),
            "/panics" => panic!("a bug"),
            "/binary" => ([("content-type", "image/png")], vec![0_u8, 255, 216]).into_response(),
            "/long" => "x".repeat(100_000).into_response(),
            "/cookies" => ([("set-cookie", "sid=very-secret; Path=/"), ("vary", "accept")], "ok").into_response(),
            _ => body.into_response(),
        }
    };
    (Router::new().fallback(answer).layer(telemetry.layer()), telemetry)
}

/// Requests of many kinds, each with the request id `read-N`: method, target, headers, body.
type Sent<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);

fn store(directory: &Path, requests: &[Sent<'_>]) {
    let (app, telemetry) = app(directory);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (number, (method, target, headers, body)) in requests.iter().enumerate() {
        let mut request = Request::builder().method(*method).uri(*target).header("x-request-id", format!("read-{number}"));
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let (request, app) = (request.body(Body::from(body.to_vec())).unwrap(), app.clone());
        runtime.block_on(async {
            // A panic is the service's, and goes on to whoever asked.
            if let Ok(answer) = tokio::spawn(app.oneshot(request)).await {
                answer.unwrap().into_body().collect().await.unwrap();
            }
        });
    }
    drop(telemetry.shutdown_blocking(Duration::from_secs(60)));
}

const TEXT: &[(&str, &str)] = &[("content-type", "text/plain; charset=utf-8"), ("accept", "text/html")];
const REQUESTS: &[Sent<'_>] = &[
    ("GET", "/orders/17?page=2&sort=a%20b&empty=&=x&&token=secret", &[("accept", "*/*"), ("user-agent", "me/1")], b""),
    ("GET", "/{a}/[1-3]/%zz/b//c?q={x,y}&'=|[]", &[("host", "shop.example:8080")], b""),
    ("POST", "/json", &[("content-type", "application/json"), ("host", "[::1]:80")], br#"{"text":"it's 100%","password":"x"}"#),
    ("PUT", "/form", &[("content-type", "application/x-www-form-urlencoded")], b"a=1&b=%20&password=x"),
    ("PATCH", "/control", TEXT, "a\u{1b}[2J\tb\r\nc\u{202e}d\u{7}\u{0}e%d\\n'\n".as_bytes()),
    ("BREW", "/redirect", &[("cookie", "sid=very-secret")], b""),
    ("GET", "/fails", &[], b""),
    ("GET", "/panics", &[], b""),
    ("GET", "/binary", &[("content-type", "application/octet-stream")], &[0, 159, 146]),
    ("GET", "/long", TEXT, b"x"),
    ("GET", "/cookies", &[("accept", "\u{e4}\u{f6}")], b""),
    ("HEAD", "/", &[], b""),
    ("OPTIONS", "/gr%C3%BC%C3%9Fe", &[("host", "a b")], b""),
];

/// What the validator says of each of these archives.
fn judge(place: &Path, archives: &[serde_json::Value]) -> Vec<String> {
    const JUDGE: &str = "const { har } = require('har-validator');
const judged = (archive) => har(archive).then(() => 'valid', (error) => JSON.stringify(error.errors));
let text = ''; process.stdin.on('data', (part) => text += part).on('end', () =>
  Promise.all(JSON.parse(text).map(judged)).then((all) => console.log(JSON.stringify(all))));";
    let mut node = Command::new("node")
        .args(["-e", JUDGE])
        .env("NODE_PATH", place.join("node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let archives = serde_json::to_string(archives).unwrap();
    node.stdin.take().unwrap().write_all(archives.as_bytes()).unwrap();
    serde_json::from_slice(&node.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn archives_are_valid_whatever_was_sent() {
    let Some(place) = readers() else { return };
    let directory = tempfile::tempdir().unwrap();
    store(directory.path(), REQUESTS);
    let archive = |arguments: &[&str]| serde_json::from_slice(&campanile(directory.path(), arguments).stdout).unwrap();
    let ids: Vec<_> = (0..REQUESTS.len()).map(|number| format!("read-{number}")).collect();
    let mut archives: Vec<serde_json::Value> = ids.iter().map(|id| archive(&["har", id])).collect();
    archives.push(archive(&["export", "--format", "har"]));
    for (judgement, archive) in judge(&place, &archives).iter().zip(&archives) {
        assert_eq!(judgement, "valid", "{archive:#}");
    }
    let all = archives.last().unwrap();
    assert_eq!(all["log"]["entries"].as_array().unwrap().len(), REQUESTS.len());
    assert!(!all.to_string().contains("secret"));
    // A validator that takes anything would say nothing.
    assert_ne!(judge(&place, &[serde_json::json!({ "log": { "version": "1.2" } })]), ["valid"]);
}

/// Takes one request and answers it: its first line, its headers without those of the connection, and its body.
fn take_one(listener: TcpListener) -> (String, Vec<(String, String)>, Vec<u8>) {
    let (mut socket, _) = listener.accept().unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = socket.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let (first_line, headers) = head.split_once("\r\n").unwrap();
        let pair = |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut headers: Vec<_> = headers.split("\r\n").filter_map(pair).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
        if bytes.len() - end - 4 < length {
            continue;
        }
        socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
        headers.retain(|(name, _)| name != "host" && name != "content-length");
        headers.sort();
        return (first_line.to_owned(), headers, bytes[end + 4..].to_vec());
    }
}

#[test]
fn httpie_sends_the_same_request() {
    let Some(place) = readers() else { return };
    let requests: &[Sent<'_>] = &[
        ("GET", "/orders/17?page=2&sort=a%20b", &[("accept", "*/*"), ("user-agent", "me/1")], b""),
        ("DELETE", "/a/../b//c?'=$HOME$(id)!", &[("accept", "it's \"quoted\" $HOME `id` \\ !"), ("user-agent", "")], b""),
        ("POST", "/json", &[("content-type", "application/json")], br#"{"text":"it's 100% \"fine\" $HOME `id` \\n","n":[1,2]}"#),
        ("PUT", "/lines", &[("content-type", "text/plain"), ("accept", ":=@;=")], b"one\ntwo\n\nthree\n\n"),
        ("PATCH", "/letters", TEXT, "gr\u{fc}\u{df}e \u{1f514} '%s' \\0 @file".as_bytes()),
        ("POST", "/control", TEXT, "a\u{1b}[2J\tb\r\nc\u{202e}d\u{7}\u{0}e%d\\n'\n".as_bytes()),
        ("POST", "/at", TEXT, b"@/etc/passwd"),
        ("GET", "/with-body", TEXT, b"x"),
    ];
    let directory = tempfile::tempdir().unwrap();
    store(directory.path(), requests);
    for (number, (method, target, headers, body)) in requests.iter().enumerate() {
        let id = format!("read-{number}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || take_one(listener));
        let printed = campanile(directory.path(), &["curl", &id, "--as", "httpie", "--url", &url]);
        let command = String::from_utf8(printed.stdout).unwrap();
        assert!(command.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{command:?}");
        let path = format!("{}:{}", place.join("python/bin").display(), env::var("PATH").unwrap());
        let done = Command::new("sh")
            .args(["-c", &command])
            .env("PATH", path)
            .env("HTTPIE_CONFIG_DIR", directory.path().join("httpie"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(done.status.success(), "{command}{done:?}");
        let (first_line, seen, seen_body) = server.join().unwrap();
        assert_eq!(first_line, format!("{method} {target} HTTP/1.1"), "{command}");
        assert_eq!(seen_body, *body, "{command}");
        let mut sent: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        sent.push(("x-request-id".to_owned(), id));
        sent.sort();
        assert_eq!(seen, sent, "{command}");
        assert_eq!(String::from_utf8_lossy(&printed.stderr), "");
    }
}
