//! A request can be had as a command, and sent again from its page: to this machine alone, and by nobody else.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value as Json, json};

use self::viewed::{Answer, Client, PATIENCE, Viewed, send};

fn viewed(host: &str) -> Viewed {
    let request = Request::builder().uri("/orders?page=2").header("host", host).header("accept", "text/plain");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    Viewed::of(|telemetry| send(telemetry, request, || {}))
}

/// Answers one request, and returns its head.
fn app() -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            head.push(byte[0]);
        }
        stream
            .write_all(
                b"HTTP/1.1 418 I'm a teapot\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\nagain",
            )
            .unwrap();
        String::from_utf8(head).unwrap()
    });
    (address, served)
}

fn id(client: &Client) -> String {
    client.json("/api/events")["records"][0]["id"].as_str().unwrap().to_owned()
}

/// What changes need stands in the page.
fn change_token(client: &Client) -> String {
    let page = client.get("/").text();
    page.split_once("data-change=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

fn post(client: &Client, token: &str, asked: &Json) -> Answer {
    let (address, cookie) = (client.address, client.cookie());
    let head = format!(
        "POST /api/replay HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\norigin: http://{address}\r\nx-campanile-token: {token}\r\n"
    );
    client.ask(&head, &asked.to_string())
}

#[test]
fn a_request_is_sent_again_as_it_was_or_changed_and_both_answers_are_compared() {
    let (address, served) = app();
    let viewed = viewed(&address.to_string());
    let client = viewed.client();
    let token = change_token(&client);
    let asked = json!({ "id": id(&client), "path": "/orders?page=3", "headers": [["X-Try", "1"]] });
    let answer = post(&client, &token, &asked);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: Json = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&answer["answer"]["status"], &answer["answer"]["body"]), (&json!(418), &json!("again")));
    let differences = answer["differences"].as_array().unwrap();
    assert!(differences.contains(&json!({ "where": "status", "before": 200, "after": 418 })), "{differences:?}");
    let head = served.join().unwrap();
    assert!(head.starts_with("GET /orders?page=3 HTTP/1.1\r\n") && head.to_lowercase().contains("x-try: 1\r\n"), "{head}");
    assert!(!head.contains(&client.token) && !head.contains(&token));
}

#[test]
fn nothing_is_sent_without_the_token_of_the_page_nor_to_other_machines() {
    let viewed = viewed("shop.example");
    let client = viewed.client();
    let token = change_token(&client);
    let asked = json!({ "id": id(&client) });
    assert_eq!(post(&client, &client.token, &asked).status, 403, "what opens the page changes nothing");
    assert_eq!(post(&client, "", &asked).status, 403);
    let answer = post(&client, &token, &asked);
    assert!(answer.status == 403 && answer.text().contains("leave this machine"), "{}", answer.text());
    for path in ["//evil.invalid/", "@evil.invalid/", "/a b", "/a\r\nx: y", "evil"] {
        let answer = post(&client, &token, &json!({ "id": id(&client), "path": path }));
        assert!(matches!(answer.status, 400 | 403), "{path}: {}", answer.text());
    }
    for wrong in [json!({}), json!({ "id": "zzzzzzzz" }), json!([]), json!({ "id": id(&client), "headers": [1] })] {
        assert!((400..500).contains(&post(&client, &token, &wrong).status), "{wrong}");
    }
}

#[test]
fn where_a_request_would_go_is_told_before_it_is_sent_or_why_it_goes_nowhere() {
    let told = |host: &str| {
        let viewed = viewed(host);
        let client = viewed.client();
        client.json(&format!("/api/events/{}", id(&client)))["record"]["replay"].clone()
    };
    assert_eq!(told("127.0.0.1:3000"), json!({ "to": "http://127.0.0.1:3000", "refused": null }));
    assert_eq!(told("[::1]:3000")["to"], "http://[::1]:3000");
    assert_eq!(told("localhost")["to"], "http://localhost:80", "with its port in any case");
    let refused = |host: &str| {
        let told = told(host);
        assert_eq!(told["to"], Json::Null, "{host}");
        told["refused"].as_str().unwrap().to_owned()
    };
    assert!(refused("shop.example").contains("http://shop.example:80, and would leave this machine"));
    assert!(refused("").contains("nobody knows where the application listens"));

    // What is told is what holds.
    let viewed = Viewed::of(|telemetry| send(telemetry, viewed::get("/orders"), || {}));
    let client = viewed.client();
    let answer = post(&client, &change_token(&client), &json!({ "id": id(&client) }));
    assert!(answer.status == 403 && answer.text().contains("nobody knows"), "{}", answer.text());
}

#[test]
fn a_request_can_be_had_as_a_command_and_as_a_test() {
    let viewed = viewed("127.0.0.1:3000");
    let client = viewed.client();
    let id = id(&client);
    let curl = client.get(&format!("/api/events/{id}/curl"));
    assert!(curl.text().contains("curl ") && curl.text().contains("http://127.0.0.1:3000/orders?page=2"), "{}", curl.text());
    assert!(curl.header("content-type").unwrap().starts_with("text/plain"));
    let notes = client.json(&format!("/api/events/{id}/curl?json=1"));
    assert_eq!(notes["text"].as_str(), Some(curl.text().as_str()));
    assert!(client.get(&format!("/api/events/{id}/httpie")).text().starts_with("http "));
    assert!(client.get(&format!("/api/events/{id}/rust")).text().contains("#[tokio::test]"));
    assert_eq!(client.get(&format!("/api/events/{id}/perl")).status, 404);
}
