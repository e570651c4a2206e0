//! What others write as OTLP JSON lines becomes requests, with what belongs to them, in whatever order it comes.

use serde_json::{Value as Json, json};

use crate::kit::{Place, complaints, read, records, summary};

const TRACE: &str = "5b8efff798038103d269b633813fc60c";

fn text(key: &str, value: &str) -> Json {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: i64) -> Json {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn line(service: &str, spans: Json) -> String {
    let resource = json!({ "attributes": [text("service.name", service), text("service.instance.id", "pod-7")] });
    let scope = json!({ "scope": { "name": "io.opentelemetry.jetty", "version": "2.1" }, "spans": spans });
    let of = json!({ "resource": resource, "scopeSpans": [scope], "schemaUrl": "https://opentelemetry.io/schemas/1.21.0" });
    json!({ "resourceSpans": [of] }).to_string()
}

fn span(id: u64, parent: u64, kind: u8, name: &str, attributes: Json) -> Json {
    let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
    json!({
        "traceId": TRACE, "spanId": format!("{id:016x}"), "parentSpanId": parent, "name": name, "kind": kind,
        "startTimeUnixNano": (1_544_712_660_000_000_000_u64 + id * 1_000_000).to_string(),
        "endTimeUnixNano": "1544712661000000000", "attributes": attributes, "status": {}, "aFieldOfTomorrow": { "a": [1] },
    })
}

fn shop() -> String {
    let order = json!([
        text("http.request.method", "GET"),
        text("url.path", "/orders/7"),
        text("url.query", "page=2"),
        text("http.route", "/orders/{id}"),
        number("http.response.status_code", 500),
        text("server.address", "shop.example"),
        number("server.port", 8080),
        text("client.address", "203.0.113.9"),
        text("user_agent.original", "Firefox"),
        text("enduser.id", "alice"),
    ]);
    let mut failed = span(4, 3, 1, "render", json!([text("error.type", "TemplateError"), number("code.lineno", 17)]));
    failed["status"] = json!({ "code": 2, "message": "no template" });
    failed["events"] = json!([{
        "timeUnixNano": "1544712660500000000", "name": "exception",
        "attributes": [text("exception.type", "TemplateError"), text("exception.message", "no template 'invoice'")],
    }]);
    // The inner one comes first.
    let spans = json!([failed, span(3, 2, 1, "handle", json!([])), span(2, 1, 2, "GET /orders/{id}", order)]);
    line("shop", spans)
}

fn web() -> String {
    let old = json!([
        text("http.method", "GET"),
        text("http.target", "/start?x=1"),
        number("http.status_code", 200),
        text("http.host", "web.example:81"),
        text("http.scheme", "https"),
        text("http.flavor", "1.1"),
        text("http.user_agent", "old"),
    ]);
    let spans = json!([
        span(16, 0, 2, "GET /start", old),
        span(1, 16, 3, "GET", json!([text("url.full", "http://shop.example/orders/7")]))
    ]);
    line("web", spans)
}

fn logs() -> String {
    let log = |span: Option<u64>, severity: u8, body: Json| {
        json!({
            "timeUnixNano": "1544712660300000000", "severityNumber": severity, "body": body,
            "attributes": [text("thread.name", "main")], "traceId": if span.is_some() { TRACE } else { "" },
            "spanId": span.map(|id| format!("{id:016x}")).unwrap_or_default(),
        })
    };
    let records = json!([
        log(Some(3), 13, json!({ "stringValue": "stock is low" })),
        log(None, 9, json!({ "kvlistValue": { "values": [text("event", "started"), number("port", 80)] } })),
    ]);
    let resource = json!({ "attributes": [text("service.name", "shop"), text("service.instance.id", "pod-7")] });
    json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "scope": { "name": "com.shop.Stock" }, "logRecords": records }] }] }).to_string()
}

fn imported(text: &str) -> (Place, Json) {
    let place = Place::new();
    let output = place.import_text(text.as_bytes());
    assert!(output.status.success(), "{}", complaints(&output));
    (place, summary(&output))
}

