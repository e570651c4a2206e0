use super::*;

#[test]
fn a_misspelt_key_is_shown_with_its_place() {
    let error = Query::parse("method:GET stauts:5xx").unwrap_err();
    assert_eq!(error.to_string(), "unknown key 'stauts'; did you mean 'status'?\n  method:GET stauts:5xx\n             ^");
    assert_eq!(error.position(), 11);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for (text, message) in [
        ("status:", "'status:' needs a value"),
        ("status:abc", "'status' cannot be 'abc'"),
        ("status:499..400", "the range '499..400' is empty: its start is above its end"),
        ("(status:5xx", "this '(' is never closed"),
        ("status:5xx)", "unexpected ')'"),
        ("()", "nothing between the parentheses"),
        ("a or", "'or' needs a term on both sides; quote it to search for the word"),
        ("or a", "'or' needs a term on both sides; quote it to search for the word"),
        ("a and", "'and' needs a term on both sides; quote it to search for the word"),
        ("and a", "'and' needs a term on both sides; quote it to search for the word"),
        ("-", "nothing to negate; quote it to search for the text"),
        ("\"open", "this quotation is never closed"),
        ("ms:300", "compare 'duration' with > or <, or give a range such as duration:100ms..300ms"),
        ("trace:abc", "a trace id is 32 hexadecimal digits, or its first 4 at least"),
        ("class:5xx", "no class is called '5xx'; it is one of panic, saturated, timeout, error"),
        ("in_flight:many", "'in_flight' cannot be 'many'"),
        ("outcome~pan", "'outcome' cannot be compared so; write outcome:value"),
        ("outcome~/pan/", "'outcome' is no text: a /pattern/ cannot find it"),
        ("status:404,", "'status:404,' needs a value"),
        ("status:404,,500", "'status:404,' needs a value"),
        ("path~/a(/", "the /pattern/ is wrong: unclosed group"),
        ("path~/a{1000}{1000}/", "the /pattern/ is too large"),
        ("client:shop", "'shop' is neither an address nor a network such as 10.0.0.0/8"),
        ("bytes>1XB", "'bytes' cannot be '1XB'"),
        ("ttfb:3", "compare 'ttfb' with > or <, or give a range such as ttfb:100ms..300ms"),
    ] {
        assert_eq!(Query::parse(text).unwrap_err().message(), message, "{text}");
    }
    assert!(Query::parse(&"(".repeat(100)).is_err());
    assert!(Query::parse(&"x".repeat(5000)).is_err());
    assert!(Query::parse(&"-".repeat(4000)).is_err());
    assert!(Query::parse(&format!("status:404{}", ",404".repeat(255))).is_ok());
    assert!(Query::parse(&format!("status:404{}", ",404".repeat(256))).is_err());
}

#[test]
fn a_caret_stands_under_the_item_of_a_list_that_is_wrong() {
    let error = Query::parse("status:404,x method:GET").unwrap_err();
    assert_eq!(error.to_string(), "'status' cannot be 'x'\n  status:404,x method:GET\n             ^");
}

const NOW: u64 = 1_800_000_000_000_000_000;

/// Whether a record made by `change` matches.
fn matches(query: &str, change: impl FnOnce(&mut crate::record::parts::Parts)) -> bool {
    let mut parts = Box::<crate::record::parts::Parts>::default();
    change(&mut parts);
    Query::parse(query).unwrap().matches(&Record::new(parts), NOW)
}

#[test]
fn numbers_compare_by_class_range_and_order() {
    for (query, status, expected) in [
        ("status:5xx", 503, true),
        ("status:5xx", 404, false),
        ("status>4xx", 499, false),
        ("status>4xx", 500, true),
        ("status>=4xx", 400, true),
        ("status:400..499", 499, true),
        ("status:400..", 599, true),
        ("status!=404", 404, false),
        ("code=404", 404, true),
    ] {
        assert_eq!(matches(query, |parts| parts.status = Some(status)), expected, "{query} {status}");
    }
    assert!(!matches("status<900", |_| {}), "no status is below nothing");
    assert!(matches("status!=404", |_| {}));
    for (query, expected) in [("ms>300", true), ("ms>301", false), ("duration>=301ms", true), ("ms:0.2s..1s", true)] {
        assert_eq!(matches(query, |parts| parts.duration_ns = 301_000_000), expected, "{query}");
    }
}

