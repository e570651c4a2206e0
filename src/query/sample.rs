//! Records and queries by the seed, for tests.

use fastrand::Rng;
use tracing::Level;

use crate::record::parts::{
    CauseSlot, EventSlot, FailureSlot, HeaderSlot, List, Look, OPEN, Origin, Parts, Side, Slot, SpanSlot, Text,
};
use crate::record::{
    FailureKind, GroupId, Kept, Kind, Outcome, Record, RequestIdSource, SpanId, SpanKind, TraceFlags, TraceId, Vitals,
};

const ROUTES: [&str; 4] = ["/orders/{id}", "/orders/:id/pdf", "/files/*rest", "/health"];
const PATHS: [&str; 5] = ["/orders/981", "/Orders/17/pdf", "/files/a_b%c", "/health", "/grüße"];
const METHODS: [&str; 3] = ["GET", "POST", "get"];
const TEXTS: [&str; 6] = ["item is Out of stock", "template `invoice`", "GRÜẞE an alle", "", "it's 100% \"quoted\"", "abcd1234"];
const TYPES: [&str; 3] = ["app::PoolTimedOut", "", "std::io::Error"];
const IDS: [&str; 3] = ["req-17", "abcd1234", "0192F0C1-7c2d-7000-8000-00000000abcd"];
const MINUTE_NS: u64 = 60_000_000_000;

/// A record that began within the last two hours before `now`, never near a multiple of ten minutes.
pub(crate) fn record(seed: u64, now_unix_ns: u64) -> Record {
    let mut rng = Rng::with_seed(seed);
    let mut parts = Box::new(Parts::default());
    parts.kind = if rng.u8(..) < 200 { Kind::Request } else { rng.choice([Kind::Event, Kind::Span]).unwrap() };
    parts.sequence = seed;
    parts.span_id = SpanId((0xabcd_0000_0000_0001 | rng.u64(..) >> rng.u32(4..60)).to_be_bytes());
    parts.trace_id = TraceId(u128::from(rng.u64(0..3)).to_be_bytes());
    parts.parent_span_id = SpanId(rng.u64(0..2).to_be_bytes());
    parts.trace_flags = TraceFlags(rng.u8(..));
    parts.parent_is_remote = rng.bool();
    parts.start_unix_ns = now_unix_ns.saturating_sub(rng.u64(0..17) * 7 * MINUTE_NS + 150_000_000_000);
    parts.duration_ns = rng.u64(0..2_000_000_000) >> rng.u32(0..10);
    parts.head_ns = rng.bool().then(|| rng.u64(..));
    parts.first_byte_ns = rng.bool().then(|| rng.u64(..));
    parts.trace_state = text(&mut rng, &mut parts, &["", "vendor=1"]);
    parts.request_id = text(&mut rng, &mut parts, &IDS);
    parts.request_id_source = rng.choice([RequestIdSource::Generated, RequestIdSource::Maker]).unwrap();
    parts.method = text(&mut rng, &mut parts, &METHODS);
    parts.path = text(&mut rng, &mut parts, &PATHS);
    parts.route = rng.bool().then(|| text(&mut rng, &mut parts, &ROUTES));
    parts.query = rng.bool().then(|| text(&mut rng, &mut parts, &["a=1&b=2", ""]));
    parts.scheme = Text::Static("https");
    parts.host = rng.bool().then_some(Text::Static("example.org"));
    parts.port = rng.bool().then(|| rng.u16(..));
    parts.protocol_version = Text::Static("1.1");
    parts.peer = rng.choice([None, Some("127.0.0.1:80".parse().unwrap()), Some("[::1]:65535".parse().unwrap())]).unwrap();
    parts.user_agent = rng.bool().then(|| text(&mut rng, &mut parts, &["curl/8"]));
    parts.status = (rng.u8(..) < 220).then(|| rng.choice([200, 201, 404, 422, 499, 500, 503]).unwrap());
    parts.rpc_status = (rng.u8(..) < 40).then(|| rng.u8(0..17));
    parts.is_rpc = rng.bool();
    parts.outcome = if rng.bool() { Outcome::Answered } else { rng.choice(Outcome::ALL).unwrap() };
    parts.request_bytes = rng.bool().then(|| rng.u64(..));
    parts.response_bytes = rng.u64(..);
    for (name, value) in [("user.id", "42"), ("order.id", "A_1%")] {
        if rng.bool() {
            let value = if rng.bool() { Slot::I64(-42) } else { Slot::Text(parts.push_text(value, 100)) };
            parts.set_attribute(Text::Static(name), value);
        }
    }
    for side in [Side::Request, Side::Response, Side::Trailer] {
        if rng.bool() {
            let value = rng.bool().then_some(Text::Static("application/json"));
            parts.headers.push(HeaderSlot {
                side,
                look: Look::Name,
                name: Text::Static("content-type"),
                value,
                len: rng.u32(..),
            });
        }
    }
    for _ in 0..rng.u8(0..3) {
        let (origin, fields) = (origin(&mut rng, &mut parts), fields(&mut rng, &mut parts));
        let end_ns = if rng.bool() { OPEN } else { rng.u64(..) };
        parts.spans.push(SpanSlot {
            id: SpanId([7; 8]),
            parent: SpanId([8; 8]),
            origin,
            kind: SpanKind::Internal,
            error: Text::EMPTY,
            start_ns: 5,
            end_ns,
            fields,
        });
    }
    for _ in 0..rng.u8(0..4) {
        let (origin, fields) = (origin(&mut rng, &mut parts), fields(&mut rng, &mut parts));
        let message = text(&mut rng, &mut parts, &TEXTS);
        let shown = rng.bool();
        parts.events.push(EventSlot { time_ns: rng.u64(..), span: SpanId([7; 8]), origin, message, fields, shown });
    }
    for _ in 0..rng.u8(0..3) {
        failure(&mut rng, &mut parts);
    }
    (parts.dropped_headers, parts.dropped_fields) = (rng.u32(..), rng.u32(..));
    (parts.dropped_spans, parts.dropped_events, parts.thinned) = (rng.u32(..), rng.u32(..), rng.u32(..));
    flight(&mut rng, &mut parts);
    Record::new(parts)
}

