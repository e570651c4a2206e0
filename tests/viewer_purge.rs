//! What is removed from the page is removed for good, and only what whoever asks knows of.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::net::{Ipv4Addr, SocketAddr};

use campanile::viewer::Viewer;
use serde_json::{Value as Json, json};

use self::viewed::{Client, PATIENCE, Viewed, get, send};

#[test]
fn what_matches_is_removed_where_the_count_is_known_and_nothing_else_ever() {
    let viewed = Viewed::of(|telemetry| {
        (0..5).for_each(|number| send(telemetry, get(&format!("/stays/{number}")), || {}));
        (0..3).for_each(|number| send(telemetry, get(&format!("/goes/{number}")), || {}));
    });
    let client = viewed.client();
    let page = client.get("/").text();
    let token = page.split_once("data-change=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let left = || client.json("/api/events")["records"].as_array().unwrap().len();
    let ask = |token: &str, asked: Json| {
        let (address, cookie) = (client.address, client.cookie());
        let head = format!("POST /api/purge HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nx-campanile-token: {token}\r\n");
        let answer = client.ask(&head, &asked.to_string());
        (answer.status, serde_json::from_slice::<Json>(&answer.body).unwrap())
    };
    assert_eq!(ask("", json!({ "q": "path:/goes/*", "count": 3 })).0, 403);
    for wrong in [json!({}), json!({ "q": "", "count": 8 }), json!({ "q": "stauts:200", "count": 8 }), json!({ "q": 1 })] {
        assert_eq!(ask(&token, wrong.clone()).0, 400, "{wrong}");
    }
    for count in [json!(2), json!(8), json!("3")] {
        let (status, answer) = ask(&token, json!({ "q": "path:/goes/*", "count": count }));
        assert_eq!((status, &answer["count"]), (409, &json!(3)), "{answer}");
    }
    // Whoever asks for no removal is told how much it would be, and whether it could.
    assert_eq!(ask("", json!({ "q": "path:/goes/*" })).0, 403);
    let (status, answer) = ask(&token, json!({ "q": "path:/goes/*", "count": null }));
    assert_eq!((status, &answer["count"], &answer["refused"]), (200, &json!(3), &Json::Null), "{answer}");
    assert_eq!(left(), 8, "nothing was removed");
    let (status, answer) = ask(&token, json!({ "q": "path:/goes/*", "count": 3 }));
    assert_eq!((status, &answer["records"]), (200, &json!(3)), "{answer}");
    assert_eq!(left(), 5);
}

#[test]
fn what_comes_between_the_count_and_the_removal_is_neither_counted_nor_removed() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = viewed::writer(directory.path());
    let write = |path: &str| {
        send(&telemetry, get(path), || {});
        assert!(telemetry.flush(PATIENCE));
    };
    write("/goes/1");
    let server = Viewer::of_store(directory.path()).serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let client = Client::of(&server.url());
    let asked = change(&client, &json!({ "q": "path:/goes/* since:1h" })).1;
    assert_eq!(asked["count"], 1);
    write("/goes/2");
    let remove = json!({ "q": "path:/goes/* since:1h", "count": 1, "as_of": asked["as_of"] });
    let (status, answer) = change(&client, &remove);
    assert_eq!((status, &answer["records"]), (200, &json!(1)), "{answer}");
    let left = client.json("/api/events");
    assert_eq!(left["records"][0]["path"], "/goes/2");
    assert_eq!(left["records"].as_array().unwrap().len(), 1);
    for as_of in [json!(1), json!("x"), json!("99999999999999999999"), json!("18000000000000000000")] {
        assert_eq!(change(&client, &json!({ "q": "path:/goes/*", "as_of": as_of })).0, 400, "{as_of}");
    }
}

#[test]
fn a_store_that_is_not_there_is_said_to_be_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let server = Viewer::of_store(directory.path().join("none")).serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let (status, answer) = change(&Client::of(&server.url()), &json!({ "q": "status:200" }));
    assert_eq!(status, 409, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("no store"), "{answer}");
}

// A lock that is no file stands in the way of whoever would write, also where the tests may write everything.
#[test]
fn a_store_that_cannot_be_changed_is_counted_and_says_why() {
    let viewed = Viewed::of(|telemetry| send(telemetry, get("/stays"), || {}));
    std::fs::create_dir(viewed.directory.path().join("purge.lock")).unwrap();
    let client = viewed.client();
    let (status, answer) = change(&client, &json!({ "q": "path:/stays" }));
    assert_eq!((status, &answer["count"]), (200, &json!(1)), "{answer}");
    assert!(answer["refused"].as_str().unwrap().contains("cannot be written"), "{answer}");
    assert!(change(&client, &json!({ "q": "path:/stays", "count": 1 })).0 >= 400);
    assert_eq!(client.json("/api/events")["records"].as_array().unwrap().len(), 1);
}

/// Asks for a change as the page does.
fn change(client: &Client, asked: &Json) -> (u16, Json) {
    let page = client.get("/").text();
    let token = page.split_once("data-change=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let (address, cookie) = (client.address, client.cookie());
    let head = format!("POST /api/purge HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nx-campanile-token: {token}\r\n");
    let answer = client.ask(&head, &asked.to_string());
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}
