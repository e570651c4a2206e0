//! What is removed from the page is removed for good, and only what whoever asks knows of.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use serde_json::{Value as Json, json};

use self::viewed::{Viewed, get, send};

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
    for count in [json!(null), json!(2), json!(8), json!("3")] {
        let (status, answer) = ask(&token, json!({ "q": "path:/goes/*", "count": count }));
        assert_eq!((status, &answer["count"]), (409, &json!(3)), "{answer}");
    }
    assert_eq!(left(), 8, "nothing was removed");
    let (status, answer) = ask(&token, json!({ "q": "path:/goes/*", "count": 3 }));
    assert_eq!((status, &answer["records"]), (200, &json!(3)), "{answer}");
    assert_eq!(left(), 5);
}