/// What is told of a request beside what happened in it.
fn flight(rng: &mut Rng, parts: &mut Parts) {
    parts.kept = rng.choice(Kept::ALL).filter(|_| rng.bool());
    parts.weight = rng.bool().then_some(20.0);
    parts.is_flagged = rng.bool();
    parts.in_flight = rng.bool().then(|| rng.u32(..));
    parts.in_flight_on_route = rng.bool().then(|| rng.u32(..));
    parts.group = rng.bool().then(|| GroupId(rng.u64(..)));
    parts.group_key = text(rng, parts, &["", "payment declined"]);
    parts.report = rng.bool().then(|| rng.u32(..));
    parts.vitals = rng.bool().then(|| Vitals {
        unix_ns: rng.u64(..),
        memory_bytes: rng.bool().then(|| rng.u64(..)),
        open_files: rng.bool().then(|| rng.u32(..)),
        cpu_ratio: rng.bool().then_some(1.25),
        runtime_lag_ns: rng.bool().then(|| rng.u64(..)),
        runtime_busy_ratio: rng.bool().then_some(0.5),
        runtime_tasks: rng.bool().then(|| rng.u32(..)),
    });
}

fn text(rng: &mut Rng, parts: &mut Parts, choices: &[&'static str]) -> Text {
    let chosen = choices[rng.usize(..choices.len())];
    if rng.bool() { Text::Static(chosen) } else { parts.push_text(chosen, 1000) }
}

fn origin(rng: &mut Rng, parts: &mut Parts) -> Origin {
    let level = rng.choice([Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE]).unwrap();
    let name = text(rng, parts, &["sql select", "render"]);
    Origin { name, target: text(rng, parts, &["app::db", "app"]), file: Text::Static("src/pdf.rs"), line: rng.u32(..), level }
}

fn fields(rng: &mut Rng, parts: &mut Parts) -> List {
    let mut list = List::default();
    for _ in 0..rng.u8(0..4) {
        let value = match rng.u8(0..5) {
            0 => Slot::Bool(rng.bool()),
            1 => Slot::I64(rng.i64(..)),
            2 => Slot::U64(rng.u64(..)),
            3 => Slot::F64(rng.choice([f64::NAN, f64::INFINITY, -0.0, 1.5]).unwrap()),
            _ => Slot::Text(text(rng, parts, &TEXTS)),
        };
        parts.push_field(&mut list, Text::Static("field"), value);
    }
    list
}

fn failure(rng: &mut Rng, parts: &mut Parts) {
    let first = u32::try_from(parts.causes.len()).unwrap();
    let count = rng.u32(0..3);
    for _ in 0..count {
        let cause = CauseSlot { type_name: text(rng, parts, &TYPES), message: text(rng, parts, &TEXTS) };
        parts.causes.push(cause);
    }
    let slot = FailureSlot {
        kind: rng.choice(FailureKind::ALL).unwrap(),
        time_ns: rng.u64(..),
        span: SpanId([9; 8]),
        type_name: text(rng, parts, &TYPES),
        message: text(rng, parts, &TEXTS),
        file: Text::Static("src/orders.rs"),
        line: 88,
        backtrace: text(rng, parts, &["0: main", ""]),
        causes: (first, count),
        event_ns: rng.bool().then(|| rng.u64(..)),
    };
    parts.failures.push(slot);
}

/// Terms that the store answers with its columns alone.
const COLUMN_TERMS: [&str; 40] = [
    "status:5xx",
    "status:404",
    "status>=500",
    "status>4xx",
    "status<500",
    "status:400..499",
    "status:..300",
    "status!=200",
    "method:GET",
    "method!=post",
    "route:/orders/{id}",
    "route:/orders/:id/pdf",
    "route:/orders*",
    "route~PDF",
    "path:/orders/*",
    "path:/health",
    "path~\"/17/\"",
    "status:404,5xx",
    "status!=404,422",
    "method:GET,post",
    "outcome:answered,panicked",
    "path~a_b%c",
    "path~_",
    "-path:*",
    "ms>300",
    "duration<=1.5s",
    "ms:10..900",
    "since:10m",
    "until:1h",
    "time>=30m",
    "outcome:answered",
    "outcome!=panicked",
    "kind:request",
    "user:42",
    "group:1",
    "group:1f3a",
    "user~4",
    "id:abcd",
    "request:REQ-17",
    "trace:0000000000",
];

const OTHER_TERMS: [&str; 43] = [
    "class:saturated",
    "class!=error",
    "in_flight>1000000",
    "in_flight:..99",
    "error:PoolTimedOut",
    "error~stock",
    "level:error",
    "level>=warn",
    "order.id:A_1%",
    "order.id:-4*",
    "orders",
    "\"out of stock\"",
    "grüße",
    "~\"of st\"",
    "text~100%",
    "abcd1234",
    "text:981",
    "id:req-17",
    "~nothing-like-it",
    "path~/\\d+/",
    "route~/^.orders.\\{id\\}$/",
    "~/out of (stock|order)/",
    "-event~/^$/",
    "user~/^4/",
    "release~/./",
    "type:PoolTimedOut",
    "type:std::io::Error,app::PoolTimedOut",
    "message:\"out of stock\"",
    "event:\"grüße an\",invoice",
    "span:render",
    "span:sql*",
    "host:example.org",
    "agent:curl/*",
    "client:127.0.0.0/8",
    "client:::1",
    "header.Content-Type:application/json",
    "header.content-type~JSON",
    "attr.order.id:A_1%,-42",
    "ttfb>1s",
    "bytes>=1GB",
    "request_bytes:0..1MiB",
    "body:card",
    "instance:web-1",
];

/// A query; only with terms that have columns where `columns_only` says so.
pub(crate) fn query(seed: u64, columns_only: bool) -> String {
    fn group(rng: &mut Rng, depth: u32, columns_only: bool) -> String {
        let mut out = String::new();
        for index in 0..rng.u8(1..4) {
            if index > 0 {
                out.push_str(rng.choice([" ", " and ", " or ", " OR "]).unwrap());
            }
            out.push_str(rng.choice(["", "", "-", "not ", "-not "]).unwrap());
            if depth > 0 && rng.u8(..) < 80 {
                out.push('(');
                out.push_str(&group(rng, depth - 1, columns_only));
                out.push(')');
            } else {
                let other = !columns_only && rng.bool();
                out.push_str(if other { rng.choice(OTHER_TERMS).unwrap() } else { rng.choice(COLUMN_TERMS).unwrap() });
            }
        }
        out
    }
    group(&mut Rng::with_seed(seed), 3, columns_only)
}
