//! Status and `error.type`.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::client::asking;
use crate::rule::Expect::{Error, Has, Lacks, Unset};
use crate::rule::{Play, Rule, code, get, http1, int, rule, text, that};

pub(crate) fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for status in [200, 204, 206, 301, 304, 399] {
        let expected = || [Unset, Lacks("error.type"), int("http.response.status_code", status)];
        rules.push(rule(format!("{status} is no error of the server"), get(&format!("/status/{status}"), ""), expected()));
        rules.push(rule(format!("{status} is none for the client"), outgoing_to(status), expected()));
    }
    for status in [400, 404, 429, 499] {
        rules.push(rule(
            format!("{status} is no error of the server"),
            get(&format!("/status/{status}"), ""),
            [Unset, Lacks("error.type"), int("http.response.status_code", status)],
        ));
        rules.push(rule(
            format!("{status} is an error for the client"),
            outgoing_to(status),
            [Error, text("error.type", &status.to_string()), int("http.response.status_code", status)],
        ));
    }
    for status in [500, 503, 599] {
        let expected = || [Error, text("error.type", &status.to_string()), int("http.response.status_code", status)];
        rules.push(rule(format!("{status} is an error of the server"), get(&format!("/status/{status}"), ""), expected()));
        rules.push(rule(format!("{status} is one for the client"), outgoing_to(status), expected()));
    }
    rules.extend([
        rule(
            "101 is no error",
            http1("GET /status/101 HTTP/1.1\nhost: a\nupgrade: x"),
            [Unset, Lacks("error.type"), int("http.response.status_code", 101)],
        ),
        rule("a handler that fails is an error", Play::Fails, [Error, Has("error.type"), Lacks("http.response.status_code")]),
        rule(
            "a handler that panics is an error",
            get("/panic", ""),
            [Error, Has("error.type"), Lacks("http.response.status_code")],
        ),
        rule(
            "a body that breaks after a 200 is an error",
            get("/break", ""),
            [Error, Has("error.type"), int("http.response.status_code", 200)],
        ),
        rule(
            "a body that breaks after a 200 is one for the client",
            asking("/break"),
            [Error, Has("error.type"), int("http.response.status_code", 200)],
        ),
        rule(
            "a connection that breaks is one for the client",
            asking("/panic"),
            [Error, Has("error.type"), Lacks("http.response.status_code")],
        ),
        rule("nobody to connect to is one", Play::OutgoingNobody, [Error, Has("error.type"), Lacks("http.response.status_code")]),
        rule("what the caller lets go of is none", Play::OutgoingDropped, [Unset, Lacks("error.type")]),
        rule(
            "a client that lets go of its answer is no error of the server",
            Play::LetsGo("GET /forever HTTP/1.1\nhost: a"),
            [Unset, Lacks("error.type"), int("http.response.status_code", 200)],
        ),
        rule("an error's type says nothing of this one request", Play::Fails, [that(low_cardinality)]),
        rule("nor does a panic's", get("/panic", ""), [that(low_cardinality)]),
        rule(
            "what was tried again inside is no error of the whole",
            get("/retry", ""),
            [
                Unset,
                Lacks("error.type"),
                that(|told| {
                    let codes: Vec<_> = told.of_kind(SpanKind::Client).into_iter().map(code).collect();
                    assert_eq!(codes, [StatusCode::Error, StatusCode::Unset]);
                }),
            ],
        ),
    ]);
    rules
}

fn outgoing_to(status: u16) -> Play {
    crate::rule::outgoing(move |upstream| crate::client::to(upstream, &format!("/status/{status}")))
}

/// An identifier or a type, not the error's message.
fn low_cardinality(told: &crate::rule::Told) {
    let error = &told.attributes()["error.type"];
    assert!(!error.contains("told to") && !error.contains(' '), "{error}");
}
