//! Peers that are not who they should be: nothing of the telemetry may reach them.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::kit::{Server, answer, case, drain, export, read_request, request, traces};
use crate::exporter::Patience;
use crate::record::Reason;
use crate::remote::otlp::Otlp;

/// A certificate for `host` that is its own root, in a file.
struct Certificate {
    config: Arc<ServerConfig>,
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    file: PathBuf,
    key_file: PathBuf,
    _folder: tempfile::TempDir,
}

fn certificate(host: &str) -> Certificate {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.clone_key())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, cert.pem()).unwrap();
    let key_file = folder.path().join("key.pem");
    std::fs::write(&key_file, signing_key.serialize_pem()).unwrap();
    Certificate { config: Arc::new(config), der: cert.der().clone(), key, file, key_file, _folder: folder }
}

/// A server with TLS that keeps every byte which came through the encryption.
fn secure(config: Arc<ServerConfig>) -> (Server, Arc<Mutex<Vec<u8>>>) {
    let plain = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&plain);
    let server = Server::raw(move |stream, _, received| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        while let Some(request) = read_request(&mut stream) {
            keeps.lock().unwrap().extend_from_slice(request.head.as_bytes());
            received.lock().unwrap().push(request);
            let _ = stream.write_all(&answer(200, &[], b""));
        }
        let mut rest = [0; 1024];
        while let Ok(count) = stream.read(&mut rest) {
            if count == 0 {
                return;
            }
            keeps.lock().unwrap().extend_from_slice(&rest[..count]);
        }
    });
    (server, plain)
}

/// What a batch of one comes to; a failure is one that was tried again, ever more slowly, to the end.
fn assert_fails_slowly(id: &str, otlp: Otlp) {
    let (mut exporter, clock, said) = traces(otlp.timeout(Duration::from_secs(5)));
    let exported = export(&mut exporter, vec![request(|_| {})], &Patience::default());
    assert_eq!(exported.lost(Reason::RetryExpired), 1, "{id}");
    let waits: Vec<_> = clock.waits().iter().map(Duration::as_secs).collect();
    assert_eq!(waits[..6], [1, 2, 4, 8, 16, 30], "{id}: slower each time");
    assert_eq!(said.lock().unwrap().len(), 1, "{id}: one warning in five minutes");
}

