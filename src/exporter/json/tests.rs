use tracing::Level;

use super::*;
use crate::exporter::samples::{self, Shared};
use crate::record::parts::{BodySlot, Parts, Text};
use crate::record::{FailureKind, Kept, Outcome, Reason, Value, Vitals};

fn line(schema: Schema, parts: Parts) -> String {
    let mut out = String::new();
    schema.write_line(&mut out, &Record::new(Box::new(parts)), &samples::resource());
    assert!(out.ends_with('\n') && out.len() <= 16_000, "{} bytes", out.len());
    out.pop();
    out
}

fn object(schema: Schema, parts: Parts) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(&line(schema, parts)).unwrap()
}

#[test]
fn a_failed_request_in_otel() {
    assert_eq!(
        line(Schema::Otel, samples::failed()),
        concat!(
            r#"{"timestamp":"2026-01-02T12:04:11.018000000Z","severity_text":"ERROR","severity_number":17,"#,
            r#""body":"GET /orders/981/pdf 500","event_name":"campanile.request","#,
            r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"8f2c1a2b3c4d5e6f","trace_flags":1,"#,
            r#""campanile.request.id":"01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b","campanile.outcome":"answered","#,
            r#""http.request.method":"GET","http.route":"/orders/{id}/pdf","url.path":"/orders/981/pdf","#,
            r#""url.query":"lang=de","url.scheme":"http","server.address":"localhost","server.port":3000,"#,
            r#""http.response.status_code":500,"duration_ms":61.7,"campanile.time_to_first_byte_ms":3,"#,
            r#""http.response.body.size":38,"network.protocol.version":"1.1","client.address":"127.0.0.1","#,
            r#""client.port":50000,"network.peer.address":"127.0.0.1","network.peer.port":50000,"#,
            r#""error.type":"shop::RenderError","campanile.error.class":"error","exception.type":"shop::RenderError","#,
            r#""exception.message":"template `invoice` missing field `vat`","#,
            r#""exception.causes":["KeyNotFound(\"vat\")"],"target":"campanile","code.file.path":"src/pdf.rs","#,
            r#""code.line.number":88,"service.name":"shop","service.version":"1.4.0","user":42}"#,
        )
    );
}

#[test]
fn a_failed_request_in_ecs() {
    assert_eq!(
        line(Schema::Ecs, samples::failed()),
        concat!(
            r#"{"@timestamp":"2026-01-02T12:04:11.018000000Z","log.level":"error","message":"GET /orders/981/pdf 500","#,
            r#""event.action":"campanile.request","trace.id":"4bf92f3577b34da6a3ce929d0e0e4736","#,
            r#""span.id":"8f2c1a2b3c4d5e6f","http.request.id":"01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b","#,
            r#""event.outcome":"failure","campanile.outcome":"answered","http.request.method":"GET","#,
            r#""http.route":"/orders/{id}/pdf","url.path":"/orders/981/pdf","url.query":"lang=de","url.scheme":"http","#,
            r#""url.domain":"localhost","url.port":3000,"http.response.status_code":500,"event.duration":61700000,"#,
            r#""http.response.body.bytes":38,"http.version":"1.1","client.ip":"127.0.0.1","#,
            r#""client.port":50000,"source.ip":"127.0.0.1","source.port":50000,"#,
            r#""error.type":"shop::RenderError","campanile.error.class":"error","#,
            r#""error.message":"template `invoice` missing field `vat`","#,
            r#""campanile.causes":["KeyNotFound(\"vat\")"],"log.logger":"campanile","#,
            r#""log.origin.file.name":"src/pdf.rs","log.origin.file.line":88,"ecs.version":"8.11.0","#,
            r#""service.name":"shop","service.version":"1.4.0","labels.user":42}"#,
        )
    );
}

#[test]
fn a_failed_request_in_logfmt() {
    assert_eq!(
        line(Schema::Logfmt, samples::failed()),
        concat!(
            r#"ts="2026-01-02T12:04:11.018000000Z" level=error msg="GET /orders/981/pdf 500" "#,
            r#"trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=8f2c1a2b3c4d5e6f "#,
            r#"request_id=01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b outcome=answered method=GET "#,
            r#"route=/orders/{id}/pdf path=/orders/981/pdf query="lang=de" status=500 duration_ms=61.7 "#,
            r#"response_bytes=38 client="127.0.0.1" peer="127.0.0.1" error_type=shop::RenderError error_class=error "#,
            r#"error="template `invoice` missing field `vat`" causes="KeyNotFound(\"vat\")" target=campanile "#,
            r#"file=src/pdf.rs line=88 service=shop version=1.4.0 user=42"#,
        )
    );
}

