//! What clients can make up in any number must not become labels.

use campanile::record::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceBuilder;

use crate::catalogue::{Case, several};
use crate::service::{Handler, Play, service};
use crate::support::{Observed, PATIENCE, full, serve};

/// Attribute sets of one instrument, at most.
const MAX_SETS: usize = 2000;
/// Scaled from a hundred thousand to more than there may be sets.
const REQUESTS: usize = 2500;

/// As many hosts or paths as there are requests, on one connection.
pub(crate) async fn many(case: &Case) -> String {
    let covered = ["metric attribute sets <= 2000, then overflow bucket", "metric attribute sets <= 2000"];
    assert!(case.asserts.len() == 1 && covered.contains(&case.asserts[0].as_str()), "{}: {:?}", case.id, case.asserts);
    let request = &case.input["request"];
    let (hosts, paths) = match request["headers"][0][0].as_str() {
        Some("host") => (several(&request["headers"][0][1], REQUESTS), vec!["/".to_owned()]),
        _ => (vec!["shop.invalid".to_owned()], several(&request["path"], REQUESTS)),
    };
    let seen = Observed::new();
    let play = Play::answering(|_, _, _| http::Response::builder().status(404).body(full("")).unwrap());
    let handler = Handler::new(&play);
    let server = serve(ServiceBuilder::new().layer(seen.layer()).service(service(&handler))).await;
    let (mut from, mut to) = TcpStream::connect(server.address).await.unwrap().into_split();
    let write = async {
        for (host, path) in hosts.iter().cycle().zip(paths.iter().cycle()).take(REQUESTS) {
            to.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await.unwrap();
        }
        to.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    };
    let mut answers = Vec::new();
    let both = async { tokio::join!(write, from.read_to_end(&mut answers)) };
    tokio::time::timeout(PATIENCE, both).await.expect("all are answered").1.unwrap();
    server.stop().await;
    let answered = String::from_utf8_lossy(&answers).matches("HTTP/1.1 404").count();
    assert_eq!((answered, handler.calls()), (REQUESTS + 1, REQUESTS + 1), "{}", case.id);
    let records = seen.records();
    assert_eq!(records.iter().filter(|record| record.kind() == Kind::Request).count(), REQUESTS + 1, "{}", case.id);

    let metrics = seen.memory.metrics().unwrap();
    for metric in metrics.metrics() {
        assert!(metric.points().len() <= MAX_SETS, "{}: {} has {} sets", case.id, metric.name(), metric.points().len());
    }
    let sets = metrics.metric("http.server.request.duration").unwrap().points().len();
    // That there is an overflow set where something does grow is a test of the metrics' own.
    assert_eq!(sets, 1, "{}: neither host nor path is a label", case.id);
    format!("Hyper 404, {REQUESTS} different ones on one connection, {sets} attribute set")
}
