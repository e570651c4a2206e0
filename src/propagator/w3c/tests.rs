use proptest::prelude::*;

use super::*;

const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers<'a>(parents: impl IntoIterator<Item = &'a [u8]>, states: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in parents {
        headers.append(&TRACEPARENT, HeaderValue::from_bytes(value).unwrap());
    }
    for value in states {
        headers.append(&TRACESTATE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn parent_of(value: &str) -> Option<(String, String, u8)> {
    let headers = headers([value.as_bytes()], &[]);
    read(&headers).map(|remote| (remote.trace_id.to_string(), remote.parent_id.unwrap().to_string(), remote.flags.unwrap().0))
}

fn state_of(states: &[&str]) -> String {
    let headers = headers([VALID.as_bytes()], states);
    let remote = read(&headers).expect("a bad tracestate leaves the traceparent alone");
    remote.state.into_owned()
}

#[test]
fn a_valid_traceparent_is_read() {
    let ids = ("0af7651916cd43dd8448eb211c80319c".to_owned(), "b7ad6b7169203331".to_owned());
    let cases = [
        ("TP-01", VALID, 1),
        ("TP-09", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-holds", 1),
        ("a later version of the same length", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 1),
        ("a later version that ends in a dash", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", 1),
        ("TP-17", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", 3),
        ("only known flags are kept", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe", 2),
        ("not sampled", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", 0),
        ("TP-22", " \t00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ", 1),
    ];
    for (case, value, flags) in cases {
        assert_eq!(parent_of(value), Some((ids.0.clone(), ids.1.clone(), flags)), "{case}");
    }
}

#[test]
fn anything_else_restarts_the_trace() {
    let zeros = "0".repeat(60_000);
    let cases = [
        ("TP-02", ""),
        ("all-zero trace id", "00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        ("TP-04", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        ("TP-05", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("TP-06", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        ("uppercase parent id", "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01"),
        ("uppercase flags", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A"),
        ("uppercase version", "CC-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("version 00 that goes on", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"),
        ("TP-08", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01."),
        ("TP-10", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.suffix"),
        ("version of one digit", "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("TP-12", "000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("TP-13", "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01"),
        ("TP-14", "00-0af7651916cd43dd8448eb211c80319cc-b7ad6b7169203331-01"),
        ("a dot for a dash", "00.0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("a parent id that is not hexadecimal", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01"),
        ("TP-16", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"),
        ("flags of one digit", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"),
        ("TP-20", &zeros),
        ("two values in one line", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01,00-"),
    ];
    for (case, value) in cases {
        assert_eq!(parent_of(value), None, "{case}");
    }
    let other = VALID.replace("319c", "329c");
    assert_eq!(read(&headers([VALID.as_bytes(), other.as_bytes()], &["foo=1"])), None, "TP-18");
    assert_eq!(read(&headers([VALID.as_bytes(), VALID.as_bytes()], &[])), None, "the same value twice");
    assert_eq!(read(&headers([b"00-\xff\xfe".as_slice()], &[])), None, "TP-21");
    assert_eq!(read(&headers([], &["foo=1"])), None, "a tracestate alone is dropped");
}

#[test]
fn a_valid_tracestate_is_passed_on_unchanged() {
    let members = |count| (0..count).map(|n| format!("bar{n}={n}")).collect::<Vec<_>>().join(",");
    let (full, long) = (members(32), format!("{}={}", "k".repeat(256), "v".repeat(256)));
    let cases = [
        ("TS-08", "foo=1 \t , \t bar=2"),
        ("32 members", &full),
        ("the longest member", &long),
        ("empty members", "foo=1,,bar=2,"),
        ("keys of Level 2", "foo@=1,a@@b=2,0a-_*/=3"),
        ("a value that begins with a space", "foo= 1"),
        ("printable ASCII", "foo=!\"#$%&'()*+-./:;<>?@[]^_`{|}~"),
    ];
    for (case, value) in cases {
        assert_eq!(state_of(&[value]), value, "{case}");
    }
    assert_eq!(state_of(&[" foo=1\t"]), "foo=1");
    assert_eq!(state_of(&["foo=1,bar=2", "", "rojo=1"]), "foo=1,bar=2,,rojo=1", "lines are joined in order");
    let headers = headers([VALID.as_bytes()], &["foo=1"]);
    assert!(matches!(read(&headers).unwrap().state, Cow::Borrowed(_)), "one line is not copied");
}

#[test]
fn an_invalid_tracestate_is_dropped_alone() {
    let members = (0..33).map(|n| format!("bar{n}={n}")).collect::<Vec<_>>().join(",");
    let (flood, commas) = ("a=1,".repeat(15_000), ",".repeat(60_000));
    let (key, value) = (format!("{}=1", "k".repeat(257)), format!("k={}", "v".repeat(257)));
    let cases = [
        ("TS-01", "foo=1,foo=2"),
        ("TS-02", &members),
        ("TS-04", "FOO=1"),
        ("TS-05", "foo=a=b"),
        ("TS-06", "foo=,bar=3"),
        ("TS-09", &flood),
        ("nothing but commas", &commas),
        ("only empty members", " , ,"),
        ("no value", "foo"),
        ("no key", "=1"),
        ("a key that begins with @", "@foo=1"),
        ("a dot in a key", "a.b=1"),
        ("a space before =", "foo =1"),
        ("a tab in a value", "foo=a\tb"),
        ("a key of 257 bytes", &key),
        ("a value of 257 bytes", &value),
        ("not ASCII", "foo=é"),
    ];
    for (case, value) in cases {
        assert_eq!(state_of(&[value]), "", "{case}");
    }
    assert_eq!(state_of(&["foo=1", "foo=2"]), "", "the same key in two lines");
    assert_eq!(state_of(&[&flood, &flood]), "", "two long lines");
    assert_eq!(state_of(&[]), "");
}

proptest! {
    #[test]
    fn what_is_written_can_be_read(trace: [u8; 16], span: [u8; 8], flags: u8) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let (trace_id, parent_id) = (TraceId(trace), SpanId(span));
        let value = traceparent(trace_id, parent_id, TraceFlags(flags));
        let headers = headers([value.as_bytes()], &[]);
        let remote = Remote { trace_id, parent_id: Some(parent_id), flags: Some(TraceFlags(flags & 3)), state: Cow::Borrowed("") };
        prop_assert_eq!(read(&headers), Some(remote));
    }

    #[test]
    fn no_header_makes_the_reader_fail(parent in prop::collection::vec(32u8..=255, 0..80), state in prop::collection::vec(32u8..=255, 0..80)) {
        prop_assume!(!parent.contains(&127) && !state.contains(&127));
        let mut headers = headers([parent.as_slice(), ], &[]);
        headers.append(&TRACESTATE, HeaderValue::from_bytes(&state).unwrap());
        prop_assert!(read(&headers).is_none_or(|remote| remote.trace_id.is_valid()));
        headers.insert(&TRACEPARENT, HeaderValue::from_static(VALID));
        let text = read(&headers).unwrap().state;
        prop_assert!(text.is_empty() || text.bytes().all(|byte| byte == b'\t' || (32..127).contains(&byte)));
    }
}
