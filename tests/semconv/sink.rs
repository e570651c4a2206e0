//! A receiver of OTLP over HTTP that decodes with the generated types.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, metric::Data};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::support::{Server, full, serve};

/// Attributes by their keys, each value with its type in front: `int:200`.
pub(crate) type Attributes = BTreeMap<String, String>;

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogRecord>,
    /// Of the last export, as the numbers count from the beginning.
    pub(crate) metrics: Vec<Metric>,
}

#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Arrived>>);

impl Sink {
    pub(crate) async fn start(&self) -> Server {
        let sink = self.clone();
        serve(tower::service_fn(move |request: Request<Incoming>| {
            let sink = sink.clone();
            async move {
                let path = request.uri().path().to_owned();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                sink.take(&path, &body);
                Ok::<_, Infallible>(Response::new(full("")))
            }
        }))
        .await
    }

    fn take(&self, path: &str, body: &[u8]) {
        let mut arrived = self.0.lock().unwrap();
        match path {
            "/v1/traces" => {
                let of_resources = ExportTraceServiceRequest::decode(body).unwrap().resource_spans;
                arrived.spans.extend(of_resources.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans));
            }
            "/v1/logs" => {
                let of_resources = ExportLogsServiceRequest::decode(body).unwrap().resource_logs;
                arrived.logs.extend(of_resources.into_iter().flat_map(|of| of.scope_logs).flat_map(|of| of.log_records));
            }
            "/v1/metrics" => {
                let of_resources = ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics;
                let metrics = of_resources.into_iter().flat_map(|of| of.scope_metrics).flat_map(|of| of.metrics);
                arrived.metrics = metrics.collect();
            }
            other => panic!("no signal has the path {other}"),
        }
    }

    pub(crate) fn arrived(&self) -> Arrived {
        self.0.lock().unwrap().clone()
    }
}

impl Arrived {
    pub(crate) fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The points of a histogram; none where there is no such metric.
    pub(crate) fn histogram(&self, name: &str) -> &[HistogramDataPoint] {
        match self.metric(name).map(|metric| metric.data.as_ref().unwrap()) {
            None => &[],
            Some(Data::Histogram(histogram)) => &histogram.data_points,
            Some(other) => panic!("{name} is a histogram: {other:?}"),
        }
    }
}

/// Attributes with their types; no key comes twice.
pub(crate) fn attributes(pairs: &[KeyValue]) -> Attributes {
    let attributes: Attributes =
        pairs.iter().map(|pair| (pair.key.clone(), text(pair.value.as_ref().and_then(|value| value.value.as_ref())))).collect();
    assert_eq!(attributes.len(), pairs.len(), "no key comes twice: {pairs:?}");
    attributes
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => format!("string:{text}"),
        Some(Value::IntValue(number)) => format!("int:{number}"),
        Some(Value::BoolValue(is_true)) => format!("bool:{is_true}"),
        Some(Value::DoubleValue(number)) => format!("double:{number}"),
        Some(Value::ArrayValue(array)) => {
            let values: Vec<_> = array.values.iter().map(|value| text(value.value.as_ref())).collect();
            format!("array:{}", values.join(","))
        }
        other => format!("{other:?}"),
    }
}
