//! Drives a service by hand, one poll after the other, and writes down everything that can be seen from outside.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use campanile::record::Outcome;
use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::body::{Planned, header_map};
use super::case::{Case, Client};
use super::service::{Note, headers_but, is_ours};
use crate::support::{BoxBody, BoxError, Chain};

/// Most polls of a body.
const MOST: usize = 120;

/// What was seen of one exchange.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) lines: Vec<String>,
    /// How a record has to say that it ended; none where the service was never called.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) status: Option<u16>,
    pub(crate) body_bytes: u64,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn payload(payload: Box<dyn Any + Send>) -> String {
    let payload = &*payload;
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.or_else(|| payload.downcast_ref::<u64>().map(u64::to_string)).unwrap_or_else(|| "something else".to_owned())
}

fn error(error: &BoxError) -> String {
    format!("{error:?} {error} is a chain: {}", error.is::<Chain>())
}

pub(crate) fn drive<S>(case: &Case, service: S) -> Trace
where
    S: Service<Request<Planned>, Response = Response<BoxBody>, Error = BoxError>,
{
    let mut trace = Trace::default();
    exchange(case, service, &mut trace);
    trace
}

fn exchange<S>(case: &Case, mut service: S, trace: &mut Trace)
where
    S: Service<Request<Planned>, Response = Response<BoxBody>, Error = BoxError>,
{
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let cx = &mut Context::from_waker(&waker);
    let woken = || wakes.0.load(Ordering::Relaxed);
    loop {
        match service.poll_ready(cx) {
            Poll::Ready(Ok(())) => break,
            Poll::Ready(Err(refused)) => return trace.lines.push(format!("not ready: {}", error(&refused))),
            Poll::Pending => trace.lines.push(format!("unready, woken {}", woken())),
        }
    }
    let mut request = Request::new(Planned::new(&case.sends));
    *request.method_mut() = case.method.parse().unwrap();
    *request.uri_mut() = case.target().parse().unwrap();
    *request.headers_mut() = header_map(&case.headers);
    request.extensions_mut().insert(Note(case.number));
    let mut future = match catch_unwind(AssertUnwindSafe(|| service.call(request))) {
        Ok(future) => Box::pin(future),
        Err(panic) => {
            trace.outcome = Some(Outcome::Panicked);
            return trace.lines.push(format!("call panicked: {}", payload(panic)));
        }
    };
    let most = if let Client::DropsFutureAfter(polls) = case.client { polls } else { MOST };
    for _ in 0..most {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => trace.lines.push(format!("pending, woken {}", woken())),
            Ok(Poll::Ready(Ok(response))) => {
                drop(future);
                return answer(case, response, cx, trace);
            }
            Ok(Poll::Ready(Err(failed))) => {
                trace.outcome = Some(Outcome::Failed);
                return trace.lines.push(format!("failed: {}", error(&failed)));
            }
            Err(panic) => {
                trace.outcome = Some(Outcome::Panicked);
                return trace.lines.push(format!("panicked: {}", payload(panic)));
            }
        }
    }
    trace.outcome = Some(Outcome::ClientGoneBeforeHead);
}

fn answer(case: &Case, response: Response<BoxBody>, cx: &mut Context<'_>, trace: &mut Trace) {
    let (head, body) = response.into_parts();
    let headers = headers_but(&head.headers, is_ours);
    trace.lines.push(format!("{} {:?} {headers}note {:?}", head.status, head.version, head.extensions.get::<Note>()));
    let status = head.status.as_u16();
    trace.status = Some(status);

    let declared = head.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let promised = body.size_hint().exact().or(declared);
    let is_bodiless = case.method == "HEAD" || matches!(status, 204 | 304);
    if status == 101 || (case.method == "CONNECT" && head.status.is_success()) {
        trace.outcome = Some(Outcome::Upgraded);
    } else if body.is_end_stream() {
        trace.outcome = Some(Outcome::Answered);
    }
    read(case, body, promised, cx, trace);
    if trace.outcome.is_none() {
        let is_whole = is_bodiless || promised.is_some_and(|promised| trace.body_bytes >= promised);
        trace.outcome = Some(if is_whole { Outcome::Answered } else { Outcome::ClientGoneMidBody });
    }
}

fn read(case: &Case, mut body: BoxBody, promised: Option<u64>, cx: &mut Context<'_>, trace: &mut Trace) {
    let most = if let Client::DropsBodyAfter(polls) = case.client { polls } else { MOST };
    // Some poll on after the end.
    let mut after = if case.client == Client::ReadsAll { 2 } else { 0 };
    for _ in 0..most {
        let hint = body.size_hint();
        trace.lines.push(format!("{:?} end {}", (hint.lower(), hint.upper()), body.is_end_stream()));
        if case.client == Client::AsServers
            && (body.is_end_stream() || promised.is_some_and(|promised| trace.body_bytes >= promised))
        {
            return;
        }
        let is_open = trace.outcome.is_none();
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut body).poll_frame(cx)));
        let end = match polled {
            Ok(Poll::Pending) => {
                trace.lines.push("pending".to_owned());
                continue;
            }
            Ok(Poll::Ready(None)) => {
                trace.lines.push("end".to_owned());
                Some(Outcome::Answered)
            }
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                trace.lines.push(format!("{frame:?}"));
                if is_open {
                    trace.body_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                (frame.is_trailers() || body.is_end_stream()).then_some(Outcome::Answered)
            }
            Ok(Poll::Ready(Some(Err(broken)))) => {
                trace.lines.push(format!("broken: {}", error(&broken)));
                Some(Outcome::BodyError)
            }
            Err(panic) => {
                trace.lines.push(format!("panicked: {}", payload(panic)));
                Some(Outcome::Panicked)
            }
        };
        if let Some(end) = end {
            trace.outcome.get_or_insert(end);
            let Some(left) = usize::checked_sub(after, 1) else { return };
            after = left;
        }
    }
}
