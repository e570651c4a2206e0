//! A service that plays cases, and writes down what it saw.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use tower::Service;

use super::body::{Planned, header_map};
use super::case::{Act, Case, Reads};
use crate::support::{BoxBody, BoxError, Chain, PATIENCE, Yield};

/// What services and bodies saw, case by case.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Seen>);

#[derive(Default)]
struct Seen {
    lines: Mutex<BTreeMap<u64, Vec<String>>>,
    reached: Reached,
}

/// How often something began to wait that only the test lets go on.
struct Reached(Semaphore);

impl Default for Reached {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Log {
    pub(crate) fn add(&self, number: u64, line: String) {
        self.0.lines.lock().unwrap().entry(number).or_default().push(line);
    }

    pub(crate) fn take(&self) -> BTreeMap<u64, Vec<String>> {
        std::mem::take(&mut self.0.lines.lock().unwrap())
    }

    /// Something waits that only the test lets go on.
    pub(crate) fn reached(&self) {
        self.0.reached.0.add_permits(1);
    }

    pub(crate) async fn wait(&self) {
        let reached = tokio::time::timeout(PATIENCE, self.0.reached.0.acquire()).await;
        reached.expect("a case comes to where it waits").unwrap().forget();
    }
}

/// The number of the case that a request or a record names.
pub(crate) fn number(target: &str) -> Option<u64> {
    let digits = target.split_once("case-")?.1;
    digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
}

/// Plays the case that a request names. Panics when it is called without having been ready; a clone is not ready.
pub(crate) struct Play {
    cases: Arc<Vec<Case>>,
    pub(crate) log: Log,
    pub(crate) gate: Arc<Semaphore>,
    is_ready: bool,
    unready: u8,
    refuses: bool,
    /// Whether every step of a request's body is written down; where a network cuts it, only the sum can be compared.
    is_exact: bool,
}

impl Clone for Play {
    fn clone(&self) -> Self {
        Self { cases: Arc::clone(&self.cases), log: self.log.clone(), gate: Arc::clone(&self.gate), is_ready: false, ..*self }
    }
}

impl Play {
    /// For one case, without a network.
    pub(crate) fn one(case: &Case) -> Self {
        let (unready, refuses) = (case.unready, case.refuses);
        Self { unready, refuses, is_exact: true, ..Self::all(vec![case.clone()]) }
    }

    /// For the cases that a network brings.
    pub(crate) fn all(cases: Vec<Case>) -> Self {
        Self {
            cases: Arc::new(cases),
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
            is_ready: false,
            unready: 0,
            refuses: false,
            is_exact: false,
        }
    }
}

/// Put on every answer, to be found again on the outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note(pub(crate) u64);

/// Whether a header of an answer is one that the layer puts there: the request id, and the trace where a setting says so.
pub(crate) fn is_ours(name: &str, value: &[u8]) -> bool {
    matches!(name, "traceresponse" | "server-timing") || (name == "x-request-id" && !value.starts_with(b"own-"))
}

pub(crate) fn headers_but(headers: &HeaderMap, is_left_out: impl Fn(&str, &[u8]) -> bool) -> String {
    headers.iter().filter(|(name, value)| !is_left_out(name.as_str(), value.as_bytes())).fold(
        String::new(),
        |mut text, (name, value)| {
            let _ = write!(text, "{name}: {value:?}; ");
            text
        },
    )
}

impl<B> Service<Request<B>> for Play
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<BoxBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<BoxBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let Some(left) = self.unready.checked_sub(1) {
            self.unready = left;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.refuses {
            return Poll::Ready(Err(Chain::new(&["not ready", "never"]).into()));
        }
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        let wanted = number(&request.uri().to_string()).unwrap();
        let case = self.cases.iter().find(|case| case.number == wanted).unwrap().clone();
        // The id that a request gets is the layer's business.
        let is_ours = |name: &str, _: &[u8]| name == "x-request-id";
        self.log.add(
            wanted,
            format!(
                "{} {} {:?} {} note {:?}",
                request.method(),
                request.uri(),
                request.version(),
                headers_but(request.headers(), is_ours),
                request.extensions().get::<Note>(),
            ),
        );
        assert!(!case.panics_in_call, "told to panic in call");
        Box::pin(play(case, self.clone(), request))
    }
}

/// Says on the log whether a future came to its end.
struct Watch(Log, u64, bool);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.add(self.1, format!("future dropped, at its end: {}", self.2));
    }
}

async fn play<B>(case: Case, play: Play, request: Request<B>) -> Result<Response<BoxBody>, BoxError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut watch = Watch(play.log.clone(), case.number, false);
    Yield(case.waits[0].into()).await;
    let mut body = BoxBody::new(request.into_body().map_err(Into::into));
    match case.reads {
        Reads::Nothing | Reads::Echo => {}
        Reads::OneFrame => read(&mut body, 1, &play, case.number).await,
        Reads::All => read(&mut body, usize::MAX, &play, case.number).await,
    }
    Yield(case.waits[1].into()).await;
    match case.act {
        Act::Answer => {}
        Act::Fail => {
            watch.2 = true;
            return Err(Chain::new(&["told to fail", "no stock"]).into());
        }
        Act::Panic if case.number.is_multiple_of(2) => std::panic::panic_any(case.number),
        Act::Panic => panic!("told to panic in the future"),
        Act::Hang => {
            play.log.reached();
            std::future::pending().await
        }
    }
    let body = match case.reads {
        Reads::Echo => body,
        _ if play.is_exact => BoxBody::new(Planned::new(&case.answer)),
        _ => BoxBody::new(Planned::new(&case.answer).watched(play.gate, play.log, case.number)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(case.status).unwrap();
    *response.headers_mut() = header_map(&case.answer_headers);
    response.extensions_mut().insert(Note(case.number));
    watch.2 = true;
    Ok(response)
}

/// Takes frames of a request's body; what they were is on the log.
async fn read(body: &mut BoxBody, most: usize, play: &Play, number: u64) {
    let (mut bytes, mut others) = (0, Vec::new());
    play.log.add(number, format!("request body: {:?}", body.size_hint()));
    if play.is_exact {
        play.log.add(number, format!("end {}", body.is_end_stream()));
    }
    for _ in 0..most {
        let frame = body.frame().await;
        if play.is_exact {
            let hint = body.size_hint();
            play.log.add(number, format!("{frame:?}, then {:?} end {}", (hint.lower(), hint.upper()), body.is_end_stream()));
        }
        match frame {
            None => break,
            Some(Ok(frame)) if frame.is_data() => bytes += frame.data_ref().unwrap().len(),
            Some(Ok(frame)) => others.push(format!("{:?}", frame.trailers_ref())),
            Some(Err(_)) => {
                others.push("broken".to_owned());
                break;
            }
        }
    }
    play.log.add(number, format!("read {bytes} bytes {others:?}"));
}
