//! A HAR of a browser becomes requests.

use serde_json::{Value as Json, json};

use crate::kit::{Place, complaints, exported, python, records, store, summary};

/// An entry as Chrome writes it.
fn chrome() -> Json {
    json!({
        "_initiator": { "type": "script", "stack": { "callFrames": [{ "url": "https://shop.example/app.js", "lineNumber": 3 }] } },
        "_priority": "High", "_resourceType": "fetch", "cache": {}, "connection": "443", "pageref": "page_1",
        "request": {
            "method": "POST", "url": "https://shop.example/api/orders?page=2#top", "httpVersion": "http/2.0",
            "headers": [
                { "name": ":authority", "value": "shop.example" }, { "name": ":method", "value": "POST" },
                { "name": "accept", "value": "application/json" }, { "name": "content-type", "value": "application/json" },
                { "name": "traceparent", "value": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
                { "name": "user-agent", "value": "Mozilla/5.0" },
            ],
            "queryString": [{ "name": "page", "value": "2" }], "cookies": [], "headersSize": -1, "bodySize": 12,
            "postData": { "mimeType": "application/json", "text": "{\"item\":17}\n" },
        },
        "response": {
            "status": 503, "statusText": "", "httpVersion": "http/2.0",
            "headers": [{ "name": "content-type", "value": "application/json" }, { "name": "x-request-id", "value": "req-1234" }],
            "cookies": [], "content": { "size": 17, "mimeType": "application/json", "text": "eyJlcnJvciI6ImJ1c3kifQ==", "encoding": "base64" },
            "redirectURL": "", "headersSize": -1, "bodySize": -1, "_transferSize": 200, "_error": null,
        },
        "serverIPAddress": "[2001:db8::1]", "startedDateTime": "2026-11-23T10:00:00.250Z", "time": 41.5,
        "timings": { "blocked": 1.5, "dns": -1, "ssl": -1, "connect": -1, "send": 0.1, "wait": 38.4, "receive": 1.5, "_blocked_queueing": 1.0 },
    })
}

/// An entry as Firefox writes it, of a request that was never answered.
fn firefox() -> Json {
    json!({
        "startedDateTime": "2026-11-23T11:00:00.000+01:00",
        "request": {
            "bodySize": 0, "method": "GET", "url": "http://localhost:3000/orders/7", "httpVersion": "HTTP/1.1",
            "headers": [{ "name": "Host", "value": "localhost:3000" }, { "name": "User-Agent", "value": "Firefox/140.0" }],
            "cookies": [], "queryString": [], "headersSize": 300,
        },
        "response": {
            "status": 0, "statusText": "", "httpVersion": "", "headers": [], "cookies": [],
            "content": { "mimeType": "text/plain", "size": 0, "text": "" }, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        },
        "cache": {}, "timings": {}, "time": 0, "_securityState": "insecure", "pageref": "page_1",
    })
}

fn har(entries: &[Json]) -> String {
    let creator = json!({ "name": "WebInspector", "version": "537.36" });
    let pages = json!([{ "id": "page_1", "startedDateTime": "2026-11-23T10:00:00.000Z", "title": "Shop", "pageTimings": { "onLoad": 1.5 } }]);
    format!("{:#}", json!({ "log": { "version": "1.2", "creator": creator, "pages": pages, "entries": entries } }))
}

fn imported(text: &str) -> Vec<Json> {
    let place = Place::new();
    let output = place.import_text(text.as_bytes());
    assert!(output.status.success(), "{}", complaints(&output));
    records(&place.path("import.campanile"))
}

#[test]
fn entries_of_browsers_become_requests_with_their_times_ids_and_bodies() {
    let all = imported(&har(&[chrome(), firefox()]));
    let of = |method: &str| all.iter().find(|record| record["http.request.method"] == method).unwrap();
    let (order, lost) = (of("POST"), of("GET"));
    for (key, value) in [
        ("timestamp", json!("2026-11-23T10:00:00.250000000Z")),
        ("duration_ms", json!(41.5)),
        ("campanile.time_to_first_byte_ms", json!(40)),
        ("url.path", json!("/api/orders")),
        ("url.query", json!("page=2")),
        ("url.scheme", json!("https")),
        ("server.address", json!("shop.example")),
        ("network.protocol.version", json!("2")),
        ("http.response.status_code", json!(503)),
        ("trace_id", json!("0af7651916cd43dd8448eb211c80319c")),
        ("parent_span_id", json!("b7ad6b7169203331")),
        ("campanile.request.id", json!("req-1234")),
        ("user_agent.original", json!("Mozilla/5.0")),
        ("service.name", json!("shop.example")),
        ("server.ip", json!("2001:db8::1")),
        ("http.request.body.content", json!("{\"item\":17}\n")),
        ("http.response.body.content", json!("{\"error\":\"busy\"}")),
    ] {
        assert_eq!(
            order[key].as_f64().map_or(order[key].clone(), |number| json!(number)),
            value.as_f64().map_or(value, |number| json!(number)),
            "{key}: {order:#}"
        );
    }
    assert_eq!(lost["campanile.outcome"], "client_gone_before_head");
    assert_eq!((&lost["server.port"], &lost["timestamp"]), (&json!(3000), &json!("2026-11-23T10:00:00.000000000Z")));
}

#[test]
fn what_has_no_id_has_the_same_one_each_time() {
    let ids = |all: Vec<Json>| all.iter().map(|record| record["span_id"].to_string()).collect::<Vec<_>>();
    let text = har(&[chrome(), chrome(), firefox()]);
    let first = ids(imported(&text));
    assert_eq!(first.len(), 3);
    assert_eq!(first, ids(imported(&text)));
}

#[test]
fn one_entry_that_is_none_costs_no_other() {
    let place = Place::new();
    let text = har(&[chrome(), json!({ "request": { "method": 7 } }), json!(3), json!({}), firefox()]);
    let output = place.import_text(text.as_bytes());
    let told = summary(&output);
    assert_eq!((&told["requests"], &told["unreadable"]), (&json!(2), &json!(3)), "{told}");
    assert_eq!(output.status.code(), Some(8));
    assert!(complaints(&output).contains("entry 2: it is JSON of another form than expected"), "{}", complaints(&output));
}

#[test]
fn a_har_that_is_cut_gives_what_is_whole_and_says_where_it_ends() {
    let text = har(&[chrome(), firefox()]);
    let place = Place::new();
    let output = place.import_text(&text.as_bytes()[..text.len() * 9 / 10]);
    assert_eq!(summary(&output)["requests"], 1);
    let said = complaints(&output);
    assert!(said.contains("line ") && said.contains("it ends in the middle") && said.contains("after entry 1"), "{said}");
    assert_eq!(output.status.code(), Some(8));
}

#[test]
fn a_har_of_ours_is_one_to_another_reader() {
    let Some(python) = python("python's reader of JSON, for a HAR") else { return };
    let place = Place::new();
    place.put("out.har", exported(store(), "har"));
    let script =
        "import json,sys;log=json.load(open(sys.argv[1],encoding='utf-8'))['log'];print(log['version'],len(log['entries']))";
    let output = std::process::Command::new(python).args(["-c", script]).arg(place.path("out.har")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1.2 4\n");
}