#[test]
fn a_trusted_certificate_is_spoken_to() {
    let certificate = certificate("localhost");
    let (server, _) = secure(certificate.config);
    let url = format!("https://localhost:{}", server.address.port());
    let (mut exporter, clock, said) = traces(Otlp::new(url).certificate(&certificate.file));
    let exported = export(&mut exporter, vec![request(|_| {})], &Patience::default());
    assert_eq!((exported.delivered, clock.waits().len()), (1, 0), "{:?}", said.lock().unwrap());
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_receiver_that_asks_who_is_calling_is_told() {
    let (own, client) = (certificate("localhost"), certificate("client"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(client.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.der.clone()], own.key.clone_key())
        .unwrap();
    let (server, _) = secure(Arc::new(config));
    let url = format!("https://localhost:{}", server.address.port());
    let otlp = Otlp::new(url).certificate(&own.file);
    let (mut exporter, _, said) = traces(otlp.clone().client_certificate(&client.file, &client.key_file));
    let exported = export(&mut exporter, vec![request(|_| {})], &Patience::default());
    assert_eq!(exported.delivered, 1, "{:?}", said.lock().unwrap());
    assert_fails_slowly("without a certificate of our own", otlp);
    assert_eq!(server.received().len(), 1);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn grpc_verifies_as_well() {
    use crate::remote::otlp::Protocol;

    let (own, other) = (certificate("localhost"), certificate("another.invalid"));
    for (id, config, trusted) in [("RR-24", &other.config, &other.file), ("RR-25", &own.config, &other.file)] {
        let (server, plain) = secure(Arc::clone(config));
        let url = format!("https://localhost:{}", server.address.port());
        assert_fails_slowly(id, Otlp::new(url).protocol(Protocol::Grpc).certificate(trusted));
        assert!(server.connections() > 0 && plain.lock().unwrap().is_empty(), "{id}");
    }
    // A good certificate is spoken to, in HTTP/2.
    let mut config = ServerConfig::clone(&own.config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let first = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&first);
    let patience = Patience::default();
    let ends = patience.clone();
    let server = Server::raw(move |stream, _, _| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        let mut preface = [0; 24];
        let _ = stream.read_exact(&mut preface);
        keeps.lock().unwrap().extend_from_slice(&preface);
        ends.end_at(std::time::Instant::now());
    });
    let url = format!("https://localhost:{}", server.address.port());
    let (mut exporter, ..) = traces(Otlp::new(url).protocol(Protocol::Grpc).certificate(&own.file));
    let exported = export(&mut exporter, vec![request(|_| {})], &patience);
    assert_eq!(exported.lost(Reason::ShutdownDeadline), 1);
    assert_eq!(*first.lock().unwrap(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

#[test]
fn a_certificate_for_another_host_gets_no_telemetry() {
    assert!(case("RR-24")["tls"].is_string());
    let certificate = certificate("another.invalid");
    let (server, plain) = secure(certificate.config);
    let url = format!("https://localhost:{}", server.address.port());
    assert_fails_slowly("RR-24", Otlp::new(url).certificate(&certificate.file));
    assert!(server.connections() > 0 && plain.lock().unwrap().is_empty(), "RR-24");
}

#[test]
fn a_self_signed_certificate_gets_no_telemetry() {
    assert!(case("RR-25")["tls"].is_string());
    let (own, trusted) = (certificate("localhost"), certificate("localhost"));
    let (server, plain) = secure(own.config);
    let url = format!("https://localhost:{}", server.address.port());
    assert_fails_slowly("RR-25", Otlp::new(url).certificate(&trusted.file));
    assert!(server.connections() > 0 && plain.lock().unwrap().is_empty(), "RR-25");
}

#[test]
fn tls_1_1_is_refused() {
    assert!(case("RR-26")["tls"].is_string());
    // ServerHello of TLS 1.1: record and version 3.2, 32 random bytes, no session, AES128-SHA, no compression.
    let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let came = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&came);
    let server = Server::raw(move |mut stream, _, _| {
        let mut client_hello = [0; 4096];
        let count = stream.read(&mut client_hello).unwrap_or_default();
        let _ = stream.write_all(&hello);
        let rest = drain(&mut stream);
        keeps.lock().unwrap().push((client_hello[..count].to_vec(), rest));
    });
    let certificate = certificate("localhost");
    let url = format!("https://localhost:{}", server.address.port());
    assert_fails_slowly("RR-26", Otlp::new(url).certificate(&certificate.file));
    let came = came.lock().unwrap();
    assert!(!came.is_empty(), "RR-26");
    for (client_hello, rest) in came.iter() {
        assert_eq!(client_hello.first(), Some(&0x16), "RR-26: a handshake");
        assert!(matches!(rest.first(), None | Some(0x15)), "RR-26: nothing but an alert follows: {rest:?}");
        assert!(rest.len() < 32, "RR-26: {rest:?}");
    }
}

#[test]
fn an_https_endpoint_is_never_spoken_to_plainly() {
    let came = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&came);
    let server = Server::raw(move |mut stream, _, _| {
        let mut first = [0; 4096];
        let count = stream.read(&mut first).unwrap_or_default();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let mut all = first[..count].to_vec();
        all.extend(drain(&mut stream));
        keeps.lock().unwrap().push(all);
    });
    let certificate = certificate("localhost");
    let url = format!("https://localhost:{}", server.address.port());
    assert_fails_slowly("EN-02", Otlp::new(url).certificate(&certificate.file));
    for bytes in came.lock().unwrap().iter() {
        assert_eq!(bytes.first(), Some(&0x16), "EN-02");
        assert!(!bytes.windows(4).any(|window| window == b"POST" || window == b"/v1/"), "EN-02");
    }
}
