//! Client, scheme and host are those of the connection, unless a proxy that is trusted tells others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::net::IpAddr;

use campanile::record::{Record, Value};
use campanile::{Builder, Env, ForwardedBy, TrustedProxies};
use http::{Request, Response};
use support::{BoxBody, BoxError, Observed, full, raw, serve};
use tower::ServiceBuilder;

async fn hello<B>(_: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    Ok(Response::new(full("hello")))
}

/// One request over a socket, from 127.0.0.1, with `headers` as they are.
async fn ask(change: impl FnOnce(Builder) -> Builder, headers: &str) -> Record {
    let seen = Observed::with(change);
    let server = serve(ServiceBuilder::new().layer(seen.layer()).service_fn(hello)).await;
    let answer = raw(&server, format!("GET / HTTP/1.1\r\nhost: inner.example:8080\r\nconnection: close\r\n{headers}\r\n")).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    server.stop().await;
    seen.only_request()
}

fn client(record: &Record) -> String {
    record.client_address().unwrap().to_string()
}

const ALL: &str = "x-forwarded-for: 198.51.100.7:4711\r\nx-forwarded-proto: https\r\nx-forwarded-host: shop.example\r\n";

#[tokio::test]
async fn nobody_is_trusted_by_default() {
    for headers in [
        ALL,
        "forwarded: for=1.2.3.4;proto=https;host=shop.example\r\n",
        "x-real-ip: 1.2.3.4\r\n",
        "cf-connecting-ip: 1.2.3.4\r\n",
    ] {
        let record = ask(|builder| builder, headers).await;
        assert_eq!(client(&record), "127.0.0.1", "CA-01: {headers}");
        assert_eq!(record.client_port(), record.peer().map(|peer| peer.port()), "CA-01");
        assert_eq!((record.scheme(), record.host(), record.port()), ("http", Some("inner.example"), Some(8080)), "CA-01");
    }
}

#[tokio::test]
async fn another_peer_than_the_trusted_one_is_not_believed() {
    let record = ask(|builder| builder.trusted_proxies(TrustedProxies::list(["10.0.0.0/8"]).unwrap()), ALL).await;
    assert_eq!((client(&record).as_str(), record.scheme(), record.host()), ("127.0.0.1", "http", Some("inner.example")), "CA-01");
}

#[tokio::test]
async fn a_trusted_peer_tells_client_scheme_and_host() {
    let record = ask(|builder| builder.trusted_proxies(TrustedProxies::loopback()), ALL).await;
    assert_eq!((client(&record).as_str(), record.client_port()), ("198.51.100.7", Some(4711)), "CA-02, CA-06");
    assert_eq!((record.scheme(), record.host(), record.port()), ("https", Some("shop.example"), None));
    assert!(record.peer().unwrap().ip().is_loopback(), "the peer is always the socket's");
    assert_eq!(record.attribute("campanile.client.all_hops_trusted"), None);
}

