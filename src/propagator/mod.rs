//! Header conventions: whose request this is, and which trace it belongs to.
//!
//! A propagator reads the caller's trace context from headers and writes ours into those of an outgoing request. Each is
//! a file of its own and a row in [`ROWS`]. Reading checks lengths before contents, refuses whatever is not exactly
//! right (ids of zero, a header that comes twice), and does not copy; writing overwrites what stood there.

mod b3;
mod baggage;
pub(crate) mod cloudflare;
mod datadog;
pub(crate) mod forwarded;
mod google;
mod jaeger;
pub(crate) mod request_id;
mod response;
mod sentry;
mod value;
mod w3c;
mod xray;

use std::borrow::Cow;

use http::HeaderMap;

pub(crate) use self::baggage::Baggage;
pub use self::response::TraceResponse;
pub(crate) use self::value::Lines;
use crate::record::{SpanId, TraceFlags, TraceId};

/// A convention of headers that carries the trace context, or what travels with it, from service to service.
///
/// The names are those of `OTEL_PROPAGATORS`.
///
/// # Source
/// OpenTelemetry specification 1.60.0, context propagation; each variant names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Propagator {
    /// `tracecontext`: `traceparent` and `tracestate` of W3C Trace Context, Level 2.
    TraceContext,
    /// `baggage`: the header of W3C Baggage, passed on; it holds no trace.
    Baggage,
    /// `b3`: the one header `b3` of Zipkin. Read are both forms, as B3 wants it.
    B3,
    /// `b3multi`: `X-B3-TraceId`, `X-B3-SpanId` and `X-B3-Sampled` of Zipkin. Read are both forms, as B3 wants it.
    B3Multi,
    /// `jaeger`: `uber-trace-id`.
    Jaeger,
    /// `xray`: `X-Amzn-Trace-Id` of AWS X-Ray and of its load balancers, which name a trace and no span.
    XRay,
    /// `datadog`: `x-datadog-trace-id`, `x-datadog-parent-id`, `x-datadog-sampling-priority`, and `x-datadog-tags` for the
    /// upper half of the trace id.
    Datadog,
    /// `sentry`: `sentry-trace`.
    Sentry,
    /// `google` (or `gcp`): `X-Cloud-Trace-Context` of Google Cloud.
    Google,
}

/// One convention.
struct Row {
    propagator: Propagator,
    /// What `OTEL_PROPAGATORS` calls it.
    names: &'static [&'static str],
    /// The caller's trace context, where the headers hold one that is valid.
    read: fn(&HeaderMap) -> Option<Remote<'_>>,
    /// Puts ours into the headers of an outgoing request.
    write: fn(&Outgoing<'_>, &mut HeaderMap),
}

/// Every convention, in the order of [`Propagator`].
static ROWS: [Row; 9] = [
    Row { propagator: Propagator::TraceContext, names: &["tracecontext"], read: w3c::read, write: w3c::write },
    Row { propagator: Propagator::Baggage, names: &["baggage"], read: |_| None, write: baggage::write },
    Row { propagator: Propagator::B3, names: &["b3"], read: b3::read, write: b3::write },
    Row { propagator: Propagator::B3Multi, names: &["b3multi"], read: b3::read, write: b3::write_multi },
    Row { propagator: Propagator::Jaeger, names: &["jaeger"], read: jaeger::read, write: jaeger::write },
    Row { propagator: Propagator::XRay, names: &["xray"], read: xray::read, write: xray::write },
    Row { propagator: Propagator::Datadog, names: &["datadog"], read: datadog::read, write: datadog::write },
    Row { propagator: Propagator::Sentry, names: &["sentry"], read: sentry::read, write: sentry::write },
    Row { propagator: Propagator::Google, names: &["google", "gcp"], read: google::read, write: google::write },
];

/// The trace context of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote<'h> {
    pub(crate) trace_id: TraceId,
    /// The caller's span; `None` where it named only the trace, as a load balancer may.
    pub(crate) parent_id: Option<SpanId>,
    /// The bits that Level 2 knows; all others are 0. `None` where the caller leaves it to us whether the trace is sampled.
    pub(crate) flags: Option<TraceFlags>,
    /// The `tracestate` to pass on, unchanged; empty when there is none, or none that is valid.
    pub(crate) state: Cow<'h, str>,
}

impl Remote<'_> {
    /// One whose convention has ids and perhaps a decision, and no `tracestate`.
    const fn new(trace_id: TraceId, parent_id: Option<SpanId>, is_sampled: Option<bool>) -> Self {
        let flags = match is_sampled {
            Some(true) => Some(TraceFlags::SAMPLED),
            Some(false) => Some(TraceFlags(0)),
            None => None,
        };
        Self { trace_id, parent_id, flags, state: Cow::Borrowed("") }
    }
}

/// The trace context of an outgoing request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) trace_id: TraceId,
    /// The span that makes the request.
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
    pub(crate) state: &'a str,
    pub(crate) baggage: &'a str,
}

/// The conventions that a telemetry follows, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Propagators {
    /// Behind the last one there is nothing.
    list: [Option<Propagator>; ROWS.len()],
}

impl Propagator {
    /// The one that `OTEL_PROPAGATORS` calls so, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.names.iter().any(|own| name.eq_ignore_ascii_case(own))).map(|row| row.propagator)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.get(self as usize)
    }
}

impl Propagators {
    /// None at all: no context is read, none is written.
    pub(crate) const NONE: Self = Self { list: [None; ROWS.len()] };

    /// The caller's trace context, by the first convention that finds one; `None` means that a new trace begins here.
    pub(crate) fn extract<'h>(&self, headers: &'h HeaderMap) -> Option<Remote<'h>> {
        self.rows().find_map(|row| (row.read)(headers))
    }

    /// The same of headers that were all seen: how often `traceparent` and `tracestate` come is known.
    #[inline]
    pub(crate) fn extract_seen<'h>(&self, headers: &'h HeaderMap, parent: Lines<'h>, state: Lines<'h>) -> Option<Remote<'h>> {
        self.list.iter().map_while(|propagator| *propagator).find_map(|propagator| match propagator {
            Propagator::TraceContext => w3c::context(headers, parent, || state),
            other => (other.row()?.read)(headers),
        })
    }

    /// Writes the context into the headers of an outgoing request, by every convention.
    pub(crate) fn inject(&self, outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
        self.rows().for_each(|row| (row.write)(outgoing, headers));
    }

    /// Whether a convention is followed.
    pub(crate) fn has(&self, propagator: Propagator) -> bool {
        self.list.contains(&Some(propagator))
    }

    fn rows(&self) -> impl Iterator<Item = &'static Row> {
        self.list.iter().map_while(|propagator| propagator.and_then(Propagator::row))
    }
}

impl Default for Propagators {
    fn default() -> Self {
        Self::from_iter([Propagator::TraceContext, Propagator::Baggage])
    }
}

impl FromIterator<Propagator> for Propagators {
    /// One that comes again counts where it came first.
    fn from_iter<I: IntoIterator<Item = Propagator>>(all: I) -> Self {
        let mut propagators = Self::NONE;
        for propagator in all {
            if !propagators.has(propagator)
                && let Some(free) = propagators.list.iter_mut().find(|slot| slot.is_none())
            {
                *free = Some(propagator);
            }
        }
        propagators
    }
}

#[cfg(test)]
mod tests;