#[test]
fn trouble_is_asked_for_by_its_class_and_the_load_it_met() {
    let answer = |status, in_flight| {
        move |parts: &mut crate::record::parts::Parts| (parts.status, parts.in_flight) = (Some(status), in_flight)
    };
    for (query, status, in_flight, expected) in [
        ("class:saturated", 503, None, true),
        ("class:Saturated", 429, None, true),
        ("class:timeout", 504, None, true),
        ("class:error", 500, None, true),
        ("class:error", 503, None, false),
        ("class!=error", 200, None, true),
        ("-class:error", 500, None, false),
        ("in_flight>100", 200, Some(101), true),
        ("in_flight>100", 200, Some(100), false),
        ("inflight:1..9", 200, Some(9), true),
        ("in_flight<5", 200, None, false),
    ] {
        assert_eq!(matches(query, answer(status, in_flight)), expected, "{query} {status} {in_flight:?}");
    }
}

#[test]
fn kept_asks_why_detail_is_there() {
    use crate::record::Kept;
    for (query, kept, expected) in [
        ("kept:slow", Some(Kept::Slow), true),
        ("kept:slow", Some(Kept::Failed), false),
        ("kept:any", Some(Kept::Failed), true),
        ("kept:any", None, false),
        ("kept:none", None, true),
        ("-kept:none", None, false),
    ] {
        assert_eq!(matches(query, |parts| parts.kept = kept), expected, "{query}");
    }
    assert!(Query::parse("kept:quickly").is_err());
}

#[test]
fn times_count_back_from_now() {
    let minutes_ago =
        |minutes: u64| move |parts: &mut crate::record::parts::Parts| parts.start_unix_ns = NOW - minutes * 60_000_000_000;
    assert!(matches("since:10m", minutes_ago(10)));
    assert!(!matches("since:10m", minutes_ago(11)));
    assert!(matches("since:1h until:10m", minutes_ago(11)));
    assert!(!matches("until:10m", minutes_ago(10)));
    assert!(matches("since:2027-01-15T07:59:00Z", minutes_ago(0)));
    assert!(matches("until:2027-01-15T09:01:00+01:00", minutes_ago(0)));
}

#[test]
fn and_binds_closer_than_or() {
    let status = |status| move |parts: &mut crate::record::parts::Parts| parts.status = Some(status);
    assert!(matches("status:404 or status:500 status:501", status(404)));
    assert!(!matches("(status:404 or status:500) status:501", status(404)));
    assert!(matches("not (status:404 or status:500)", status(200)));
    assert!(matches("--status:404", status(404)));
    assert!(matches("", status(404)));
}

#[test]
fn words_of_the_grammar_are_searched_when_quoted() {
    let path =
        |path: &'static str| move |parts: &mut crate::record::parts::Parts| parts.path = crate::record::parts::Text::Static(path);
    assert!(matches("\"or\"", path("/this/or/that")));
    assert!(matches("or-else", path("/or/else")));
    assert!(matches("\"stauts:5xx\"", path("/stauts/5xx")));
    assert!(matches("12:30", path("/at/12/30")));
}

#[test]
fn a_list_is_any_of_its_items() {
    let status = |status| move |parts: &mut crate::record::parts::Parts| parts.status = Some(status);
    for (query, with, expected) in [
        ("status:404,5xx", 503, true),
        ("status:404,5xx", 404, true),
        ("status:404,5xx", 403, false),
        ("status!=404,5xx", 503, false),
        ("status!=404,5xx", 403, true),
        ("-status:404,5xx", 403, true),
        ("status:100..199,\"404\"", 404, true),
    ] {
        assert_eq!(matches(query, status(with)), expected, "{query} {with}");
    }
    let path = |parts: &mut crate::record::parts::Parts| parts.path = crate::record::parts::Text::Static("/a,b");
    assert!(matches("path:\"/a,b\"", path) && !matches("path:/a,b", path) && matches("path:/x,\"/a,b\"", path));
    assert!(matches("path~a,b", path), "a part is one text");
}

#[test]
fn a_pattern_stands_between_slashes_and_may_hold_anything() {
    let path =
        |path: &'static str| move |parts: &mut crate::record::parts::Parts| parts.path = crate::record::parts::Text::Static(path);
    for (query, at, expected) in [
        ("path~/^.orders.\\d+$/", "/orders/17", true),
        ("path~/^.ORDERS/", "/orders/17", true),
        ("path~/(?-i)^.ORDERS/", "/orders/17", false),
        ("path~/orders\\/1/", "/orders/17", true),
        ("(path~/a (b|c)/)", "/a c", true),
        ("path~/a (b|c)/ status:200", "/a c", false),
        ("path~/orders/17", "/orders/17", true),
        ("path~\"/^/\"", "/orders/17", false),
        ("path~/", "/orders/17", true),
        ("path~//", "//", true),
        ("-path~/\\d/", "/orders", true),
        ("~/ord.rs/", "/orders", true),
    ] {
        assert_eq!(matches(query, path(at)), expected, "{query} {at}");
    }
}