#[test]
fn spans_in_any_order_and_their_logs_become_one_request_of_each_service() {
    let metrics = json!({ "resourceMetrics": [{ "scopeMetrics": [] }] });
    for lines in [[shop(), web(), logs()], [logs(), web(), shop()], [web(), logs(), shop()]] {
        let (place, told) = imported(&format!("{}\n{metrics}\n", lines.join("\n")));
        assert_eq!(told["requests"], 2, "{told}");
        let all = records(&place.path("import.campanile"));
        assert_eq!((&told["outside"], &told["metrics"], &told["unreadable"]), (&json!(1), &json!(1), &json!(0)), "{told}");
        let of = |service: &str| all.iter().find(|record| record["service.name"] == service).unwrap();
        let (shop, web) = (of("shop"), of("web"));
        assert_eq!(shop["trace_id"], TRACE);
        assert_eq!((&shop["span_id"], &shop["parent_span_id"]), (&json!("0000000000000002"), &json!("0000000000000001")));
        assert_eq!((&shop["url.path"], &shop["http.route"]), (&json!("/orders/7"), &json!("/orders/{id}")));
        assert_eq!((&shop["http.response.status_code"], &shop["client.address"]), (&json!(500), &json!("203.0.113.9")));
        assert_eq!(shop["timestamp"], "2018-12-13T14:51:00.002000000Z");
        assert_eq!(shop["enduser.id"], "alice");
        assert_eq!(shop["service.instance.id"], "pod-7");
        assert_eq!(shop["error.type"], "TemplateError");
        let names: Vec<_> = shop["campanile.record.spans"].as_array().unwrap().iter().map(|span| &span["name"]).collect();
        assert_eq!(names, ["handle", "render"]);
        let events: Vec<_> = shop["campanile.record.events"].as_array().unwrap().iter().map(|event| &event["message"]).collect();
        assert_eq!(events, ["stock is low", "no template 'invoice'"]);
        assert_eq!(shop["campanile.record.events"][0]["target"], "com.shop.Stock");
        assert_eq!((&web["url.path"], &web["url.query"], &web["url.scheme"]), (&json!("/start"), &json!("x=1"), &json!("https")));
        assert_eq!((&web["server.address"], &web["server.port"]), (&json!("web.example"), &json!(81)));
        assert_eq!(web["campanile.record.spans"][0]["kind"], "client");
        let page = String::from_utf8(read(&place.path("import.campanile"), &["show", "0000000000000002"])).unwrap();
        assert!(page.contains("no template 'invoice'") && page.contains("render"), "{page}");
        let outside = String::from_utf8(read(&place.path("import.campanile"), &["search", "--json", "kind:event"])).unwrap();
        assert!(outside.contains("started"), "{outside}");
    }
}

#[test]
fn spans_of_no_request_stand_alone_and_what_comes_twice_is_one() {
    let job = line("worker", json!([span(5, 0, 1, "nightly", json!([])), span(6, 5, 1, "step", json!([]))]));
    let other = line("worker", json!([span(5, 0, 1, "nightly", json!([text("a", "b")])), span(7, 5, 1, "last", json!([]))]));
    let (place, told) = imported(&[job.as_str(), &job, &other].join("\n"));
    assert_eq!((&told["requests"], &told["outside"], &told["copies"]), (&json!(0), &json!(3), &json!(2)), "{told}");
    let spans = String::from_utf8(read(&place.path("import.campanile"), &["search", "kind:span"])).unwrap();
    assert!(["nightly", "step", "last"].iter().all(|name| spans.contains(name)), "{spans}");
}

#[test]
fn a_ring_of_parents_ends() {
    let ring = line("ring", json!([span(1, 2, 1, "a", json!([])), span(2, 3, 1, "b", json!([])), span(3, 1, 1, "c", json!([]))]));
    let own = line("self", json!([span(9, 9, 2, "d", json!([text("http.request.method", "GET")]))]));
    let (place, told) = imported(&[ring, own].join("\n"));
    assert_eq!((&told["requests"], &told["outside"]), (&json!(1), &json!(3)));
    assert_eq!(records(&place.path("import.campanile")).len(), 1);
}
