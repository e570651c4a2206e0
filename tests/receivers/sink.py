"""An OTLP receiver for tests, on the protobuf and gRPC that Python has: nothing in it is Campanile's.

Serves HTTP/protobuf and gRPC for traces, logs and metrics on free ports, prints them as one line of JSON when it is ready, and
keeps what arrives in memory. Ends when its standard input does.

    GET  /dump    everything that was taken, decoded
    POST /rules   faults for requests to come, a JSON list: the first rule that fits is used and counted down

A rule: {"signal": "traces" | "logs" | "metrics", "times": 1, "do": …}, where "do" is one of
    "refuse"   answer HTTP status "http" or gRPC code "grpc" and keep nothing; "retry_after" in seconds (HTTP)
    "break"    keep the payload, then close the connection without an answer (HTTP), or answer UNAVAILABLE (gRPC)
    "reject"   keep nothing, and answer that "rejected" items were rejected
"""

import gzip
import http.server
import json
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs_service
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

MAX_MESSAGE_BYTES = 64 * 1024 * 1024

lock = threading.Lock()
spans, logs, metrics, requests, rules = [], [], [], [], []


def value_of(value):
    """A pair of type and value, so that 1 and "1" stay apart."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ["none", None]
    held = getattr(value, kind)
    if kind == "array_value":
        held = [value_of(one) for one in held.values]
    elif kind == "kvlist_value":
        held = attributes_of(held.values)
    elif kind == "bytes_value":
        held = held.hex()
    return [kind.removesuffix("_value"), held]


def attributes_of(pairs):
    """A list and no object: a key that comes twice has to be seen."""
    return [[pair.key, *value_of(pair.value)] for pair in pairs]


def origin_of(resource, inner, schema_urls):
    return {
        "resource": attributes_of(resource.attributes),
        "scope": [inner.scope.name, inner.scope.version],
        "schema_urls": schema_urls,
    }


def take_traces(message):
    taken = []
    for outer in message.resource_spans:
        for inner in outer.scope_spans:
            origin = origin_of(outer.resource, inner, [outer.schema_url, inner.schema_url])
            for span in inner.spans:
                taken.append({
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_span_id": span.parent_span_id.hex(),
                    "trace_state": span.trace_state,
                    "flags": span.flags,
                    "name": span.name,
                    "kind": trace_pb2.Span.SpanKind.Name(span.kind),
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "status": trace_pb2.Status.StatusCode.Name(span.status.code),
                    "status_message": span.status.message,
                    "attributes": attributes_of(span.attributes),
                    "dropped_attributes": span.dropped_attributes_count,
                    "events": len(span.events),
                    "links": len(span.links),
                    "origin": origin,
                })
    spans.extend(taken)
    return len(taken)


def take_logs(message):
    taken = []
    for outer in message.resource_logs:
        for inner in outer.scope_logs:
            origin = origin_of(outer.resource, inner, [outer.schema_url, inner.schema_url])
            for log in inner.log_records:
                taken.append({
                    "trace_id": log.trace_id.hex(),
                    "span_id": log.span_id.hex(),
                    "flags": log.flags,
                    "time": log.time_unix_nano,
                    "observed": log.observed_time_unix_nano,
                    "severity": logs_pb2.SeverityNumber.Name(log.severity_number),
                    "severity_text": log.severity_text,
                    "event_name": log.event_name,
                    "body": value_of(log.body),
                    "attributes": attributes_of(log.attributes),
                    "dropped_attributes": log.dropped_attributes_count,
                    "origin": origin,
                })
    logs.extend(taken)
    return len(taken)


def take_metrics(message):
    """Points one by one; of a kind that is never sent nothing is taken."""
    taken = []
    for outer in message.resource_metrics:
        for inner in outer.scope_metrics:
            origin = origin_of(outer.resource, inner, [outer.schema_url, inner.schema_url])
            for metric in inner.metrics:
                data = getattr(metric, metric.WhichOneof("data"))
                is_sum = metric.WhichOneof("data") == "sum"
                for point in data.data_points:
                    taken.append({
                        "metric": metric.name,
                        "unit": metric.unit,
                        "temporality": metrics_pb2.AggregationTemporality.Name(data.aggregation_temporality),
                        "attributes": attributes_of(point.attributes),
                        "start": point.start_time_unix_nano,
                        "time": point.time_unix_nano,
                        "value": getattr(point, point.WhichOneof("value")) if is_sum else None,
                        "count": 0 if is_sum else point.count,
                        "sum": 0 if is_sum else point.sum,
                        "buckets": [] if is_sum else list(point.bucket_counts),
                        "bounds": [] if is_sum else list(point.explicit_bounds),
                        "origin": origin,
                    })
    metrics.extend(taken)
    return len(taken)


SIGNALS = {
    "traces": (trace_service.ExportTraceServiceRequest, take_traces, trace_service.ExportTraceServiceResponse, "rejected_spans"),
    "logs": (logs_service.ExportLogsServiceRequest, take_logs, logs_service.ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (
        metrics_service.ExportMetricsServiceRequest,
        take_metrics,
        metrics_service.ExportMetricsServiceResponse,
        "rejected_data_points",
    ),
}


def receive(signal, message, how):
    """Keeps a message, or does what a rule says; gives the rule and the answer."""
    _, take, answer, rejected = SIGNALS[signal]
    with lock:
        rule = next((rule for rule in rules if rule["signal"] == signal and rule["times"] > 0), None)
        if rule:
            rule["times"] -= 1
        does = rule["do"] if rule else "take"
        items = take(message) if does in ("take", "break") else 0
        requests.append({"signal": signal, "do": does, "items": items, **how})
    answer = answer()
    if does == "reject":
        setattr(answer.partial_success, rejected, rule["rejected"])
        answer.partial_success.error_message = "rejected by a rule"
    return rule, answer


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/dump":
            return self.answer(404, b"", "text/plain")
        with lock:
            dump = json.dumps({"spans": spans, "logs": logs, "metrics": metrics, "requests": requests})
        self.answer(200, dump.encode(), "application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/rules":
            with lock:
                rules[:] = json.loads(body)
            return self.answer(200, b"", "text/plain")
        signal = self.path.removeprefix("/v1/")
        if signal not in SIGNALS:
            return self.answer(404, b"", "text/plain")
        if self.headers["content-type"] != "application/x-protobuf":
            return self.answer(415, b"", "text/plain")
        how = {
            "protocol": "http",
            "bytes": len(body),
            "encoding": self.headers.get("content-encoding", ""),
            "user_agent": self.headers.get("user-agent", ""),
        }
        if how["encoding"] == "gzip":
            body = gzip.decompress(body)
        rule, answer = receive(signal, SIGNALS[signal][0].FromString(body), how)
        if rule and rule["do"] == "break":
            self.close_connection = True
            return self.connection.close()
        if rule and rule["do"] == "refuse":
            more = {"retry-after": str(rule["retry_after"])} if "retry_after" in rule else {}
            return self.answer(rule["http"], b"", "application/x-protobuf", more)
        self.answer(200, answer.SerializeToString(), "application/x-protobuf")

    def answer(self, status, body, media_type, more={}):
        self.send_response(status)
        for name, value in {"content-type": media_type, "content-length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def grpc_export(signal):
    def export(_, message, context):
        metadata = dict(context.invocation_metadata())
        how = {
            "protocol": "grpc",
            "bytes": message.ByteSize(),
            "encoding": metadata.get("grpc-encoding", ""),
            "user_agent": metadata.get("user-agent", ""),
        }
        rule, answer = receive(signal, message, how)
        if rule and rule["do"] == "refuse":
            context.abort(next(code for code in grpc.StatusCode if code.value[0] == rule["grpc"]), "refused by a rule")
        if rule and rule["do"] == "break":
            context.abort(grpc.StatusCode.UNAVAILABLE, "broken by a rule")
        return answer

    return export


def main():
    options = [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=options)
    trace_grpc.add_TraceServiceServicer_to_server(
        type("Traces", (trace_grpc.TraceServiceServicer,), {"Export": grpc_export("traces")})(), server)
    logs_grpc.add_LogsServiceServicer_to_server(
        type("Logs", (logs_grpc.LogsServiceServicer,), {"Export": grpc_export("logs")})(), server)
    metrics_grpc.add_MetricsServiceServicer_to_server(
        type("Metrics", (metrics_grpc.MetricsServiceServicer,), {"Export": grpc_export("metrics")})(), server)
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Http)
    web.daemon_threads = True
    threading.Thread(target=web.serve_forever, daemon=True).start()
    print(json.dumps({"http": web.server_address[1], "grpc": grpc_port}), flush=True)
    sys.stdin.read()
    server.stop(None)


main()
