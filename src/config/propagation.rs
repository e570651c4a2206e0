//! How context travels, and whose is believed.

use super::Builder;
#[cfg(feature = "viewer")]
use super::in_force::{InForce, named, unsaid, yes};
use super::settings::Settings;
use super::value::Reader;
use crate::layer::{Callers, TrustIds};
use crate::propagator::{Propagator, Propagators, TraceResponse};

const PROPAGATORS: &str = "OTEL_PROPAGATORS";
/// Of the specification, but not made here.
const UNSUPPORTED: [&str; 1] = ["ottrace"];

const TRUSTED: &[(&str, TrustIds)] = &[("always", TrustIds::Always), ("private", TrustIds::Private), ("never", TrustIds::Never)];
const RESPONSES: &[(&str, TraceResponse)] = &[
    ("off", TraceResponse::Off),
    ("traceresponse", TraceResponse::Header),
    ("server-timing", TraceResponse::ServerTiming),
    ("both", TraceResponse::Both),
];

/// What is set in code, and wins.
#[derive(Debug, Default)]
pub(super) struct Propagation {
    propagators: Option<Propagators>,
    trust_ids: Option<TrustIds>,
    restarts_traces: Option<bool>,
    trace_response: Option<TraceResponse>,
    recorded_baggage: Option<Vec<String>>,
}

impl Propagation {
    pub(super) fn apply(self, settings: &mut Settings) {
        let Settings { propagators, callers, .. } = settings;
        *propagators = self.propagators.unwrap_or(*propagators);
        callers.trust_ids = self.trust_ids.unwrap_or(callers.trust_ids);
        callers.restarts_traces = self.restarts_traces.unwrap_or(callers.restarts_traces);
        callers.trace_response = self.trace_response.unwrap_or(callers.trace_response);
        if let Some(keys) = self.recorded_baggage {
            callers.recorded_baggage = recorded(keys);
        }
    }

    #[cfg(feature = "viewer")]
    pub(super) fn tell(&self, all: &mut InForce) {
        all.code("OTEL_PROPAGATORS", self.propagators, unsaid);
        all.code("CAMPANILE_TRUST_INBOUND_IDS", self.trust_ids, |set| named(TRUSTED, &set));
        all.code("CAMPANILE_RESTART_TRACES", self.restarts_traces, yes);
        all.code("CAMPANILE_TRACE_RESPONSE", self.trace_response, |set| named(RESPONSES, &set));
        all.code("CAMPANILE_RECORD_BAGGAGE", self.recorded_baggage.as_ref(), |keys| Some(keys.join(",")));
    }
}

impl Builder {
    /// By which headers trace context comes in and goes out. Of those that come in, the first in this order that is valid
    /// counts; all of them go out. An empty list: every request begins a trace, and none is told of it.
    ///
    /// # Default
    /// [`TraceContext`](Propagator::TraceContext) and [`Baggage`](Propagator::Baggage).
    ///
    /// # Example
    /// ```
    /// use campanile::Propagator;
    ///
    /// let builder = campanile::builder().propagators([Propagator::TraceContext, Propagator::Baggage, Propagator::XRay]);
    /// # drop(builder);
    /// ```
    pub fn propagators(mut self, propagators: impl IntoIterator<Item = Propagator>) -> Self {
        self.propagation.propagators = Some(propagators.into_iter().collect());
        self
    }

    /// Begins a trace with every request, for an edge whose callers are strangers: with a trace id and a sampling decision of
    /// our own and without their `tracestate`. Their span is referred to by a link. Baggage passes all the same: leave its
    /// propagator out where it must not.
    ///
    /// # Default
    /// False: a caller's trace is continued, as W3C Trace Context says.
    pub fn restart_traces(mut self, restarts: bool) -> Self {
        self.propagation.restarts_traces = Some(restarts);
        self
    }

    /// Whose `x-request-id` is taken over, where it is valid.
    ///
    /// An id that another layer put into the request's extensions (tower-http's `RequestId`) is the application's own and
    /// is taken over in any case.
    ///
    /// # Default
    /// [`TrustIds::Always`].
    pub fn trust_inbound_ids(mut self, trust: TrustIds) -> Self {
        self.propagation.trust_ids = Some(trust);
        self
    }

    /// How the trace is told in answers.
    ///
    /// # Default
    /// [`TraceResponse::Off`].
    pub fn trace_response(mut self, how: TraceResponse) -> Self {
        self.propagation.trace_response = Some(how);
        self
    }

    /// Puts members of the caller's baggage on the record, decoded, as attributes `baggage.<key>`.
    ///
    /// # Default
    /// None: baggage is passed on, and recorded nowhere.
    pub fn record_baggage<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.propagation.recorded_baggage = Some(keys.into_iter().map(Into::into).collect());
        self
    }
}

