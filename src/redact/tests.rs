use proptest::prelude::*;
use tracing::Level;

use super::note::Notes;
use super::*;
use crate::record::parts::{BodySlot, CauseSlot, EventSlot, FailureSlot, List, Media, Origin, Parts, Side, SpanSlot, Text};
use crate::record::{FailureKind, Record, SpanId, SpanKind, Value};

fn field(parts: &mut Parts, list: &mut List, name: &str, value: Value<'_>) {
    let name = parts.push_text(name, 1024);
    let value = parts.push_value(value, 1024);
    parts.push_field(list, name, value);
}

fn form(text: &str) -> Option<String> {
    Rules::default().form(text, false, &mut Notes::default())
}

const fn origin(name: Text) -> Origin {
    Origin { name, target: Text::EMPTY, file: Text::EMPTY, line: 0, level: Level::INFO }
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
        ("code=canary&state=x", "code=REDACTED&state=x"),
        ("password=canary-21&x=1", "password=REDACTED&x=1"),
        ("p%61ssword=canary-22", "p%61ssword=REDACTED"),
        ("user+password=canary", "user+password=REDACTED"),
        ("users[][password]=canary", "users[][password]=REDACTED"),
        ("next=https%3A%2F%2Fu%3Acanary%40h%2F", "next=REDACTED"),
        ("next=https://u:canary@h/", "next=https://REDACTED:REDACTED@h/"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.canary", "REDACTED"),
        ("a=Bearer+canary-1", "a=Bearer+REDACTED"),
        ("https://u:canary@h/?a=b", "https://REDACTED:REDACTED@h/?a=b"),
        ("https%3A%2F%2Fu%3Acanary%40h=1&b", "REDACTED=1&b"),
        ("Basic dXNlcjpjYW5hcnk=", "Basic REDACTED="),
        ("Basic+dXNlcjpjYW5hcnk=&b=1", "Basic+REDACTED=&b=1"),
        ("ghp_7canary7canary7=1", "REDACTED=1"),
    ];
    for (before, after) in cases {
        assert_eq!(query(before).as_deref(), Some(after), "{before}");
        assert_eq!(form(before).as_deref(), Some(after), "BO-21, BO-22: {before}");
        assert_eq!((query(after), form(after)), (None, None), "{after} is left alone");
    }
}

