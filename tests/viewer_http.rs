//! Whoever should not see the page does not, and what it is asked breaks nothing: the area `viewer_http` of the catalogue.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use self::viewed::{Answer, Client, PATIENCE, Viewed, get, send};

/// What only a stored record says.
const STORED: &str = "only-in-the-store";
/// Connections that the page has at a time.
const MAX_CONNECTIONS: usize = 64;

fn viewed() -> Viewed {
    Viewed::of(|telemetry| {
        for number in 0..30 {
            send(telemetry, get(&format!("/orders/{number}?what={STORED}")), move || {
                let long = "a".repeat(2_000);
                match number {
                    7 => tracing::info!("somebody typed ' OR 1=1--"),
                    8 => tracing::info!("it said \"unbalanced and went on"),
                    9 => tracing::info!(r"a pattern %%%_\ of theirs"),
                    10 => tracing::info!("{long}!"),
                    _ => tracing::info!("percent: 100% of it, under_score"),
                }
            });
        }
    })
}

fn cases() -> Vec<Json> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bad-inputs.json");
    let file: Json = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    file["cases"].as_array().unwrap().iter().filter(|case| case["area"] == "viewer_http").cloned().collect()
}

/// The request of a case as it goes over the wire.
fn wire(client: &Client, input: &Json) -> (String, String) {
    let port = client.address.port().to_string();
    // A browser encodes what may not stand in a target.
    let target = input["path"].as_str().unwrap().replace(' ', "%20").replace('"', "%22").replace("canary-29", &client.token);
    let version = input["version"].as_str().unwrap_or("HTTP/1.1");
    let mut head = format!("{} {target} {version}\r\n", input["method"].as_str().unwrap());
    for header in input["headers"].as_array().unwrap() {
        let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
        head.push_str(&format!("{name}: {}\r\n", value.replace("PORT", &port)));
    }
    if input["token"] == true || input["token"] == "cookie only" {
        head.push_str(&format!("cookie: {}\r\n", client.cookie()));
    }
    (head, input["body"].as_str().unwrap_or_default().to_owned())
}

fn rows(answer: &Answer) -> Vec<String> {
    let answer: Json = serde_json::from_slice(&answer.body).unwrap();
    let records = answer["records"].as_array().expect("records");
    records.iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
}

/// Every one that is a single request: VW-01, VW-02, VW-04, VW-05, VW-06, VW-08, VW-09, VW-10, VW-12, VW-13, VW-14, VW-16,
/// VW-17, VW-18, VW-20, VW-21, VW-22, VW-24, VW-25, VW-26, VW-28, VW-29, VW-33, VW-34.
#[test]
fn every_request_of_the_catalogue_is_answered_as_it_says() {
    let viewed = viewed();
    let client = viewed.client();
    let mut done = 0;
    for case in cases() {
        let (id, input) = (case["id"].as_str().unwrap(), &case["input"]["viewer_request"]);
        if input["method"].is_null() || !input["concurrent"].is_null() {
            continue;
        }
        let (head, body) = wire(&client, input);
        let answer = client.ask(&head, &body);
        for said in case["expect"]["assert"].as_array().unwrap() {
            check(id, said.as_str().unwrap(), &answer, &viewed);
        }
        done += 1;
        // Whatever it was, it is no reason not to answer the next one.
        assert_eq!(client.get("/api/events?limit=1").status, 200, "{id}");
    }
    assert_eq!(done, 24);
}

fn check(id: &str, said: &str, answer: &Answer, viewed: &Viewed) {
    let client = viewed.client();
    if let Some(status) = said.strip_prefix("status == ") {
        assert_eq!(answer.status, status.parse::<u16>().unwrap(), "{id}: {}", answer.text());
        return;
    }
    match said {
        "content-security-policy, x-content-type-options, referrer-policy, cache-control: no-store present" => {
            let policy = answer.header("content-security-policy").unwrap();
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "connect-src 'self'",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(part), "{id}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{id}");
            let others =
                [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")];
            others.iter().for_each(|(name, value)| assert_eq!(answer.header(name), Some(*value), "{id}"));
            assert!(answer.text().contains(STORED), "{id}: the first view has what is stored");
        }
        "no data in the body" => {
            let text = answer.text();
            assert!(!text.contains(STORED) && !text.contains("/orders/") && !text.contains(&client.token), "{id}: {text}");
        }
        "forwarded headers ignored" => assert!(!answer.text().contains("evil.invalid"), "{id}"),
        "no access-control-allow-origin" => assert_eq!(answer.header("access-control-allow-origin"), None, "{id}"),
        "state change needs a header token" => assert!(answer.text().contains("token"), "{id}: {}", answer.text()),
        "0 rows unless the text occurs literally" => assert_eq!(rows(answer), ["/orders/7"], "{id}"),
        "treated as text, no 500" => {
            assert_eq!(rows(answer), ["/orders/8"], "{id}");
            let answer: Json = serde_json::from_slice(&answer.body).unwrap();
            assert!(answer["notice"]["message"].as_str().unwrap().contains("never closed"), "{id}: {answer}");
        }
        "LIKE wildcards escaped" => assert_eq!(rows(answer), ["/orders/9"], "{id}"),
        // An engine that tries every way would not come back from two thousand of them.
        "linear engine, 2 s query limit" => {
            let answer: Json = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(
                (&answer["warnings"], &answer["notice"]),
                (&Json::Array(Vec::new()), &Json::Null),
                "{id}: all was looked at"
            );
        }
        "limit <= 1000" => {
            assert_eq!(client.get("/api/events?limit=1000").status, 200, "{id}");
            for wrong in ["limit=1001", "limit=0", "limit=-1", "limit=x", "offset=-1", "offset=5"] {
                assert_eq!(client.get(&format!("/api/events?{wrong}")).status, 400, "{id}: {wrong}");
            }
        }
        "token moved to an HttpOnly SameSite=Strict cookie" => {
            assert_eq!(answer.header("location"), Some("/"), "{id}");
            let cookie = answer.header("set-cookie").unwrap();
            assert!(cookie.starts_with(&format!("{};", client.cookie())), "{id}");
            assert!(["HttpOnly", "SameSite=Strict", "Path=/"].iter().all(|part| cookie.contains(part)), "{id}: {cookie}");
        }
        "not logged, not in Referer" => {
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{id}");
            assert!(!answer.text().contains(&client.token), "{id}");
            for file in fs::read_dir(viewed.directory.path()).unwrap() {
                let path = file.unwrap().path();
                let is_its_file = path.file_name().unwrap() == "viewer.token";
                let bytes = fs::read(&path).unwrap();
                let has_it = bytes.windows(client.token.len()).any(|part| part == client.token.as_bytes());
                assert_eq!(has_it, is_its_file, "{id}: {}", path.display());
            }
        }
        other => panic!("{id}: nobody checks '{other}'"),
    }
}

