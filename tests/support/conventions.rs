//! What the conventions for HTTP server spans name.
//!
//! Source: OpenTelemetry semantic conventions 1.44.0.

/// The methods that are known.
pub(crate) const METHODS: &[&str] = &["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"];

/// Attributes of a server span that nobody has to ask for, and their types.
pub(crate) const SERVER: &[(&str, &str)] = &[
    ("http.request.method", "string"),
    ("http.request.method_original", "string"),
    ("url.path", "string"),
    ("url.query", "string"),
    ("url.scheme", "string"),
    ("http.route", "string"),
    ("http.response.status_code", "int"),
    ("error.type", "string"),
    ("network.protocol.version", "string"),
    ("server.address", "string"),
    ("server.port", "int"),
    ("client.address", "string"),
    ("network.peer.address", "string"),
    ("network.peer.port", "int"),
    ("user_agent.original", "string"),
    ("http.request.body.size", "int"),
    ("http.response.body.size", "int"),
];
