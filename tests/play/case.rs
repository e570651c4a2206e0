//! What happens in one exchange, drawn from a number.

use bytes::Bytes;
use campanile::record::Outcome;
use fastrand::Rng;

/// Where a case will be played; not everything can be said on every wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// On `Service` and `Body` themselves: anything, bodies that lie included.
    Direct,
    Http1,
    Http2,
    Grpc,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) number: u64,
    pub(crate) method: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) sends: Plan,
    /// How often the service is not ready, and whether it fails instead of being so.
    pub(crate) unready: u8,
    pub(crate) refuses: bool,
    pub(crate) panics_in_call: bool,
    /// How often the future is pending before and after it reads.
    pub(crate) waits: [u8; 2],
    pub(crate) reads: Reads,
    pub(crate) act: Act,
    pub(crate) status: u16,
    pub(crate) answer_headers: Vec<(&'static str, String)>,
    pub(crate) answer: Plan,
    pub(crate) client: Client,
}

/// How much of the request's body the service takes before it acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Nothing,
    OneFrame,
    All,
    /// The request's body is the answer's.
    Echo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Answer,
    Fail,
    Panic,
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    ReadsAll,
    /// Stops where a server does: at the end that the body tells, at trailers, or once the promised length is there.
    AsServers,
    DropsFutureAfter(usize),
    DropsBodyAfter(usize),
}

/// What a body does, step by step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) hint: Hint,
    /// Whether `is_end_stream` turns true with the last step.
    pub(crate) says_end: bool,
    /// Whether it is true from the beginning, whatever comes.
    pub(crate) lies_of_end: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Trailers(Vec<(&'static str, String)>),
    Pending,
    Fail,
    Panic,
    /// Waits for the gate of the service.
    Gate,
}

/// What `size_hint` says about what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    #[default]
    Nothing,
    Exact,
    AtLeast,
    Between,
    /// So many, whatever there is.
    Wrong(u64),
}

const METHODS: [&str; 16] = [
    "GET", "GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "HEAD", "TRACE", "PURGE",
    "M-SEARCH", "get",
];
const STATUSES: [u16; 20] = [200, 200, 200, 200, 200, 201, 202, 204, 205, 206, 301, 304, 400, 401, 404, 418, 429, 500, 502, 503];