#[tokio::test]
async fn a_chain_of_trusted_hops_only_is_marked() {
    let trusted = |builder: Builder| builder.trusted_proxies(TrustedProxies::list(["loopback", "10.0.0.0/8"]).unwrap());
    let record = ask(trusted, "x-forwarded-for: 10.0.0.9, 10.0.0.5\r\n").await;
    assert_eq!(client(&record), "10.0.0.9", "CA-04");
    assert_eq!(record.attribute("campanile.client.all_hops_trusted"), Some(Value::Bool(true)), "CA-04");
    let mut line = String::new();
    campanile::exporter::Schema::Otel.write_line(&mut line, &record, &campanile::record::Resource::default());
    assert!(line.contains(r#""campanile.client.all_hops_trusted":true"#), "{line}");
    assert!(line.contains(r#""client.address":"10.0.0.9""#), "{line}");
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_peer() {
    for (case, headers) in [
        ("CA-09", "x-forwarded-for: fe80::1%eth0\r\n"),
        ("CA-10", "x-forwarded-for: unknown, _hidden\r\n"),
        ("CA-13", "forwarded: for=\"1.2.3.4\r\n"),
        ("CA-14", "forwarded: for=1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n"),
        ("CA-16", "x-forwarded-for: 999.1.1.1\r\n"),
    ] {
        let record = ask(|builder| builder.trusted_proxies(TrustedProxies::loopback()), headers).await;
        assert_eq!(client(&record), "127.0.0.1", "{case}");
        assert_eq!(record.attribute("campanile.client.all_hops_trusted"), None, "{case}");
    }
}

#[tokio::test]
async fn lists_and_forms_are_read_as_they_are_sent() {
    for (case, headers, expected) in [
        ("CA-05", "x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: 198.51.100.7\r\n", "198.51.100.7"),
        ("CA-08", "x-forwarded-for: ::ffff:198.51.100.7\r\n", "198.51.100.7"),
        ("CA-12", "forwarded: for=\"[2001:db8:cafe::17]:4711\";proto=https;by=203.0.113.43\r\n", "2001:db8:cafe::17"),
    ] {
        let record = ask(|builder| builder.trusted_proxies(TrustedProxies::loopback()), headers).await;
        assert_eq!(client(&record), expected, "{case}");
    }
}

#[tokio::test]
async fn the_environment_says_the_same_and_the_code_wins() {
    let env: Env = [
        ("CAMPANILE_TRUSTED_PROXIES", "hops:1"),
        ("CAMPANILE_FORWARDED_BY", "Forwarded"),
        ("CAMPANILE_CONSOLE", "off"),
        ("CAMPANILE_STORE", "off"),
    ]
    .into_iter()
    .collect();
    let both = "forwarded: for=198.51.100.7\r\nx-forwarded-for: 203.0.113.7\r\n";
    let record = ask(|builder| builder.env(env.clone()), both).await;
    assert_eq!(client(&record), "198.51.100.7");
    let record = ask(|builder| builder.env(env.clone()).forwarded_by(ForwardedBy::XForwarded), both).await;
    assert_eq!(client(&record), "203.0.113.7");
    let record = ask(|builder| builder.env(env).trusted_proxies(TrustedProxies::none()), both).await;
    assert_eq!(client(&record), "127.0.0.1");
}

#[tokio::test]
async fn a_connection_without_an_address_trusts_nobody_but_a_number_of_hops() {
    for (trusted, expected) in
        [(TrustedProxies::list(["0.0.0.0/0", "::/0"]).unwrap(), None), (TrustedProxies::hops(1), Some("198.51.100.7"))]
    {
        let seen = Observed::with(|builder| builder.trusted_proxies(trusted));
        // As behind a Unix socket: nobody tells a peer.
        let layer = seen.layer().peer(|_| None);
        let server = serve(ServiceBuilder::new().layer(layer).service_fn(hello)).await;
        raw(&server, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 198.51.100.7\r\n\r\n").await;
        server.stop().await;
        let record = seen.only_request();
        assert_eq!(record.client_address(), expected.map(|text| text.parse::<IpAddr>().unwrap()));
        assert_eq!(record.peer(), None);
    }
}

#[tokio::test]
async fn addresses_are_cut_and_headers_that_tell_them_are_withheld() {
    let headers = "x-forwarded-for: 6.6.6.6, 198.51.100.7\r\nforwarded: for=198.51.100.7\r\nx-real-ip: 198.51.100.7\r\ncf-connecting-ip: 198.51.100.7\r\n";
    let cut = |builder: Builder| {
        builder
            .trusted_proxies(TrustedProxies::list(["127.0.0.1"]).unwrap())
            .forwarded_by(ForwardedBy::XForwarded)
            .truncate_ip(true)
    };
    let record = ask(cut, headers).await;
    assert_eq!(client(&record), "198.51.100.0", "trust was decided by the whole address");
    assert_eq!(record.peer().unwrap().ip().to_string(), "127.0.0.0");
    for header in record.request_headers().filter(|header| header.name().contains("for") || header.name().contains("ip")) {
        assert_eq!(header.value(), None, "{}", header.name());
    }
    let mut line = String::new();
    campanile::exporter::Schema::Otel.write_line(&mut line, &record, &campanile::record::Resource::default());
    assert!(!line.contains("198.51.100.7") && !format!("{record:?}").contains("198.51.100.7"), "{line}");
    let exact = ask(|builder| builder.trusted_proxies(TrustedProxies::loopback()), "x-forwarded-for: 198.51.100.7\r\n").await;
    assert_eq!(client(&exact), "198.51.100.7", "exact by default");
    assert!(exact.request_headers().any(|header| header.value() == Some("198.51.100.7")));
}

/// What a collector is told.
#[cfg(feature = "otlp")]
mod exported {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;

    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    use prost::Message as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one export; gives its body.
    async fn collector() -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            loop {
                assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "the request ends before it is whole");
                let Some(head) = seen.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else { continue };
                let text = String::from_utf8_lossy(&seen[..head]).to_lowercase();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if seen.len() - head == length.parse::<usize>().unwrap() {
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
                        .await
                        .unwrap();
                    return seen.split_off(head);
                }
            }
        });
        (address, task)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_client_is_told_beside_the_peer() {
        let (address, task) = collector().await;
        let env: Env = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("http://{address}/v1/traces")),
            ("CAMPANILE_CONSOLE", "off".to_owned()),
            ("CAMPANILE_STORE", "off".to_owned()),
        ]
        .into_iter()
        .collect();
        let record = ask(|builder| builder.env(env).trusted_proxies(TrustedProxies::loopback()), ALL).await;
        let request = ExportTraceServiceRequest::decode(task.await.unwrap().as_slice()).unwrap();
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        let attributes: BTreeMap<_, _> =
            span.attributes.iter().map(|pair| (pair.key.as_str(), pair.value.clone().unwrap().value.unwrap())).collect();
        let text = |text: &str| Any::StringValue(text.to_owned());
        assert_eq!(attributes["client.address"], text("198.51.100.7"));
        assert_eq!(attributes["network.peer.address"], text("127.0.0.1"));
        assert_eq!(attributes["network.peer.port"], Any::IntValue(record.peer().unwrap().port().into()));
        assert_eq!((&attributes["url.scheme"], &attributes["server.address"]), (&text("https"), &text("shop.example")));
        assert!(!attributes.contains_key("server.port") && !attributes.contains_key("client.port"));
    }
}
