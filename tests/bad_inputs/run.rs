//! One case on every server: bare, observed, compared.

use campanile::record::{Kind, Record};
use campanile::{Builder, ObserveLayer};
use http::HeaderMap;
use std::sync::Arc;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::catalogue::Case;
use crate::invariants;
use crate::outputs::{Bench, Outputs};
use crate::service::{Got, Handler, PLACES, Place, Play, is_control, send};
use crate::wire::Sent;

/// How a case is set up.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) sent: Sent,
    pub(crate) play: Play,
    pub(crate) builder: Arc<dyn Fn(Builder) -> Builder>,
    pub(crate) layer: Arc<dyn Fn(ObserveLayer) -> ObserveLayer>,
}

impl Setup {
    pub(crate) fn new(sent: Sent) -> Self {
        Self { sent, play: Play::default(), builder: Arc::new(|builder| builder), layer: Arc::new(|layer| layer) }
    }

    pub(crate) fn play(mut self, play: Play) -> Self {
        self.play = play;
        self
    }

    pub(crate) fn builder(mut self, change: impl Fn(Builder) -> Builder + 'static) -> Self {
        self.builder = Arc::new(change);
        self
    }

    pub(crate) fn layer(mut self, change: impl Fn(ObserveLayer) -> ObserveLayer + 'static) -> Self {
        self.layer = Arc::new(change);
        self
    }
}

/// What one run left.
pub(crate) struct Seen<'a> {
    pub(crate) case: &'a Case,
    pub(crate) place: Place,
    pub(crate) setup: &'a Setup,
    pub(crate) bare: Got,
    pub(crate) observed: Got,
    /// Whether the server refused the request before any service had it.
    pub(crate) is_refused: bool,
    pub(crate) outputs: Outputs,
    /// Headers that the handler would send on.
    pub(crate) injected: HeaderMap,
}

impl Seen<'_> {
    /// The request's record.
    #[track_caller]
    pub(crate) fn record(&self) -> &Record {
        let mut requests = self.outputs.records.iter().filter(|record| record.kind() == Kind::Request && !is_control(record));
        let record = requests.next().expect("a record");
        assert!(requests.next().is_none(), "only one");
        record
    }

    /// The request's line in JSON, with OpenTelemetry's names.
    pub(crate) fn json(&self) -> serde_json::Value {
        let id = self.record().span_id().to_hex();
        let lines = self.outputs.json();
        let is_it = |line: &&serde_json::Value| line["span_id"] == id.as_str() && line.get("url.path").is_some();
        lines.iter().find(is_it).expect("a line of the request").clone()
    }
}

/// Runs a case everywhere, holds the invariants against each run, and hands the runs to `check`. Says what was done.
pub(crate) async fn everywhere(case: &Case, setup: &Setup, mut check: impl FnMut(&Seen<'_>)) -> String {
    let mut done = Vec::new();
    for place in PLACES {
        let seen = run(case, setup, place).await;
        invariants::hold(&seen);
        let status = seen.observed.status().map_or("no answer".to_owned(), |status| status.to_string());
        if seen.is_refused {
            done.push(format!("{place:?} refuses it with {status}"));
            continue;
        }
        check(&seen);
        done.push(format!("{place:?} {status}"));
    }
    done.join(", ")
}

async fn run<'a>(case: &'a Case, setup: &'a Setup, place: Place) -> Seen<'a> {
    let bare_handler = Handler::new(&setup.play);
    let bare = send(place, &bare_handler, None, &setup.sent).await;
    let not_a_value = if place == Place::InProcess { setup.sent.to_request().1 } else { Vec::new() };

    let bench = Bench::start(|builder| (setup.builder)(builder));
    let mut play = setup.play.clone();
    // What the types of HTTP do not take goes in as an attribute and as an event.
    if !not_a_value.is_empty() {
        let (act, values) = (Arc::clone(&play.act), not_a_value.clone());
        play.act = Arc::new(move || {
            for value in &values {
                let value = String::from_utf8_lossy(value);
                campanile::set("app.value", &*value);
                tracing::info!(value = &*value, "a value: {value}");
            }
            act();
        });
    }
    let handler = Handler::new(&play);
    let layer = (setup.layer)(bench.telemetry.layer());
    let observed = {
        let subscriber = tracing_subscriber::registry().with(bench.telemetry.tracing_layer());
        let _listening = tracing::subscriber::set_default(subscriber);
        send(place, &handler, Some(layer), &setup.sent).await
    };
    assert_eq!(bare_handler.calls(), handler.calls(), "{}: the service is called as often as without the layer", case.id);
    let outputs = bench.read(place == Place::Hyper);
    let is_refused = handler.calls() == 0;
    Seen { case, place, setup, bare, observed, is_refused, outputs, injected: handler.injected() }
}