#[test]
fn the_load_stands_with_a_request_that_met_trouble_or_was_slow() {
    let loaded = |status, kept| {
        let mut parts = Parts { status: Some(status), kept, ..samples::answered() };
        (parts.in_flight, parts.in_flight_on_route) = (Some(212), Some(37));
        parts
    };
    for status in [200, 404] {
        let line = object(Schema::Otel, loaded(status, None));
        assert!(line.keys().all(|name| !name.contains("in_flight") && name != "campanile.error.class"), "{line:?}");
    }
    let slow = object(Schema::Otel, loaded(200, Some(Kept::Slow)));
    assert_eq!((&slow["campanile.in_flight"], slow.get("campanile.error.class")), (&212.into(), None));
    let shed = || Parts {
        vitals: Some(Vitals {
            unix_ns: 1,
            memory_bytes: Some(536_870_912),
            open_files: Some(1204),
            cpu_ratio: Some(1.900_04),
            runtime_lag_ns: Some(48_500_000),
            runtime_busy_ratio: Some(f64::NAN),
            runtime_tasks: None,
        }),
        ..loaded(503, None)
    };
    for schema in [Schema::Otel, Schema::Ecs] {
        let line = object(schema, shed());
        assert_eq!(line["campanile.error.class"], "saturated", "{schema:?}");
        for (name, value) in [
            ("campanile.in_flight", 212.0),
            ("campanile.route.in_flight", 37.0),
            ("campanile.process.memory_bytes", 536_870_912.0),
            ("campanile.process.open_files", 1204.0),
            ("campanile.process.cpu_cores", 1.9),
            ("campanile.runtime.lag_ms", 48.5),
        ] {
            assert_eq!(line[name].as_f64(), Some(value), "{schema:?} {name}");
        }
        assert!(line.keys().all(|name| !name.contains("busy") && !name.contains("tasks")), "what is not known is absent");
    }
    let line = line(Schema::Logfmt, shed());
    let expected = " error_class=saturated in_flight=212 route_in_flight=37 memory_bytes=536870912 open_files=1204 cpu_cores=1.9 lag_ms=48.5 ";
    assert!(line.contains(expected), "{line}");
}