#[test]
fn json_that_is_called_a_form_is_read_as_json() {
    let cases = [
        (r#"{"token":"canary==","a":1}"#, r#"{"token":"REDACTED","a":1}"#),
        (r#"{"password":"can&ary;canary"}"#, r#"{"password":"REDACTED"}"#),
        (r#"{"a":"x=y&z","b":[1]}"#, r#"{"a":"x=y&z","b":[1]}"#),
        (r#"{"password":"canary","next":"/a?b=c"}"#, r#"{"password":"REDACTED","next":"/a?b=c"}"#),
        (r#"{"password":"canary=ca"#, r#"{"password":"REDACTED""#),
    ];
    for (before, after) in cases {
        let mut parts = Parts::default();
        let content = parts.push_text(before, 1024);
        let kept_bytes = u32::try_from(before.len()).unwrap();
        parts.request_body = Some(BodySlot { media: Media::Form, content, kept_bytes, skipped: Text::EMPTY });
        let mut record = Record::new(Box::new(parts));
        Rules::default().record(&mut record);
        assert_eq!(record.request_body().unwrap().content(), after, "{before}");
    }
}

#[test]
fn a_query_without_secrets_is_left_alone() {
    for text in ["", "a=1&b=2", "token", "token=", "page_token_count=3", "%=%zz&é=ü", "&;=&", "code=7", "email=a@b.org"] {
        assert_eq!(query(text), None, "{text}");
    }
}

#[test]
fn ur_10_of_a_flood_of_pairs_64_are_looked_at_and_the_rest_is_cut_off() {
    let flood = "a&".repeat(30_000) + "token=canary";
    let out = query(&flood).unwrap();
    assert_eq!(out, "a&".repeat(64) + CUT_MARK, "UR-10");
    assert_eq!(query(&out), None, "UR-10");
    assert_eq!(query(&"a&".repeat(63)), None);
    let form = form(&flood).unwrap();
    assert!(form.ends_with("a&REDACTED") && form.len() < 3000, "{form}");
}

#[test]
fn paths_lose_what_is_personal() {
    let path = |text: &str| {
        let mut parts = Parts::default();
        parts.path = parts.push_text(text, 1024);
        let mut record = Record::new(Box::new(parts));
        Rules::default().record(&mut record);
        record.path().to_owned()
    };
    let cases = [
        ("/u/alice@example.org/card/4111111111111111", "/u/REDACTED/card/REDACTED"),
        ("/u/alice%40example.org/x", "/u/REDACTED/x"),
        ("/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.canary", "/reset/REDACTED"),
        ("/a;token=canary/b", "/a;token=REDACTED"),
        ("user:canary-12@host.invalid:443", "REDACTED@host.invalid:443"),
        ("/a%0d%0a2026-01-01%20INFO%20forged", "/a%0d%0a2026-01-01%20INFO%20forged"),
        ("/%00%1b%5b2J", "/%00%1b%5b2J"),
        ("/..//.././%2e%2e/%5c..", "/..//.././%2e%2e/%5c.."),
        ("/orders/981", "/orders/981"),
        ("/p/https://user:canary@localhost/%20", "/p/https://REDACTED:REDACTED@localhost/%20"),
        ("/p/https://user:canary@example.org/%20", "/p/https://REDACTED:REDACTED@example.org/%20"),
        ("/p/https:%2F%2Fuser:canary%40localhost/", "/p/REDACTED/"),
    ];
    for (before, after) in cases {
        assert_eq!(path(before), after, "UR-06: {before}");
        assert_eq!(path(after), after);
    }
}

#[test]
fn a_whole_url_loses_what_its_path_and_query_would() {
    let full = |rules: Rules, text: &str| {
        let (mut parts, mut list) = (Parts::default(), List::default());
        field(&mut parts, &mut list, "url.full", Value::Str(text));
        parts.attributes = list;
        let mut record = Record::new(Box::new(parts));
        rules.record(&mut record);
        let Some(Value::Str(text)) = record.attribute("url.full") else { panic!("it is there") };
        (text.to_owned(), record.redactions().map(|redaction| redaction.key().unwrap_or_default().to_owned()).collect::<Vec<_>>())
    };
    let cases = [
        ("http://h/items?q=1", "http://h/items?q=1"),
        ("http://h:81/?q=1&token=canary", "http://h:81/?q=1&token=REDACTED"),
        ("http://h/u/alice@example.org?sig=canary", "http://h/u/REDACTED?sig=REDACTED"),
        ("http://h/u/alice%40example.org", "http://h/u/REDACTED"),
        ("http://h/p/https:%2F%2Fuser:canary%40a/?x=https%3A%2F%2Fu%3Acanary%40h", "http://h/p/REDACTED/?x=REDACTED"),
        ("http://REDACTED:REDACTED@h/?%74oken=canary", "http://REDACTED:REDACTED@h/?%74oken=REDACTED"),
        ("https://u:canary@h", "https://REDACTED:REDACTED@h"),
        ("/items?token=canary", "/items?token=REDACTED"),
        ("http://h/?a=1&token=cana…[cut]", "http://h/?a=1&token=REDACTED…[cut]"),
    ];
    for (before, after) in cases {
        let (once, keys) = full(Rules::default(), before);
        assert_eq!(once, after, "{before}");
        assert_eq!(keys.is_empty(), before == after, "{before} is told of");
        assert_eq!(full(Rules::default(), after), (after.to_owned(), vec![]), "once more");
    }
    let (_, keys) = full(Rules::default(), "http://h/?a=1&token=canary");
    assert_eq!(keys, ["token"]);
    let url = "http://h/?page_token=7&access_token=canary";
    let shown = Redact::new().show_key("page_token").rules().unwrap();
    assert_eq!(full(shown, url).0, "http://h/?page_token=7&access_token=REDACTED");
    let off = Redact::new().export_secrets_in_clear_text().rules().unwrap();
    assert_eq!(full(off, url).0, url);
}

#[test]
fn numbers_that_are_card_numbers_are_replaced() {
    let numbers = |rules: Rules| {
        let (mut parts, mut list) = (Parts::default(), List::default());
        field(&mut parts, &mut list, "pan", Value::U64(4_929_137_846_001_238));
        field(&mut parts, &mut list, "signed", Value::I64(4_929_137_846_001_238));
        field(&mut parts, &mut list, "float", Value::F64(4_929_137_846_001_238.0));
        field(&mut parts, &mut list, "time", Value::U64(1_700_000_000_000_000_000));
        field(&mut parts, &mut list, "customer", Value::I64(7_740_123));
        parts.attributes = list;
        let mut record = Record::new(Box::new(parts));
        rules.record(&mut record);
        let hidden = record.attributes().filter(|field| field.value() == Value::Str(REDACTED));
        hidden.map(|field| field.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(Rules::default()), ["pan", "signed", "float"]);
    let own = Redact::new().pattern(r"^774\d{4}$").rules().unwrap();
    assert_eq!(numbers(own), ["pan", "signed", "float", "customer"]);
}

#[test]
fn a_refused_request_id_is_no_header_of_the_record() {
    let shown = |rules: &Rules, own: &str| {
        let mut parts = Parts::default();
        parts.request_id = parts.push_text(own, 64);
        parts.push_header(Side::Request, "x-request-id", Some(b"strangers-id"), 12);
        parts.push_header(Side::Response, "x-request-id", Some(b"own-id"), 6);
        let mut record = Record::new(Box::new(parts));
        rules.record(&mut record);
        let headers = record.request_headers().chain(record.response_headers());
        headers.map(|header| header.value().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (rules, stranger) = (Rules::default(), Some("strangers-id".to_owned()));
    assert_eq!(shown(&rules, "own-id"), [None, Some("own-id".to_owned())]);
    assert_eq!(shown(&rules, "strangers-id")[0], stranger);
    let off = Redact::new().export_secrets_in_clear_text().rules().unwrap();
    assert_eq!(shown(&off, "own-id")[0], None, "headers are left out all the same");
    let own = Redact::new().show_header("x-request-id").rules().unwrap();
    assert_eq!(shown(&own, "own-id")[0], stranger);
}

#[test]
fn what_is_encoded_in_a_message_of_grpc_is_looked_at() {
    let mut parts = Parts::default();
    for message in ["no%20user%3A%20password%3Dcanary", "no user https://u:canary@h", "no%20user"] {
        parts.push_header(Side::Trailer, "grpc-message", Some(message.as_bytes()), message.len());
    }
    parts.trace_state = parts.push_text("a=1,b=ghp_7canary7canary7", 64);
    let mut target = origin(Text::EMPTY);
    target.target = parts.push_text("app token=canary", 64);
    let event = EventSlot {
        time_ns: 0,
        span: SpanId::INVALID,
        origin: target,
        message: Text::EMPTY,
        fields: List::default(),
        shown: false,
    };
    parts.events.push(event);
    let mut record = Record::new(Box::new(parts));
    Rules::default().record(&mut record);
    let values: Vec<_> = record.trailers().filter_map(|header| header.value()).collect();
    assert_eq!(values, ["REDACTED", "no user https://REDACTED:REDACTED@h", "no%20user"]);
    assert_eq!(record.trace_state(), "a=1,b=REDACTED");
    assert_eq!(record.events().next().unwrap().target(), "app token=REDACTED");
    assert!(!record.parts().text.contains("canary"));
}

/// A record with something secret in every place that can hold it.
fn full() -> Parts {
    let mut parts = Parts::default();
    parts.path = parts.push_text("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.canary", 1024);
    parts.query = Some(parts.push_text("sig=canary-0&page=7", 1024));
    parts.user_agent = Some(parts.push_text("Bearer canary-ua", 1024));
    let cookie = "sid=canary-1; theme=dark";
    parts.push_header(Side::Request, "cookie", Some(cookie.as_bytes()), cookie.len());
    parts.push_header(Side::Request, "accept", Some(b"*/*"), 3);
    parts.push_header(Side::Request, "via", Some(b"http://u:canary@h"), 17);
    parts.push_header(Side::Response, "set-cookie", Some(b"sid=canary-8; HttpOnly"), 22);
    parts.push_header(Side::Trailer, "x-acme-token", Some(b"canary-9"), 8);
    let mut list = List::default();
    field(&mut parts, &mut list, "user.password", Value::Str("canary-\u{e9}"));
    field(&mut parts, &mut list, "has_token", Value::Bool(true));
    field(&mut parts, &mut list, "note", Value::Str("{\"pass\\u0077ord\": \"canary\", \"a\": 1}"));
    parts.attributes = list;
    let mut list = List::default();
    field(&mut parts, &mut list, "API-KEY", Value::Str("canary-2"));
    field(&mut parts, &mut list, "order.id", Value::I64(7));
    let name = parts.push_text("GET https://u:canary@host/", 1024);
    parts.push_span(SpanSlot {
        id: SpanId([1; 8]),
        parent: SpanId::INVALID,
        origin: origin(name),
        kind: SpanKind::Internal,
        error: Text::EMPTY,
        start_ns: 0,
        end_ns: 1,
        fields: list,
    });
    let mut list = List::default();
    field(&mut parts, &mut list, "cvv", Value::I64(123));
    let message = parts.push_text("paid by token=canary-3", 1024);
    let event = EventSlot {
        time_ns: 0,
        span: SpanId::INVALID,
        origin: origin(Text::Static("event")),
        message,
        fields: list,
        shown: false,
    };
    parts.events.push(event);
    // The same text twice, as an extractor's refusal has it.
    let cause = parts.push_text("password=canary-4", 1024);
    parts.causes.push(CauseSlot { type_name: Text::EMPTY, message: cause });
    parts.failures.push(FailureSlot {
        message,
        backtrace: cause,
        causes: (0, 1),
        ..FailureSlot::new(FailureKind::Rejection, (SpanId::INVALID, 0))
    });
    let content = parts.push_text("{\"password\":\"canary-5\",\"a\":\"b\"}", 1024);
    parts.request_body = Some(BodySlot { media: Media::Json, content, kept_bytes: 31, skipped: Text::EMPTY });
    parts.request_bytes = Some(31);
    let content = parts.push_text("-----BEGIN PRIVATE KEY-----\ncanary-23\n-----END PRIVATE KEY-----", 1024);
    parts.response_body = Some(BodySlot { media: Media::Text, content, kept_bytes: 63, skipped: Text::EMPTY });
    parts.response_bytes = 63;
    parts
}

#[test]
fn no_secret_is_left_in_a_record() {
    let mut redacted = Record::new(Box::new(full()));
    Rules::default().record(&mut redacted);

    assert!(!redacted.parts().text.contains("canary"), "HD-09, HD-12, BO-24: {}", redacted.parts().text);
    assert_eq!(redacted.path(), "/t/REDACTED");
    assert_eq!(redacted.query(), Some("sig=REDACTED&page=7"));
    assert_eq!(redacted.user_agent(), Some("Bearer REDACTED"));
    // What a hole in the copying let through is taken out here.
    let headers: Vec<_> = redacted.request_headers().map(|header| (header.name(), header.value(), header.len_bytes())).collect();
    assert_eq!(headers, [("cookie", None, 24), ("accept", Some("*/*"), 3), ("via", Some("http://REDACTED:REDACTED@h"), 17)]);
    assert!(redacted.response_headers().chain(redacted.trailers()).all(|header| header.value().is_none()));
    assert_eq!(redacted.attribute("user.password"), Some(Value::Str(REDACTED)));
    assert_eq!(redacted.attribute("has_token"), Some(Value::Bool(true)));
    assert_eq!(redacted.attribute("note"), Some(Value::Str("{\"pass\\u0077ord\": \"REDACTED\", \"a\": 1}")));
    let fields: Vec<_> = redacted.spans().flat_map(|span| span.fields()).map(|field| field.value()).collect();
    assert_eq!(fields, [Value::Str(REDACTED), Value::I64(7)]);
    assert_eq!(redacted.spans().next().unwrap().name(), "GET https://REDACTED:REDACTED@host/");
    let event = redacted.events().next().unwrap();
    assert_eq!(event.fields().map(|field| field.value()).collect::<Vec<_>>(), [Value::Str(REDACTED)]);
    assert_eq!(event.message(), "paid by token=REDACTED");
    let failure = redacted.failures().next().unwrap();
    assert_eq!((failure.message(), failure.backtrace()), ("paid by token=REDACTED", Some("password=REDACTED")));
    assert_eq!(failure.causes().next().unwrap().message(), "password=REDACTED");
    assert_eq!(redacted.request_body().unwrap().content(), "{\"password\":\"REDACTED\",\"a\":\"b\"}");
    assert_eq!(redacted.response_body().unwrap().content(), "REDACTED", "BO-24");
}

#[test]
fn each_redaction_is_told_with_its_reason_and_length() {
    let mut redacted = Record::new(Box::new(full()));
    Rules::default().record(&mut redacted);
    let told: Vec<_> = redacted
        .redactions()
        .map(|redaction| {
            (redaction.place(), redaction.key().unwrap_or_default(), redaction.rule(), redaction.len_bytes(), redaction.hash())
        })
        .collect();
    let expected = [
        ("http.header", "cookie", "sessions", 24, None),
        ("http.header", "via", "user and password of a URL", 8, None),
        ("http.header", "set-cookie", "sessions", 22, None),
        ("http.header", "x-acme-token", "access, refresh, id, session or CSRF token", 8, None),
        ("url.path", "", "JSON web token", 43, None),
        ("url.query", "sig", "signed URL, Azure", 8, None),
        ("user_agent.original", "", "credentials", 9, None),
        ("field", "user.password", "password", 9, None),
        ("field", "pass\\u0077ord", "password", 6, None),
        ("field", "API-KEY", "credentials", 8, None),
        ("field", "cvv", "payment card", 3, None),
        ("span", "", "user and password of a URL", 8, None),
        ("event", "token", "access, refresh, id, session or CSRF token", 8, None),
        ("exception.stacktrace", "password", "password", 8, None),
        ("http.request.body.content", "password", "password", 8, None),
        ("http.response.body.content", "", "private key", 63, None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn equal_secrets_have_the_same_hash_where_hashes_are_asked_for() {
    let rules = Redact::new().hashes(true).rules().unwrap();
    let hashes = |query: &str| {
        let mut parts = Parts::default();
        parts.query = Some(parts.push_text(query, 1024));
        let mut record = Record::new(Box::new(parts));
        rules.record(&mut record);
        record.redactions().map(|redaction| redaction.hash().unwrap()).collect::<Vec<_>>()
    };
    let [one, other, same] = hashes("token=a&token=b&token=a")[..] else { panic!("three redactions") };
    assert!(one == same && one != other);
    assert_eq!(hashes("sig=a"), [one]);
    let elsewhere = Redact::new().hashes(true).rules().unwrap();
    let mut notes = elsewhere.notes(1);
    notes.push("", "", "a");
    assert_ne!(notes.all[0].hash, one, "another key, another hash");
}

#[test]
fn rules_of_the_settings_reach_every_text() {
    let redact = Redact::new().key("iban").pattern(r"CH\d{4,}").show_key("page_token").show_key("sig");
    let rules = redact.rules().unwrap();
    let mut parts = Parts::default();
    parts.query = Some(parts.push_text("iban=canary&sig=a&page_token=b&x=CH12345&access_token=canary", 1024));
    let message = parts.push_text("paid to CH12345 by iban: canary", 1024);
    let event = EventSlot {
        time_ns: 0,
        span: SpanId::INVALID,
        origin: origin(Text::EMPTY),
        message,
        fields: List::default(),
        shown: false,
    };
    parts.events.push(event);
    let mut record = Record::new(Box::new(parts));
    rules.record(&mut record);
    assert_eq!(record.query(), Some("iban=REDACTED&sig=a&page_token=b&x=REDACTED&access_token=REDACTED"));
    assert_eq!(record.events().next().unwrap().message(), "paid to REDACTED by iban: REDACTED");
}

#[test]
fn switched_off_only_headers_are_left_out() {
    let rules = Redact::new().export_secrets_in_clear_text().rules().unwrap();
    let mut record = Record::new(Box::new(full()));
    rules.record(&mut record);
    assert_eq!(record.query(), Some("sig=canary-0&page=7"));
    assert_eq!(record.attribute("user.password"), Some(Value::Str("canary-\u{e9}")));
    let secret = ["cookie", "set-cookie", "x-acme-token"];
    let headers = record.request_headers().chain(record.response_headers()).chain(record.trailers());
    assert!(headers.filter(|header| secret.contains(&header.name())).all(|header| header.value().is_none()));
}

#[test]
fn a_record_full_of_secrets_tells_of_some_and_keeps_none() {
    let mut parts = Parts::default();
    for _ in 0..40 {
        let text = parts.push_text(&"a=Bearer canary-7 token=canary ".repeat(20), 10_000);
        parts.causes.push(CauseSlot { type_name: Text::EMPTY, message: text });
    }
    let mut record = Record::new(Box::new(parts));
    Rules::default().record(&mut record);
    assert!(!record.parts().text.contains("canary"));
    assert_eq!(record.redactions().len(), crate::record::parts::MAX_REDACTIONS);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_query_keeps_a_secret(before in "[a-z=&%;]{0,20}", key in "([tT][oO][kK][eE][nN]|client_secret|SIG|%70assWord)", after in "[a-z=&%;]{0,20}") {
        let text = format!("{before}&{key}=CANARY&{after}");
        let redacted = query(&text).unwrap();
        prop_assert!(!redacted.contains("CANARY"));
        prop_assert_eq!(query(&redacted), None);
    }

    #[test]
    fn no_text_keeps_a_secret_wherever_it_is_cut(
        before in "[a-z \n\"'{}\\[\\]().,é]{0,12}",
        secret in prop_oneof![
            Just("password=CANARY9 "), Just("\"api_key\": \"CANARY9\""), Just("Bearer CANARY9 "), Just("token: Some(\"CANARY9\")"),
            Just("db://user:CANARY9@host/"), Just("secret: Secret { value: \"CANARY9\" }"), Just("Authorization: Digest CANARY9\n"),
            Just("-----BEGIN PRIVATE KEY-----\nCANARY9\n-----END PRIVATE KEY-----"), Just("\\\"pwd\\\":\\\"CANARY9\\\""),
        ],
        after in "[a-z \n\"'{}\\[\\]().,é]{0,12}",
        cut in any::<prop::sample::Index>(),
    ) {
        let text = format!("{before} {secret}{after}");
        let redact = |text: &str, is_cut| {
            let nature = super::text::Nature { is_cut, ..Default::default() };
            Rules::default().text(text, nature, &mut Notes::default()).unwrap_or_else(|| text.to_owned())
        };
        let once = redact(&text, false);
        prop_assert!(!once.contains("CANARY"), "{text:?}: {once:?}");
        prop_assert_eq!(redact(&once, false), once);
        let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let out = redact(&text[..at], true);
        prop_assert!(!out.contains("CAN"), "{:?}: {out:?}", &text[..at]);
    }

    #[test]
    fn any_text_comes_through_without_harm(text in ".{0,80}", noise in "[=:/@\"'\\\\ a-eJbB0-9\\-_(){}\\[\\]]{0,80}") {
        for text in [&text, &noise] {
            for is_cut in [false, true] {
                let nature = super::text::Nature { is_cut, is_path: is_cut };
                let once = Rules::default().text(text, nature, &mut Notes::default());
                if let Some(once) = once {
                    let twice = Rules::default().text(&once, nature, &mut Notes::default());
                    prop_assert!(twice.is_none_or(|twice| twice.len() <= once.len() + 64), "{once}");
                }
            }
        }
    }
}