/// What the environment says of callers.
pub(super) fn callers(reader: &mut Reader<'_>) -> Callers {
    let keys = reader.text("CAMPANILE_RECORD_BAGGAGE").unwrap_or_default().split(',').map(str::trim);
    Callers {
        recorded_baggage: recorded(keys.filter(|key| !key.is_empty()).map(str::to_owned)),
        trust_ids: reader.word("CAMPANILE_TRUST_INBOUND_IDS", TRUSTED).unwrap_or_default(),
        restarts_traces: reader.bool("CAMPANILE_RESTART_TRACES"),
        trace_response: reader.word("CAMPANILE_TRACE_RESPONSE", RESPONSES).unwrap_or_default(),
    }
}

fn recorded(keys: impl IntoIterator<Item = String>) -> Box<[(String, String)]> {
    keys.into_iter().map(|key| (format!("baggage.{key}"), key)).map(|(attribute, key)| (key, attribute)).collect()
}

/// The list, in its order; one that is not known is a warning.
pub(super) fn propagators(reader: &mut Reader<'_>) -> Propagators {
    let Some(list) = reader.text(PROPAGATORS) else { return Propagators::default() };
    let (mut found, mut is_understood) = (Vec::new(), false);
    for (index, name) in list.split(',').map(str::trim).enumerate().filter(|(_, name)| !name.is_empty()) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("none") {
            return Propagators::NONE;
        }
        if let Some(propagator) = Propagator::parse(name) {
            found.push(propagator);
        } else if let Some(unsupported) = UNSUPPORTED.into_iter().find(|name| is(name)) {
            reader.warnings.push(PROPAGATORS, format_args!("names {unsupported}, which is not supported and is left out"));
            is_understood = true;
        } else {
            reader.warnings.push(PROPAGATORS, format_args!("part {} is not a known propagator and is ignored", index + 1));
        }
    }
    // A list of which nothing was understood is as good as none.
    if found.is_empty() && !is_understood { Propagators::default() } else { found.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::Warnings;

    fn read(variables: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut warnings = Warnings::default();
        let settings = Settings::from_env(&variables.iter().copied().collect(), &mut warnings);
        (settings, warnings.into_inner())
    }

    #[test]
    fn propagators_are_listed_by_name() {
        use Propagator::{B3, B3Multi, Baggage, Datadog, Google, Jaeger, Sentry, TraceContext, XRay};
        let all = "b3,b3multi,jaeger,xray,datadog,sentry,google,baggage,tracecontext";
        let default: &[Propagator] = &[TraceContext, Baggage];
        for (list, expected, count) in [
            ("tracecontext,baggage", default, 0),
            ("tracecontext", &[TraceContext], 0),
            ("b3, TraceContext,,b3", &[B3, TraceContext], 0),
            (all, &[B3, B3Multi, Jaeger, XRay, Datadog, Sentry, Google, Baggage, TraceContext], 0),
            ("GCP", &[Google], 0),
            ("none", &[], 0),
            ("b3,none", &[], 0),
            ("ottrace", &[], 1),
            ("ottrace,xray", &[XRay], 1),
            ("canary", default, 1),
            ("canary,b3", &[B3], 1),
        ] {
            let (settings, warnings) = read(&[(PROPAGATORS, list)]);
            assert_eq!(settings.propagators, expected.iter().copied().collect(), "{list}");
            assert_eq!(warnings.len(), count, "{list}: {warnings:?}");
            assert!(!warnings.concat().contains("canary"));
        }
    }

    #[test]
    fn callers_are_believed_as_the_environment_says() {
        let (settings, warnings) = read(&[
            ("CAMPANILE_TRUST_INBOUND_IDS", "Private"),
            ("CAMPANILE_RESTART_TRACES", "true"),
            ("CAMPANILE_TRACE_RESPONSE", "server-timing"),
            ("CAMPANILE_RECORD_BAGGAGE", "tenant, user.id,,"),
        ]);
        assert_eq!(warnings, Vec::<String>::new());
        let Callers { trust_ids, restarts_traces, trace_response, recorded_baggage } = settings.callers;
        assert_eq!((trust_ids, restarts_traces, trace_response), (TrustIds::Private, true, TraceResponse::ServerTiming));
        let expected = [("tenant", "baggage.tenant"), ("user.id", "baggage.user.id")];
        assert_eq!(&*recorded_baggage, expected.map(|(key, attribute)| (key.to_owned(), attribute.to_owned())));
    }

    #[test]
    fn what_is_set_in_code_wins() {
        let (mut settings, _) = read(&[("CAMPANILE_TRUST_INBOUND_IDS", "never"), ("CAMPANILE_RESTART_TRACES", "true")]);
        Propagation::default().apply(&mut settings);
        assert_eq!(settings.callers.trust_ids, TrustIds::Never, "nothing was set");
        let code = crate::builder().trust_inbound_ids(TrustIds::Private).restart_traces(false).propagators([]).propagation;
        code.apply(&mut settings);
        assert_eq!((settings.callers.trust_ids, settings.callers.restarts_traces), (TrustIds::Private, false));
        assert_eq!(settings.propagators, Propagators::NONE);
    }
}
