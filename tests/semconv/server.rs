//! HTTP server spans.

use campanile::{Builder, TrustedProxies};

use crate::rule::Expect::{Has, Lacks};
use crate::rule::{Play, Rule, get, http1, int, name, rule, text};

pub(crate) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        rule(
            "the name is method and route",
            get("/orders/17", ""),
            [name("GET /orders/{id}"), text("http.route", "/orders/{id}")],
        ),
        rule(
            "the name is the method alone where no route matched, never the path",
            get("/orders/17/nowhere", ""),
            [name("GET"), Lacks("http.route"), text("url.path", "/orders/17/nowhere"), int("http.response.status_code", 404)],
        ),
        rule(
            "the name says HTTP for a method that nobody knows",
            http1("BREW /orders/17 HTTP/1.1\nhost: a"),
            [name("HTTP /orders/{id}"), text("http.request.method", "_OTHER"), text("http.request.method_original", "BREW")],
        ),
        rule("and HTTP alone without a route", http1("BREW /nowhere HTTP/1.1\nhost: a"), [name("HTTP")]),
        rule(
            "methods are compared with case",
            http1("get /orders/17 HTTP/1.1\nhost: a"),
            [text("http.request.method", "_OTHER"), text("http.request.method_original", "get")],
        ),
        rule(
            "a list of known methods is followed",
            http1("BREW /orders/17 HTTP/1.1\nhost: a"),
            [name("BREW /orders/{id}"), text("http.request.method", "BREW"), Lacks("http.request.method_original")],
        )
        .with(|builder| builder.known_methods(["BREW"])),
        rule(
            "a list of known methods replaces the whole one",
            get("/orders/17", ""),
            [text("http.request.method", "_OTHER"), text("http.request.method_original", "GET")],
        )
        .with(|builder| builder.known_methods(["BREW"])),
        rule(
            "the environment's list of known methods is followed, with case",
            http1("brew /orders/17 HTTP/1.1\nhost: a"),
            [text("http.request.method", "brew"), Lacks("http.request.method_original")],
        )
        .with(with_brew),
        rule(
            "and replaces the whole one",
            http1("BREW /orders/17 HTTP/1.1\nhost: a"),
            [text("http.request.method", "_OTHER"), text("http.request.method_original", "BREW")],
        )
        .with(with_brew),
        rule("the path has no query", get("/orders/17?a=b", ""), [text("url.path", "/orders/17")]),
        rule("the query has no question mark", get("/orders/17?a=b&c", ""), [text("url.query", "a=b&c")]),
        rule("without a query there is none", get("/orders/17", ""), [Lacks("url.query")]),
        rule(
            "a template has the prefix of its nesting",
            get("/shop/items/4", ""),
            [name("GET /shop/items/{id}"), text("http.route", "/shop/items/{id}"), text("url.path", "/shop/items/4")],
        ),
        rule("the status is that of the response", get("/status/418", ""), [int("http.response.status_code", 418)]),
        rule("without a response there is no status", Play::Fails, [Lacks("http.response.status_code")]),
        rule("the name of HTTP is not said", get("/orders/17", ""), [Lacks("network.protocol.name")]),
        rule("the version is 1.0", http1("GET /orders/17 HTTP/1.0\nhost: a"), [text("network.protocol.version", "1.0")]),
        rule("the version is 1.1", get("/orders/17", ""), [text("network.protocol.version", "1.1")]),
        rule("the version is 2", Play::Http2("GET", "/orders/17".into(), &[]), [text("network.protocol.version", "2")]),
        rule("a user agent is said", get("/orders/17", "user-agent: curl/8.5"), [text("user_agent.original", "curl/8.5")]),
        rule("without a user agent there is none", get("/orders/17", ""), [Lacks("user_agent.original")]),
        rule("sizes are those on the wire", get("/orders/17", ""), [int("http.response.body.size", 5)]),
    ];
    for method in ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"] {
        rules.push(rule(
            format!("{method} is a known method"),
            http1(format!("{method} /orders/17 HTTP/1.1\nhost: a")),
            [
                name(format!("{method} /orders/{{id}}")),
                text("http.request.method", method),
                Lacks("http.request.method_original"),
            ],
        ));
    }
    rules.push(rule(
        "CONNECT is a known method",
        http1("CONNECT shop.example:443 HTTP/1.1\nhost: shop.example:443"),
        [text("http.request.method", "CONNECT"), text("server.address", "shop.example"), int("server.port", 443)],
    ));
    for key in ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"] {
        rules.push(rule(
            format!("the value of {key} is redacted, its key stays"),
            get(&format!("/orders/17?q=a&{key}=canary&r=b"), ""),
            [text("url.query", &format!("q=a&{key}=REDACTED&r=b"))],
        ));
    }
    rules.extend(ends());
    rules.extend(headers());
    rules
}