#[test]
fn vw_32_a_head_that_does_not_come_is_not_waited_for_and_there_are_so_many_connections() {
    let viewed = viewed();
    let client = viewed.client();
    let open = || TcpStream::connect(client.address).unwrap();
    // The first ones hold all the places; none of them ever says what it wants.
    let mut held: Vec<_> = (0..MAX_CONNECTIONS).map(|_| open()).collect();
    for stream in &mut held {
        stream.write_all(b"GET / HT").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }
    // Which are accepted one after the other, so this one comes behind them.
    let mut late = open();
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut said = Vec::new();
    let _ = late.read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 503"), "VW-32: {}", String::from_utf8_lossy(&said));

    // One byte every 5 s: it is over when the third one would come.
    let slow = held.last_mut().unwrap();
    let mut sent = 0;
    let closed = loop {
        match slow.read(&mut [0; 1024]) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if sent == 4 {
                    break false;
                }
                sent += 1;
                let _ = slow.write_all(b"T");
            }
            Err(_) => break true,
        }
    };
    assert!(closed, "VW-32: closed after 10 s");
    drop(held);
    // There is room again, as soon as it is noticed.
    let answered =
        std::iter::repeat_with(|| client.try_ask(&format!("GET /api/events HTTP/1.1\r\nhost: {}\r\n", client.address), ""));
    assert!(answered.take(1000).flatten().any(|answer| answer.status == 401), "VW-32");
}

#[test]
fn without_the_token_there_is_a_page_that_asks_for_it_and_nothing_else() {
    let viewed = viewed();
    let client = viewed.client();
    let host = format!("host: {}\r\n", client.address);
    for path in ["/", "/r/12345678", "/errors", "/health", "/api/events", "/live", "/nothing", "/?token=", "/?token=wrong"] {
        let answer = client.ask(&format!("GET {path} HTTP/1.1\r\n{host}"), "");
        assert_eq!(answer.status, 401, "{path}");
        assert!(!answer.text().contains(STORED) && !answer.text().contains(&client.token), "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
    }
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let wrong = client.ask(&format!("POST /r/12345678?a=1 HTTP/1.1\r\n{host}{form}"), "token=wrong");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    let policy = wrong.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self'") && !policy.contains("script-src"), "{policy}");
    let right = client.ask(&format!("POST /r/12345678?a=1 HTTP/1.1\r\n{host}{form}"), &format!("token={}", client.token));
    assert_eq!((right.status, right.header("location")), (303, Some("/r/12345678?a=1")));
    assert!(right.header("set-cookie").unwrap().starts_with(&client.cookie()));
    // Cookies are the same for all ports: one of another page does not open this one.
    let other = format!("cookie: campanile_1_token={}\r\n", client.token);
    assert_eq!(client.ask(&format!("GET /api/events HTTP/1.1\r\n{host}{other}"), "").status, 401);
}

#[test]
fn a_link_of_another_page_may_be_followed_and_nothing_else_be_asked_from_there() {
    let viewed = viewed();
    let client = viewed.client();
    let ask = |target: &str, headers: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n{headers}", client.address, client.cookie());
        client.ask(&head, "").status
    };
    for site in ["cross-site", "same-site"] {
        let followed = format!("sec-fetch-site: {site}\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n");
        assert_eq!(ask("/", &followed), 200, "{site}");
        assert_eq!(ask("/api/events", &followed), 403, "{site}");
        assert_eq!(ask("/assets/app.js", &followed), 403, "{site}");
        assert_eq!(ask("/", &followed.replace("document", "iframe")), 403, "{site}");
        assert_eq!(ask("/", &followed.replace("navigate", "no-cors")), 403, "{site}");
    }
    assert_eq!(ask("/api/events", "sec-fetch-site: same-origin\r\n"), 200);
    assert_eq!(ask("/api/events", &format!("origin: http://{}\r\n", client.address)), 200);
    assert_eq!(ask("/api/events", &format!("origin: https://{}\r\n", client.address)), 403);
    assert_eq!(ask("/api/events", "origin: http://127.0.0.1:1\r\n"), 403);
}

#[test]
fn what_is_no_loopback_address_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = campanile::viewer::Viewer::of_store(directory.path()).serve("0.0.0.0:0".parse().unwrap()).unwrap_err();
    assert!(refused.to_string().contains("loopback"), "{refused}");
}
