//! A request is compared with how the build before served its route, in one question.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::net::{Ipv4Addr, SocketAddr};

use campanile::Telemetry;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use campanile::viewer::{Server, Viewer};
use http::Request;
use http_body_util::Full;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use self::viewed::{Client, PATIENCE, get, send};

/// A store that several processes write, one after the other or beside each other.
struct Builds {
    directory: TempDir,
    _server: Server,
    client: Client,
}

impl Builds {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Viewer::of_store(directory.path()).serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let client = Client::of(&server.url());
        Self { directory, _server: server, client }
    }

    fn begin(&self, instance: &str, release: &str) -> Telemetry {
        let store = Store::open(Settings::new(self.directory.path())).unwrap();
        let builder = campanile::builder().service_name("shop").resource("service.instance.id", instance);
        builder.resource("service.version", release).exporter(StoreExporter::new(store)).build().unwrap()
    }

    /// What a process serves; the id of its last request.
    fn serve(&self, telemetry: &Telemetry, paths: &[&str]) -> String {
        paths.iter().for_each(|path| send(telemetry, get(path), || {}));
        assert!(telemetry.flush(PATIENCE));
        let query = format!("path%3A%22{}%22", paths.last().unwrap());
        self.client.json(&format!("/api/events?limit=1&q={query}"))["records"][0]["id"].as_str().unwrap().to_owned()
    }

    fn earlier(&self, id: &str) -> Json {
        self.client.json(&format!("/api/earlier?id={id}"))
    }
}

#[test]
fn the_newest_of_an_ended_process_is_taken_that_ended_well() {
    let builds = Builds::new();
    let first = builds.begin("one", "1.0");
    builds.serve(&first, &["/orders", "/fail/500"]);
    let well = builds.serve(&first, &["/orders"]);
    first.shutdown_blocking(PATIENCE);
    let second = builds.begin("two", "1.0");
    builds.serve(&second, &["/orders"]);
    let id = builds.serve(&second, &["/orders"]);
    let answer = builds.earlier(&id);
    assert_eq!((&answer["earlier"]["id"], &answer["by"], &answer["is_well"]), (&json!(well), &json!("process"), &json!(true)));
    // Where none ended well, the newest that did not, and it is said.
    let failed = builds.serve(&second, &["/fail/500"]);
    let answer = builds.earlier(&failed);
    assert_eq!((&answer["earlier"]["path"], &answer["is_well"]), (&json!("/fail/500"), &json!(false)));
    assert_eq!(answer["earlier"]["instance"], "one");
    // What no build before served has none.
    let only = builds.serve(&second, &["/new"]);
    assert_eq!(builds.earlier(&only)["earlier"], Json::Null);
    second.shutdown_blocking(PATIENCE);
}

#[test]
fn a_twin_is_no_build_before_and_another_release_is_also_while_it_runs() {
    let builds = Builds::new();
    let (twin, old, here) = (builds.begin("twin", "2.0"), builds.begin("old", "1.0"), builds.begin("here", "2.0"));
    builds.serve(&twin, &["/orders"]);
    let id = builds.serve(&here, &["/orders"]);
    builds.serve(&twin, &["/other"]);
    assert_eq!(builds.earlier(&id)["earlier"], Json::Null, "the twin went on");
    let before = builds.serve(&old, &["/orders"]);
    builds.serve(&twin, &["/orders"]);
    let id = builds.serve(&here, &["/orders"]);
    builds.serve(&twin, &["/other"]);
    builds.serve(&old, &["/other"]);
    let answer = builds.earlier(&id);
    assert_eq!((&answer["earlier"]["id"], &answer["by"]), (&json!(before), &json!("release")), "{answer}");
    assert_eq!((&answer["release"], &answer["this_release"]), (&json!("1.0"), &json!("2.0")));
    for telemetry in [twin, old, here] {
        telemetry.shutdown_blocking(PATIENCE);
    }
}

#[test]
fn only_the_same_method_and_place_count_whatever_they_are_called() {
    let builds = Builds::new();
    let (first, second) = (builds.begin("one", "1.0"), builds.begin("two", "1.0"));
    let odd = "/a%22%20or%20status:200";
    let posted = Request::post(odd).body(Full::default()).unwrap();
    builds.serve(&first, &["/other"]);
    send(&first, posted, || {});
    first.shutdown_blocking(PATIENCE);
    send(&second, get(odd), || {});
    assert!(second.flush(PATIENCE));
    let id = builds.client.json("/api/events?limit=1")["records"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(builds.earlier(&id)["earlier"], Json::Null);
    for wrong in ["", "zzzzzzzz", "0000000000000000"] {
        assert_eq!(builds.client.get(&format!("/api/earlier?id={wrong}")).status, 404, "{wrong}");
    }
    second.shutdown_blocking(PATIENCE);
}