#[test]
fn texts_are_asked_for_by_the_place_where_they_stand() {
    use crate::record::parts::{HeaderSlot, Look, Parts, Side, Text};
    let change = |parts: &mut Parts| {
        parts.kind = crate::record::Kind::Request;
        parts.host = Some(Text::Static("shop.example"));
        parts.user_agent = Some(Text::Static("curl/8.5"));
        parts.peer = Some("10.1.2.3:80".parse().unwrap());
        parts.response_bytes = 2_000_000;
        parts.first_byte_ns = Some(250_000_000);
        let (name, value) = (Text::Static("x-tenant"), Some(Text::Static("Acme")));
        parts.headers.push(HeaderSlot { side: Side::Response, look: Look::Name, name, value, len: 4 });
        parts.set_attribute(Text::Static("tenant"), crate::record::parts::Slot::I64(7));
    };
    for (query, expected) in [
        ("host:SHOP.example", true),
        ("host:shop", false),
        ("server.address:shop*", true),
        ("agent:curl/*", true),
        ("client:10.1.0.0/16", true),
        ("ip:10.1.2.3", true),
        ("client:10.1.2.4,::1", false),
        ("header.X-Tenant:acme", true),
        ("header.x-other:acme", false),
        ("attr.tenant:7", true),
        ("attr.tenant:8", false),
        ("bytes>=2MB", true),
        ("bytes:..1.5MiB", false),
        ("ttfb>200ms", true),
        ("ttfb<250", false),
        ("request_bytes:0..", false),
        ("http.response.status_code:200", false),
    ] {
        assert_eq!(matches(query, change), expected, "{query}");
    }
}

#[test]
fn who_wrote_a_record_is_asked_by_service_and_instance() {
    let mut resource = crate::record::Resource::default();
    resource.set("service.name", "shop");
    resource.set("service.instance.id", "web-1");
    let record = Record::new(Box::default());
    for (query, expected) in
        [("service:shop", true), ("instance:web-*", true), ("-instance:web-1", false), ("service~/^s/", true)]
    {
        assert_eq!(Query::parse(query).unwrap().matches_from(&resource, &record, NOW), expected, "{query}");
    }
    assert!(!matches("service:shop", |_| {}), "nobody wrote it");
}

#[test]
fn a_short_id_is_found_by_its_start() {
    let id = |parts: &mut crate::record::parts::Parts| {
        parts.span_id = crate::record::SpanId([0xa8, 0x1f, 0, 0, 0, 0, 0, 1]);
    };
    for (query, expected) in
        [("a81f", true), ("A81F", true), ("a81", false), ("id:a8", true), ("id:a82", false), ("a81f1", false)]
    {
        assert_eq!(matches(query, id), expected, "{query}");
    }
}

#[test]
fn a_release_is_a_version_or_the_start_of_a_revision() {
    let mut resource = crate::record::Resource::default();
    resource.set("service.version", "1.4.2");
    resource.set("vcs.ref.head.revision", "9D59409acf479dfa0df1aa568182e43e43df8bbe");
    let record = Record::new(Box::default());
    for (query, expected) in [
        ("release:1.4.2", true),
        ("version:1.4.2", true),
        ("release:1.4", false),
        ("release:1.4*", true),
        ("release~4.2", true),
        ("release:9d59", true),
        ("release:9d5", false),
        ("release:9d5940a", false),
        ("release:9d59409acf479dfa0df1aa568182e43e43df8bbe", true),
        ("-release:9d59", false),
    ] {
        assert_eq!(Query::parse(query).unwrap().matches_from(&resource, &record, NOW), expected, "{query}");
    }
    assert!(!Query::parse("release:1.4.2").unwrap().matches(&record, NOW), "nobody wrote it");
    assert!(Query::parse("release>1").is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in "\\PC*", noise in "[a-z:=<>~!\"()\\\\. 0-9*{}-]{0,40}") {
        for text in [&text, &noise] {
            if let Err(error) = Query::parse(text) {
                proptest::prop_assert!(error.position() <= text.chars().count());
            }
        }
    }

    #[test]
    fn a_query_and_its_negation_never_both_match(seed: u64, record: u64) {
        let record = sample::record(record, NOW);
        let text = sample::query(seed, false);
        let matches = |text: &str| Query::parse(text).unwrap().matches(&record, NOW);
        proptest::prop_assert_ne!(matches(&text), matches(&format!("-({text})")));
    }
}
