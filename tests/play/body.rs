//! A body that does what its plan says.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Semaphore;

use super::case::{Hint, Plan, Step};
use super::service::Log;
use crate::support::{BoxError, Chain};

type Permit = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of a [`Plan`]; what becomes of it is on the log.
pub(crate) struct Planned {
    steps: VecDeque<Step>,
    hint: Hint,
    says_end: bool,
    lies_of_end: bool,
    gate: Arc<Semaphore>,
    waiting: Option<Permit>,
    watched: Option<(Log, u64)>,
}

impl Planned {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            steps: plan.steps.iter().cloned().collect(),
            hint: plan.hint,
            says_end: plan.says_end,
            lies_of_end: plan.lies_of_end,
            gate: Arc::new(Semaphore::new(0)),
            waiting: None,
            watched: None,
        }
    }

    /// Stops at its gates until this one lets it on, and says on the log how far it came.
    pub(crate) fn watched(mut self, gate: Arc<Semaphore>, log: Log, number: u64) -> Self {
        (self.gate, self.watched) = (gate, Some((log, number)));
        self
    }
}

pub(crate) fn header_map(headers: &[(&'static str, String)]) -> HeaderMap {
    let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name, value);
    }
    map
}

impl Body for Planned {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(header_map(&trailers))))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Fail) => Poll::Ready(Some(Err(Chain::new(&["the body broke", "disk gone"]).into()))),
            Some(Step::Panic) => panic!("told to panic in the body"),
            Some(Step::Gate) => {
                if self.waiting.is_none() {
                    if let Some((log, number)) = &self.watched {
                        log.add(*number, "at the gate".to_owned());
                        log.reached();
                    }
                    let gate = Arc::clone(&self.gate);
                    self.waiting = Some(Box::pin(async move { gate.acquire().await.unwrap().forget() }));
                }
                if self.waiting.as_mut().unwrap().as_mut().poll(cx).is_pending() {
                    self.steps.push_front(Step::Gate);
                    return Poll::Pending;
                }
                self.waiting = None;
                self.poll_frame(cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.lies_of_end || (self.says_end && self.steps.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.steps.iter().map(|step| if let Step::Data(data) = step { data.len() as u64 } else { 0 }).sum();
        let mut hint = SizeHint::new();
        match self.hint {
            Hint::Nothing => {}
            Hint::Exact => hint.set_exact(left),
            Hint::AtLeast => hint.set_lower(left / 2),
            Hint::Between => {
                hint.set_lower(left / 2);
                hint.set_upper(left + 10);
            }
            Hint::Wrong(length) => hint.set_exact(length),
        }
        hint
    }
}

impl Drop for Planned {
    fn drop(&mut self) {
        if let Some((log, number)) = self.watched.take() {
            let left = self.steps.len();
            log.add(number, format!("body dropped with {left} steps left"));
        }
    }
}