/// Trace contexts in other people's conventions.
const OTHER_CONTEXTS: [(&str, &str); 7] = [
    ("b3", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1"),
    ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ("uber-trace-id", "463ac35c9f6413ad48485a3953bb6124:a2fb4a1d1a96d312:0:1"),
    ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678;Sampled=1"),
    ("x-datadog-trace-id", "5208512171318403364"),
    ("sentry-trace", "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1"),
    ("x-cloud-trace-context", "463ac35c9f6413ad48485a3953bb6124/1;o=1"),
];

/// One of `n`.
fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(..n) == 0
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

impl Case {
    pub(crate) fn new(number: u64, flavour: Flavour) -> Self {
        let rng = &mut Rng::with_seed(number);
        let is_direct = flavour == Flavour::Direct;
        let method = match flavour {
            Flavour::Direct if one_in(rng, 20) => "CONNECT",
            Flavour::Grpc => "POST",
            _ => pick(rng, &METHODS),
        };
        let status = match flavour {
            Flavour::Direct if one_in(rng, 25) => 101,
            Flavour::Grpc => 200,
            _ => pick(rng, &STATUSES),
        };
        let has_request_body = !matches!(method, "HEAD" | "TRACE" | "CONNECT") && rng.bool();
        let mut case = Self {
            number,
            method,
            headers: request_headers(rng, flavour),
            sends: if has_request_body { Plan::random(rng, flavour, true) } else { Plan::default() },
            unready: if is_direct && one_in(rng, 4) { rng.u8(1..4) } else { 0 },
            refuses: is_direct && one_in(rng, 60),
            panics_in_call: flavour != Flavour::Grpc && one_in(rng, 60),
            waits: std::array::from_fn(|_| if one_in(rng, 3) { rng.u8(1..4) } else { 0 }),
            reads: pick(rng, &[Reads::Nothing, Reads::OneFrame, Reads::All, Reads::All, Reads::All, Reads::Echo]),
            act: match rng.u32(..40) {
                0 | 1 => Act::Fail,
                2 | 3 => Act::Panic,
                4 if is_direct => Act::Hang,
                _ => Act::Answer,
            },
            status,
            answer_headers: Vec::new(),
            answer: Plan::random(rng, flavour, false),
            client: match rng.u32(..10) {
                _ if !is_direct => Client::ReadsAll,
                0 => Client::DropsFutureAfter(rng.usize(..8)),
                1 | 2 => Client::DropsBodyAfter(rng.usize(..8)),
                3..=5 => Client::AsServers,
                _ => Client::ReadsAll,
            },
        };
        case.answer_headers(rng, flavour);
        if flavour == Flavour::Grpc {
            case.grpc(rng);
        }
        if matches!(flavour, Flavour::Http2) && (method == "HEAD" || matches!(status, 204 | 205 | 304)) {
            // hyper leaves it to the service not to give a body to these.
            case.answer = Plan::default();
            case.answer.says_end = true;
            case.answer_headers.retain(|(name, _)| *name != "content-length");
            if case.reads == Reads::Echo {
                case.reads = Reads::All;
            }
        }
        if !is_direct && case.reads != Reads::All && !case.sends.steps.is_empty() {
            // What a server does with a body that nobody reads depends on how much has arrived: see the conversations.
            case.reads = Reads::All;
        }
        case
    }

    fn answer_headers(&mut self, rng: &mut Rng, flavour: Flavour) {
        let headers = &mut self.answer_headers;
        let is_sse = self.answer.steps.iter().any(|step| matches!(step, Step::Data(data) if data.starts_with(b"data:")));
        headers.push(("content-type", if is_sse { "text/event-stream" } else { "text/plain" }.to_owned()));
        if one_in(rng, 3) {
            headers.push(("set-cookie", "session=1".to_owned()));
            headers.push(("set-cookie", "theme=dark".to_owned()));
        }
        if one_in(rng, 10) {
            headers.push(("x-request-id", format!("own-{}", self.number)));
        }
        if one_in(rng, 2) {
            headers.push(("trailer", "x-sum".to_owned()));
        }
        if one_in(rng, 8) {
            headers.push(("etag", "\"a\"".to_owned()));
        }
        let total = self.answer.data_bytes();
        let has_trailers = self.answer.steps.iter().any(|step| matches!(step, Step::Trailers(_)));
        if self.reads != Reads::Echo && !has_trailers && self.status != 204 && one_in(rng, 4) {
            let wrong = if flavour == Flavour::Direct && one_in(rng, 4) { rng.u64(..10) } else { 0 };
            headers.push(("content-length", (total + wrong).to_string()));
        }
    }

    /// Messages with their prefix, and a status in trailers, in the head or nowhere.
    fn grpc(&mut self, rng: &mut Rng) {
        self.answer_headers.retain(|(name, _)| *name == "set-cookie");
        self.answer_headers.push(("content-type", pick(rng, &["application/grpc", "application/grpc+proto"]).to_owned()));
        let status = ("grpc-status", pick(rng, &["0", "0", "0", "2", "5", "13", "16"]).to_owned());
        self.sends = Plan { steps: messages(rng), says_end: rng.bool(), ..Plan::default() };
        match rng.u32(..5) {
            0 => {
                self.answer_headers.push(status);
                self.answer = Plan { says_end: true, ..Plan::default() };
            }
            1 => self.answer = Plan { steps: messages(rng), ..Plan::default() },
            _ => {
                let mut steps = messages(rng);
                if one_in(rng, 12) {
                    steps.push(pick_step(rng));
                }
                steps.push(Step::Trailers(vec![status, ("grpc-message", "all%20well".to_owned())]));
                self.answer = Plan { steps, says_end: rng.bool(), ..Plan::default() };
            }
        }
    }

    /// Where the case is named on the wire.
    pub(crate) fn target(&self) -> String {
        if self.method == "CONNECT" { format!("case-{}:443", self.number) } else { format!("/case-{}?q=1&token=t", self.number) }
    }

    /// Whether the service panics before there is an answer.
    pub(crate) fn panics(&self) -> bool {
        self.panics_in_call || self.act == Act::Panic || self.sends.steps.iter().any(|step| matches!(step, Step::Panic))
    }

    /// How the record of it has to end where a server is in between, and the client waits for the answer.
    pub(crate) fn outcome(&self, flavour: Flavour, catches_panics: bool) -> Outcome {
        match self.act {
            _ if self.panics() && catches_panics => return Outcome::Answered,
            _ if self.panics() => return Outcome::Panicked,
            Act::Fail => return Outcome::Failed,
            // What is sent back is a body that the client sent in full.
            _ if self.reads == Reads::Echo => return Outcome::Answered,
            _ => {}
        }
        let has_length = self.answer.hint == Hint::Exact || self.answer_headers.iter().any(|(name, _)| *name == "content-length");
        // A server of HTTP/1 stops at the promised length, and does not ask at all for what is not sent.
        let is_http1 = flavour == Flavour::Http1;
        let mut left = if has_length && is_http1 { self.answer.data_bytes() } else { u64::MAX };
        if is_http1 && (self.method == "HEAD" || matches!(self.status, 204 | 304)) {
            left = 0;
        }
        for step in &self.answer.steps {
            match step {
                _ if left == 0 => break,
                Step::Data(data) => left -= data.len() as u64,
                Step::Fail => return Outcome::BodyError,
                Step::Panic => return Outcome::Panicked,
                Step::Trailers(_) => break,
                Step::Pending | Step::Gate => {}
            }
        }
        Outcome::Answered
    }

    /// Whether nothing can follow on the same HTTP/1 connection.
    pub(crate) fn ends_connection(&self) -> bool {
        self.panics_in_call
            || self.act != Act::Answer
            || self.answer.steps.iter().any(|step| matches!(step, Step::Fail | Step::Panic))
    }
}

fn pick_step(rng: &mut Rng) -> Step {
    if rng.bool() { Step::Fail } else { Step::Panic }
}

fn messages(rng: &mut Rng) -> Vec<Step> {
    let mut steps = Vec::new();
    for index in 0..rng.usize(..4) {
        if one_in(rng, 3) {
            steps.push(Step::Pending);
        }
        let length = pick(rng, &[0, 1, 60, 3_000]);
        let mut message = vec![0_u8];
        message.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        message.resize(5 + length, b'a' + index as u8);
        if one_in(rng, 4) {
            // A message need not keep to frames.
            let tail = message.split_off(message.len() / 2);
            steps.push(Step::Data(message.into()));
            message = tail;
        }
        steps.push(Step::Data(message.into()));
    }
    steps
}

fn request_headers(rng: &mut Rng, flavour: Flavour) -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    if flavour == Flavour::Grpc {
        headers.push(("content-type", "application/grpc".to_owned()));
        headers.push(("te", "trailers".to_owned()));
    } else {
        if rng.bool() {
            headers.push(("te", "trailers".to_owned()));
        }
        if one_in(rng, 3) {
            headers.push(("content-type", pick(rng, &["application/json", "text/plain", "image/png"]).to_owned()));
        }
    }
    if one_in(rng, 4) {
        let id = pick(rng, &["a-good-one", "a bad one", "", "x;y", "00000000-0000-0000-0000-000000000000"]);
        headers.push(("x-request-id", id.to_owned()));
    }
    if one_in(rng, 4) {
        let bad = "00-00000000000000000000000000000000-0000000000000000-01";
        headers.push(("traceparent", pick(rng, &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", bad]).to_owned()));
        headers.push(("tracestate", "a=1,b=2".to_owned()));
    }
    if one_in(rng, 6) {
        headers.push(("baggage", "key=value".to_owned()));
        headers.push(("x-forwarded-for", "203.0.113.9, 10.0.0.1".to_owned()));
    }
    for (name, value) in OTHER_CONTEXTS {
        if one_in(rng, 12) {
            headers.push((name, value.to_owned()));
        }
    }
    if one_in(rng, 6) {
        headers.push(("authorization", "Bearer canary".to_owned()));
        headers.push(("cookie", "a=1; b=2".to_owned()));
    }
    headers
}

impl Plan {
    fn random(rng: &mut Rng, flavour: Flavour, is_request: bool) -> Self {
        let is_direct = flavour == Flavour::Direct;
        let mut steps = Vec::new();
        let frames = match rng.u32(..20) {
            0..=3 => 0,
            4..=6 => 1,
            7 => 40,
            _ => rng.usize(1..6),
        };
        let is_sse = !is_request && one_in(rng, 10);
        for index in 0..frames {
            if is_sse || one_in(rng, 4) {
                steps.push(Step::Pending);
            }
            let length = pick(rng, &[0, 1, 3, 3, 90, 90, 1_500]);
            // A chunk of length zero would end a request as it is written here.
            let length = if is_request && !is_direct { length.max(1) } else { length };
            let data = if is_sse {
                format!("data: {index}\n\n").into_bytes()
            } else if flavour == Flavour::Http2 && one_in(rng, 60) {
                vec![b'L'; 40_000]
            } else {
                vec![b'a' + (index % 26) as u8; length]
            };
            steps.push(Step::Data(data.into()));
        }
        let has_trailers = one_in(rng, 4);
        if has_trailers {
            steps.push(Step::Trailers(vec![("x-sum", frames.to_string())]));
        }
        if one_in(rng, 4) {
            steps.push(Step::Pending);
        }
        if (is_direct || !is_request) && one_in(rng, 10) {
            let at = rng.usize(..=steps.len());
            steps.insert(at, pick_step(rng));
        }
        let hint = match rng.u32(..10) {
            _ if has_trailers && !is_direct => Hint::Nothing,
            0..=3 => Hint::Nothing,
            4..=6 => Hint::Exact,
            7 => Hint::AtLeast,
            8 => Hint::Between,
            _ if is_direct => Hint::Wrong(rng.u64(..20)),
            _ => Hint::Exact,
        };
        Self { steps, hint, says_end: rng.bool(), lies_of_end: is_direct && one_in(rng, 40) }
    }

    pub(crate) fn data_bytes(&self) -> u64 {
        self.steps.iter().map(|step| if let Step::Data(data) = step { data.len() as u64 } else { 0 }).sum()
    }
}
