//! gRPC spans and metrics.

use http::Request;
use http_body_util::Full;

use crate::metrics::{histogram, keys};
use crate::rule::Expect::{Error, Has, Is, Lacks, Unset};
use crate::rule::{Expect, Play, Rule, int, name, outgoing, rule, text, that};

/// Every code by its number, and whether it is an error of the server.
const CODES: &[(&str, bool)] = &[
    ("OK", false),
    ("CANCELLED", false),
    ("UNKNOWN", true),
    ("INVALID_ARGUMENT", false),
    ("DEADLINE_EXCEEDED", true),
    ("NOT_FOUND", false),
    ("ALREADY_EXISTS", false),
    ("PERMISSION_DENIED", false),
    ("RESOURCE_EXHAUSTED", false),
    ("FAILED_PRECONDITION", false),
    ("ABORTED", false),
    ("OUT_OF_RANGE", false),
    ("UNIMPLEMENTED", true),
    ("INTERNAL", true),
    ("UNAVAILABLE", true),
    ("DATA_LOSS", true),
    ("UNAUTHENTICATED", false),
];
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

fn call(path: impl Into<String>) -> Play {
    Play::Http2("POST", path.into(), &[("content-type", "application/grpc"), ("te", "trailers"), ("accept", "*/*")])
}

fn outgoing_call(path: impl Into<String>) -> Play {
    let path = path.into();
    outgoing(move |upstream| {
        let request = Request::post(format!("http://{upstream}{path}"));
        request.header("content-type", "application/grpc").header("te", "trailers").body(Full::default()).unwrap()
    })
}

fn outcome(code: &str, is_error: bool) -> [Expect; 3] {
    let status = text("rpc.response.status_code", code);
    if is_error { [status, Error, text("error.type", code)] } else { [status, Unset, Lacks("error.type")] }
}

pub(crate) fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (number, (code, is_error)) in CODES.iter().enumerate() {
        for place in ["Shop", "Head"] {
            let path = format!("/test.{place}/{number}");
            let end = if place == "Shop" { "trailers" } else { "the head" };
            rules.push(rule(format!("{code} in {end} ends a call"), call(path.clone()), outcome(code, *is_error)));
            rules.push(rule(format!("{code} in {end} ends an outgoing call"), outgoing_call(path), outcome(code, number != 0)));
        }
    }
    rules.extend(server());
    rules.extend(client());
    rules
}

fn server() -> Vec<Rule> {
    vec![
        rule(
            "a call is named by its method",
            call("/test.Shop/0"),
            [
                name("test.Shop/0"),
                text("rpc.system.name", "grpc"),
                text("rpc.method", "test.Shop/0"),
                Lacks("rpc.method_original"),
            ],
        ),
        rule(
            "a method that the server does not know is no name",
            call("/test.Shop/12"),
            [name("grpc"), text("rpc.method", "_OTHER"), text("rpc.method_original", "test.Shop/12")],
        ),
        rule(
            "what is not answered in gRPC is none",
            call("/made.Up/Name"),
            [name("POST"), Lacks("rpc.system.name"), Lacks("rpc.method"), int("http.response.status_code", 404)],
        ),
        rule(
            "names of older conventions are gone",
            call("/test.Shop/5"),
            [Lacks("rpc.system"), Lacks("rpc.service"), Lacks("rpc.grpc.status_code"), Lacks("http.request.method")],
        ),
        rule("the status of HTTP says nothing", call("/test.Shop/13"), [Lacks("http.response.status_code")]),
        rule(
            "a call says where it came from and went to",
            call("/test.Shop/0"),
            [
                text("server.address", "127.0.0.1"),
                Has("server.port"),
                text("network.peer.address", "127.0.0.1"),
                Has("network.peer.port"),
            ],
        ),
        rule("metadata is not said unless asked for", call("/test.Shop/0"), [Lacks("rpc.request.metadata.accept")]),
        rule(
            "metadata that is asked for is an array",
            call("/test.Shop/0"),
            [Is("rpc.request.metadata.accept", "array:string:*/*".to_owned()), Lacks("http.request.header.accept")],
        )
        .sending_headers(),
        rule(
            "calls have a duration, and are none of HTTP's",
            call("/test.Shop/13"),
            [
                histogram("rpc.server.call.duration", "s", "Measures the duration of an incoming RPC.", SECONDS),
                keys("rpc.server.call.duration", &["error.type", "rpc.method", "rpc.response.status_code", "rpc.system.name"]),
                that(|told| {
                    for old in ["rpc.server.duration", "http.server.request.duration"] {
                        assert!(told.arrived.metric(old).is_none(), "{old}");
                    }
                }),
            ],
        ),
    ]
}

fn client() -> Vec<Rule> {
    vec![
        rule(
            "an outgoing call is named by its method",
            outgoing_call("/test.Shop/0"),
            [name("test.Shop/0"), text("rpc.system.name", "grpc"), text("rpc.method", "test.Shop/0")],
        ),
        rule("an outgoing call without a method is grpc", outgoing_call("/"), [name("grpc"), text("rpc.method", "_OTHER")]),
        rule(
            "the server of an outgoing call is the channel's target",
            outgoing_call("/test.Shop/0"),
            [that(|told| {
                let (address, port) = told.upstream.split_once(':').unwrap();
                assert_eq!(told.attributes()["server.address"], format!("string:{address}"));
                assert_eq!(told.attributes()["server.port"], format!("int:{port}"));
            })],
        ),
        rule(
            "the status of HTTP says nothing of an outgoing call",
            outgoing_call("/test.Shop/5"),
            [Lacks("http.response.status_code")],
        ),
        rule(
            "outgoing calls have a duration",
            outgoing_call("/test.Shop/5"),
            [
                histogram("rpc.client.call.duration", "s", "Measures the duration of an outgoing RPC.", SECONDS),
                keys(
                    "rpc.client.call.duration",
                    &["error.type", "rpc.method", "rpc.response.status_code", "rpc.system.name", "server.address", "server.port"],
                ),
            ],
        ),
    ]
}
