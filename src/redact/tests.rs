use proptest::prelude::*;
use tracing::Level;

use super::*;
use crate::record::parts::{EventSlot, List, Origin, Side, SpanSlot};
use crate::record::{SpanId, SpanKind, Value};

fn field(parts: &mut Parts, list: &mut List, name: &str, value: Value<'_>) {
    let name = parts.push_text(name, 1024);
    let value = parts.push_value(value, 1024);
    parts.push_field(list, name, value);
}

#[test]
fn values_of_secret_keys_are_replaced_and_keys_stay() {
    let cases = [
        ("q=a&sig=canary", "q=a&sig=REDACTED"),
        ("X-Amz-Signature=canary&x=1", "X-Amz-Signature=REDACTED&x=1"),
        ("TOKEN=canary", "TOKEN=REDACTED"),
        ("%74oken=canary&b=2", "%74oken=REDACTED&b=2"),
        ("%54%4FKEN=canary", "%54%4FKEN=REDACTED"),
        ("user%5Bpassword%5D=canary", "user%5Bpassword%5D=REDACTED"),
        ("a=1;token=canary;b=2", "a=1;token=REDACTED;b=2"),
        ("token=canary=canary&&x", "token=REDACTED&&x"),
        ("access_token=canary&access_token=canary", "access_token=REDACTED&access_token=REDACTED"),
        ("api-key=canary&", "api-key=REDACTED&"),
    ];
    for (before, after) in cases {
        assert_eq!(query(before).as_deref(), Some(after), "{before}");
        assert_eq!(query(after), None, "{after} is left alone");
    }
}

#[test]
fn a_query_without_secrets_is_left_alone() {
    for text in ["", "a=1&b=2", "token", "token=", "page_token_count=3", "%=%zz&é=ü", "&;=&"] {
        assert_eq!(query(text), None, "{text}");
    }
}

#[test]
fn no_secret_is_left_in_a_record() {
    let mut parts = Parts::default();
    parts.query = Some(parts.push_text("sig=canary-0&page=7", 1024));
    let cookie = "sid=canary-1; theme=dark";
    parts.push_header(Side::Request, "cookie", Some(cookie.as_bytes()), cookie.len());
    parts.push_header(Side::Request, "accept", Some(b"*/*"), 3);
    parts.push_header(Side::Response, "set-cookie", Some(b"sid=canary-8; HttpOnly"), 22);
    parts.push_header(Side::Trailer, "x-acme-token", Some(b"canary-9"), 8);
    let mut list = List::default();
    field(&mut parts, &mut list, "user.password", Value::Str("canary-\u{e9}"));
    field(&mut parts, &mut list, "has_token", Value::Bool(true));
    parts.attributes = list;
    let origin = Origin { name: Text::EMPTY, target: Text::EMPTY, file: Text::EMPTY, line: 0, level: Level::INFO };
    let mut list = List::default();
    field(&mut parts, &mut list, "API-KEY", Value::Str("canary-2"));
    field(&mut parts, &mut list, "order.id", Value::I64(7));
    parts.push_span(SpanSlot {
        id: SpanId([1; 8]),
        parent: SpanId::INVALID,
        origin,
        kind: SpanKind::Internal,
        error: Text::EMPTY,
        start_ns: 0,
        end_ns: 1,
        fields: list,
    });
    let mut list = List::default();
    field(&mut parts, &mut list, "cvv", Value::I64(123));
    let (message, span) = (Text::Static("paid"), SpanId::INVALID);
    parts.events.push(EventSlot { time_ns: 0, span, origin, message, fields: list, shown: false });
    let mut redacted = Record::new(Box::new(parts));
    record(&mut redacted);

    assert!(!redacted.parts().text.contains("canary"), "HD-09, HD-12: {}", redacted.parts().text);
    assert_eq!(redacted.query(), Some("sig=REDACTED&page=7"));
    let headers: Vec<_> = redacted.request_headers().map(|header| (header.name(), header.value(), header.len_bytes())).collect();
    assert_eq!(headers, [("cookie", None, 24), ("accept", Some("*/*"), 3)]);
    assert!(redacted.response_headers().chain(redacted.trailers()).all(|header| header.value().is_none()));
    assert_eq!(redacted.attribute("user.password"), Some(Value::Str(REDACTED)));
    assert_eq!(redacted.attribute("has_token"), Some(Value::Bool(true)));
    let fields: Vec<_> = redacted.spans().flat_map(|span| span.fields()).map(|field| field.value()).collect();
    assert_eq!(fields, [Value::Str(REDACTED), Value::I64(7)]);
    let fields: Vec<_> = redacted.events().flat_map(|event| event.fields()).map(|field| field.value()).collect();
    assert_eq!(fields, [Value::Str(REDACTED)]);
}

proptest! {
    #[test]
    fn no_query_keeps_a_secret(before in "[a-z=&%;]{0,20}", key in "([tT][oO][kK][eE][nN]|client_secret|SIG|%70assWord)", after in "[a-z=&%;]{0,20}") {
        let text = format!("{before}&{key}=CANARY&{after}");
        let redacted = query(&text).unwrap();
        prop_assert!(!redacted.contains("CANARY"));
        prop_assert_eq!(query(&redacted), None);
    }
}