fn with_brew(builder: Builder) -> Builder {
    let known = ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "POST,brew");
    builder.env([known, ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")].into_iter().collect())
}

/// Who asked whom.
fn ends() -> Vec<Rule> {
    let proxied = |rule: Rule| rule.with(|builder| builder.trusted_proxies(TrustedProxies::loopback()));
    let forwarded = "forwarded: for=198.51.100.7;proto=https;host=\"named.example:8443\"";
    let x_forwarded = "x-forwarded-for: 198.51.100.7\nx-forwarded-proto: https\nx-forwarded-host: named.example";
    let told = || [text("client.address", "198.51.100.7"), text("url.scheme", "https"), text("server.address", "named.example")];
    let own = || [text("client.address", "127.0.0.1"), text("url.scheme", "http"), text("server.address", "shop.example")];
    vec![
        rule(
            "the server is the host without its port",
            http1("GET /orders/17 HTTP/1.1\nhost: shop.example:8080"),
            [text("server.address", "shop.example"), int("server.port", 8080)],
        ),
        rule(
            "a port that is not named is absent",
            get("/orders/17", ""),
            [text("server.address", "shop.example"), Lacks("server.port")],
        ),
        rule(
            "the host of an IPv6 address has no brackets",
            http1("GET /orders/17 HTTP/1.1\nhost: [::1]:8080"),
            [text("server.address", "::1"), int("server.port", 8080)],
        ),
        rule(
            "an authority comes before the host",
            http1("GET http://named.example/orders/17 HTTP/1.1\nhost: shop.example:8080"),
            [text("server.address", "named.example"), Lacks("server.port"), text("url.path", "/orders/17")],
        ),
        rule(
            "the authority of HTTP/2 is the server",
            Play::Http2("GET", "/orders/17".into(), &[("host", "shop.example:8080")]),
            [text("server.address", "127.0.0.1"), Has("server.port")],
        ),
        rule(
            "without a host there is neither",
            http1("GET /orders/17 HTTP/1.0"),
            [Lacks("server.address"), Lacks("server.port")],
        ),
        rule(
            "the peer is the socket's other end",
            get("/orders/17", ""),
            [text("network.peer.address", "127.0.0.1"), Has("network.peer.port"), Lacks("client.port")],
        ),
        rule("without proxies, client, scheme and server are the connection's", get("/orders/17", ""), own()),
        rule("a peer that is no trusted proxy is not believed (Forwarded)", get("/orders/17", forwarded), own()),
        rule("a peer that is no trusted proxy is not believed (X-Forwarded)", get("/orders/17", x_forwarded), own()),
        proxied(rule("a trusted proxy tells client, scheme and server (Forwarded)", get("/orders/17", forwarded), told())),
        proxied(rule("a trusted proxy tells client, scheme and server (X-Forwarded)", get("/orders/17", x_forwarded), told())),
        proxied(rule(
            "of two families of headers, none is believed",
            get("/orders/17", &format!("{forwarded}\n{x_forwarded}")),
            own(),
        )),
        proxied(rule("the port is of the header that named the host", get("/orders/17", forwarded), [int("server.port", 8443)])),
        proxied(rule(
            "and of no other header",
            http1(format!("GET /orders/17 HTTP/1.1\nhost: shop.example:8080\n{x_forwarded}")),
            [text("server.address", "named.example"), Lacks("server.port")],
        )),
        proxied(rule(
            "the peer is never of a header",
            get("/orders/17", x_forwarded),
            [text("network.peer.address", "127.0.0.1"), Has("network.peer.port"), Lacks("client.port")],
        )),
    ]
}

fn headers() -> Vec<Rule> {
    let asked = "accept: text/html\naccept: text/plain\nauthorization: Bearer canary";
    let array = |key, value: &str| crate::rule::Expect::Is(key, format!("array:{value}"));
    let (accept, content_type) = ("http.request.header.accept", "http.response.header.content-type");
    vec![
        rule("headers are not said unless asked for", get("/orders/17", asked), [Lacks(accept), Lacks(content_type)]),
        rule(
            "headers that are asked for are arrays, with their dashes",
            get("/orders/17", asked),
            [
                array(accept, "string:text/html,string:text/plain"),
                array(content_type, "string:text/plain; charset=utf-8"),
                Lacks("http.request.header.authorization"),
            ],
        )
        .sending_headers(),
    ]
}