#[test]
fn bodies_stand_in_every_schema() {
    let with_bodies = || {
        let mut parts = samples::answered();
        parts.request_body = Some(BodySlot { content: Text::Static("{\"a\":\n1"), kept_bytes: 7, ..BodySlot::default() });
        parts.request_bytes = Some(9);
        parts.response_body = Some(BodySlot { skipped: Text::Static("content_type"), ..BodySlot::default() });
        parts
    };
    for schema in [Schema::Otel, Schema::Ecs] {
        let line = object(schema, with_bodies());
        assert_eq!(line["http.request.body.content"], "{\"a\":\n1");
        assert_eq!(line["campanile.request.body.truncated"], true);
        assert_eq!(line["campanile.response.body.skipped"], "content_type");
        assert!(!line.contains_key("http.response.body.content") && !line.contains_key("campanile.response.body.truncated"));
    }
    let line = line(Schema::Logfmt, with_bodies());
    assert!(
        line.contains(r#"request_body="{\"a\":\n1" request_body_truncated=true response_body_skipped=content_type"#),
        "{line}"
    );
}

#[test]
fn a_call_of_grpc_has_its_method_and_messages() {
    for (status, method, original) in [(0, "shop.Orders/Get", None), (12, "_OTHER", Some("shop.Orders/Get"))] {
        let mut parts = samples::answered();
        (parts.is_rpc, parts.rpc_status, parts.path) = (true, Some(status), Text::Static("/shop.Orders/Get"));
        (parts.rpc_request_messages, parts.rpc_response_messages) = (Some(1), Some(3));
        let line = object(Schema::Otel, parts);
        assert_eq!((line["rpc.method"].as_str(), line["rpc.system.name"].as_str()), (Some(method), Some("grpc")));
        assert_eq!(line.get("rpc.method_original").and_then(|text| text.as_str()), original);
        assert_eq!((&line["campanile.rpc.request.messages"], &line["campanile.rpc.response.messages"]), (&1.into(), &3.into()));
    }
}

#[test]
fn a_live_event_names_its_request() {
    let event = samples::live(Level::WARN, "stock is low", &[("id", Value::I64(981)), ("item", Value::Str("nut"))]);
    assert_eq!(
        line(Schema::Otel, event.clone()),
        concat!(
            r#"{"timestamp":"2026-01-02T12:04:11.019300000Z","severity_text":"WARN","severity_number":13,"#,
            r#""body":"stock is low","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"8f2c1a2b3c4d5e6f","#,
            r#""trace_flags":0,"campanile.request.id":"01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b","#,
            r#""target":"shop::orders","code.file.path":"src/orders.rs","code.line.number":41,"#,
            r#""service.name":"shop","service.version":"1.4.0","id":981,"item":"nut"}"#,
        )
    );
    assert_eq!(object(Schema::Ecs, event)["labels.item"], "nut");
    let job = object(Schema::Otel, samples::span(&[("rows", Value::U64(3))]));
    assert_eq!((&job["body"], &job["duration_ms"], &job["rows"]), (&"cleanup".into(), &250.into(), &3.into()));
}

#[test]
fn a_call_is_told_in_the_names_of_the_schema() {
    let call = samples::call("503", Some(503));
    assert_eq!(
        line(Schema::Otel, call.clone()),
        concat!(
            r#"{"timestamp":"2026-01-02T12:04:11.018000000Z","severity_text":"WARN","severity_number":13,"#,
            r#""body":"GET http://stock.example:81/items?q=1 503","event_name":"campanile.span","#,
            r#""span_id":"0707070707070707","http.request.method":"GET","server.address":"stock.example","server.port":81,"#,
            r#""http.response.status_code":503,"duration_ms":250,"error.type":"503","span_name":"GET","span_kind":"client","#,
            r#""service.name":"shop","service.version":"1.4.0","#,
            r#""url.full":"http://stock.example:81/items?q=1","http.request.resend_count":1}"#,
        )
    );
    let ecs = object(Schema::Ecs, call.clone());
    assert_eq!((&ecs["url.domain"], &ecs["http.response.status_code"]), (&"stock.example".into(), &503.into()));
    assert_eq!((&ecs["event.outcome"], &ecs["http.request.method"]), (&"failure".into(), &"GET".into()));
    assert!(!ecs.contains_key("server.address") && !ecs.contains_key("labels.server.address"));
    let logfmt = line(Schema::Logfmt, call);
    assert!(logfmt.contains(" status=503 ") && logfmt.contains(" server.address=stock.example"), "{logfmt}");
    let cancelled = object(Schema::Otel, samples::call("", None));
    assert_eq!(cancelled["body"], "GET http://stock.example:81/items?q=1 cancelled");
    assert_eq!((&cancelled["severity_text"], cancelled.get("error.type")), (&"INFO".into(), None));
}

#[test]
fn an_error_of_a_call_is_told_in_the_names_of_the_schema() {
    let otel = object(Schema::Otel, samples::exception());
    assert_eq!(otel["event_name"], "http.client.request.exception");
    assert_eq!((&otel["exception.type"], &otel["exception.message"]), (&"io::Error".into(), &"refused".into()));
    assert!(otel.keys().all(|key| !key.starts_with("fields.")), "{otel:?}");
    let ecs = object(Schema::Ecs, samples::exception());
    assert_eq!((&ecs["error.message"], &ecs["exception.type"]), (&"refused".into(), &"io::Error".into()));
}

#[test]
fn a_request_is_an_error_only_when_it_failed() {
    for (status, outcome, level) in [
        (Some(200), Outcome::Answered, "INFO"),
        (Some(404), Outcome::Answered, "INFO"),
        (Some(503), Outcome::Answered, "ERROR"),
        (Some(200), Outcome::ClientGoneMidBody, "INFO"),
        (None, Outcome::Panicked, "ERROR"),
    ] {
        let parts = Parts { status, outcome, ..samples::answered() };
        assert_eq!(object(Schema::Otel, parts)["severity_text"], level, "{status:?} {outcome}");
    }
}

#[test]
fn a_field_cannot_replace_what_the_schema_says() {
    for schema in [Schema::Otel, Schema::Ecs] {
        let mut parts = samples::failed();
        for (_, name) in schema.table().names() {
            samples::attribute(&mut parts, name, Value::Str("forged"));
        }
        for name in ["service.name", "campanile.cut", "fields.x", "labels.x", "x", "__proto__", ""] {
            samples::attribute(&mut parts, name, Value::Str("forged"));
        }
        let text = line(schema, parts.clone());
        let names = text.matches("\":").count();
        let object = object(schema, parts);
        assert_eq!(names, object.len(), "a name stands twice in {text}");
        let forged: Vec<_> = object.iter().filter(|(_, value)| *value == "forged").map(|(name, _)| name).collect();
        assert_eq!(forged.len(), schema.table().rows.len() + 7);
        assert!(schema.table().names().all(|(_, name)| !forged.iter().any(|forged| *forged == name)), "{forged:?}");
        assert_eq!(object["service.name"], "shop");
    }
}

#[test]
fn of_two_fields_with_one_name_the_later_one_stays() {
    let event = samples::live(Level::INFO, "", &[("a", Value::I64(1)), ("b", Value::I64(2)), ("a", Value::I64(3))]);
    let text = line(Schema::Otel, event);
    assert!(text.ends_with(r#","b":2,"a":3}"#), "{text}");
}

#[test]
fn every_number_stays_json() {
    let values = [
        Value::F64(f64::NAN),
        Value::F64(f64::INFINITY),
        Value::F64(f64::NEG_INFINITY),
        Value::F64(-0.0),
        Value::F64(1e300),
        Value::F64(5e-324),
        Value::U64(u64::MAX),
        Value::I64(i64::MIN),
        Value::Bool(true),
        Value::Str("-170141183460469231731687303715884105728"),
    ];
    for schema in [Schema::Otel, Schema::Ecs] {
        let names: Vec<_> = (0..values.len()).map(|index| format!("n.{index}")).collect();
        let fields: Vec<_> = names.iter().map(String::as_str).zip(values).collect();
        let object = object(schema, samples::live(Level::INFO, "", &fields));
        assert_eq!((&object["n.0"], &object["n.2"]), (&"NaN".into(), &"-Infinity".into()));
        assert_eq!((&object["n.6"], &object["n.7"]), (&u64::MAX.into(), &i64::MIN.into()));
    }
}

#[test]
fn a_long_line_is_cut_at_its_longest_texts() {
    for schema in Schema::ALL {
        let mut parts = samples::failed();
        samples::attribute(&mut parts, "blob", Value::Str(&"x".repeat(16 * 1024)));
        samples::attribute(&mut parts, "short", Value::Str("kept"));
        let text = line(schema, parts.clone());
        assert!(text.contains("…[cut]") && text.contains("kept") && text.contains("RenderError"), "{text}");
        // Everything at its bound: many fields, escapes that take six bytes for one, a chain of long causes.
        let bad = "\u{1}".repeat(8 * 1024);
        for index in 0..127 {
            samples::attribute(&mut parts, &format!("{}{index}", "n".repeat(200)), Value::Str(&bad));
        }
        for _ in 0..15 {
            samples::push_failure(&mut parts, FailureKind::Body, &bad, &bad, &[(bad.as_str(), bad.as_str()); 16]);
        }
        parts.user_agent = Some(Text::Static("agent"));
        let text = line(schema, parts);
        assert!(text.contains("agent") && text.contains("8f2c1a2b3c4d5e6f"), "{text}");
        match schema {
            Schema::Logfmt => assert!(text.ends_with("cut=true"), "{text}"),
            _ => assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["campanile.cut"], true),
        }
    }
}

#[test]
fn dropped_records_are_told_once() {
    let (shared, mut losses) = (Shared::default(), Losses::default());
    losses.add(Reason::QueueFull, 12);
    losses.add(Reason::SinkIoError, 1);
    let mut json = Json::new(shared.clone());
    samples::export(&mut json, [samples::answered()], &losses).unwrap();
    samples::export(&mut json, [samples::answered()], &Losses::default()).unwrap();
    let text = shared.text();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["body"], "13 records dropped: queue_full 12, sink_io_error 1");
    assert_eq!((&first["severity_text"], &first["campanile.lost.queue_full"]), (&"WARN".into(), &12.into()));
    assert_eq!(text.matches("dropped").count(), 1);
}
