//! Errors with one cause are one group, in every exporter, in the store and in its history, until somebody resolves them.
#![cfg(all(feature = "store", feature = "axum"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs around it may fail as loudly as the test")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use campanile::exporter::{Memory, Schema, StoreExporter};
use campanile::query::{Facet, Query};
use campanile::record::GroupId;
use campanile::store::{Count, Find, Group, GroupState, Groups, Reader, Settings, Store};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Debug, thiserror::Error)]
enum ShopError {
    #[error("order {0} is gone")]
    Gone(u64),
    #[error("payment of order {0} was declined")]
    Declined(u64),
}

async fn gone(axum::extract::Path(id): axum::extract::Path<u64>) -> StatusCode {
    campanile::set("user.id", &format!("user-{}", id % 3));
    campanile::attach(&ShopError::Gone(id));
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn declined(axum::extract::Path(id): axum::extract::Path<u64>) -> StatusCode {
    campanile::attach(&ShopError::Declined(id));
    StatusCode::BAD_GATEWAY
}

async fn named() -> StatusCode {
    campanile::group("payment declined, token=tok_live_51H8aKxLmNoPqRsTuVwXyZ");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Breaks a line, clears the screen, reorders text.
async fn hostile() -> StatusCode {
    campanile::group("bad\nFAKE \u{1b}[2J\u{9b}31m\u{202e}gnp\r");
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn fine() -> &'static str {
    campanile::group("never told");
    "ok"
}

/// Runs a release of an application on this store and sends it these paths.
fn run(directory: &Path, release: &str, paths: &[&str]) -> Vec<campanile::record::Record> {
    let store = Store::open(Settings::new(directory)).unwrap();
    let memory = Memory::new();
    let telemetry = campanile::builder()
        .service_name("shop")
        .service_version(release)
        .exporter(StoreExporter::new(store))
        .exporter(memory.clone())
        .group_by(|record| (record.path() == "/odd").then(|| "odd ones".to_owned()))
        .group_by(|record| if record.path() == "/broken" { panic!("in a namer") } else { None })
        .build()
        .unwrap();
    let app = Router::new()
        .route("/gone/{id}", get(gone))
        .route("/declined/{id}", get(declined))
        .route("/named", get(named))
        .route("/fine", get(fine))
        .route("/hostile", get(hostile))
        .route("/odd", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .layer(telemetry.layer());
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        for path in paths {
            let request = Request::get(*path).body(Body::empty()).unwrap();
            runtime.block_on(async {
                let response = app.clone().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            });
        }
    });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
    memory.records()
}

fn groups(directory: &Path) -> Vec<Group> {
    Groups::open(directory).unwrap().list().unwrap()
}

fn find(directory: &Path, title: &str) -> Group {
    groups(directory).into_iter().find(|group| group.title().contains(title)).unwrap()
}

#[test]
fn one_cause_is_one_group_and_two_causes_of_one_type_are_two() {
    let directory = tempfile::tempdir().unwrap();
    let records = run(directory.path(), "1.0.0", &["/gone/1", "/gone/2", "/declined/1", "/fine"]);
    let group = |path: &str| records.iter().find(|record| record.path() == path).unwrap().group();
    assert!(group("/gone/1").is_some());
    assert_eq!(group("/gone/1"), group("/gone/2"));
    assert_ne!(group("/gone/1"), group("/declined/1"));
    assert_eq!(group("/fine"), None, "what went well belongs to no group");

    let id = group("/gone/1").unwrap();
    let mut reader = Reader::open(directory.path()).unwrap();
    let query = Query::parse(&format!("group:{}", &id.to_string()[..6])).unwrap();
    let found = reader.find(&query, &Find::default()).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|stored| stored.record().group() == Some(id)), "the same after a trip through the store");
    for (schema, field) in [
        (Schema::Otel, format!("\"campanile.group\":\"{id}\"")),
        (Schema::Ecs, format!("\"error.grouping_key\":\"{id}\"")),
        (Schema::Logfmt, format!(" group={id}")),
    ] {
        let mut line = String::new();
        schema.write_line(&mut line, found[0].record(), found[0].resource());
        assert!(line.contains(&field), "{line}");
    }
}

/// Fails inside a span whose field stands in the error's text, too.
#[tracing::instrument]
async fn refused(axum::extract::Path(who): axum::extract::Path<String>, headers: axum::http::HeaderMap) -> StatusCode {
    let customer = headers.get("x-customer").unwrap().to_str().unwrap();
    let span = tracing::info_span!("check", customer);
    let _entered = span.enter();
    campanile::attach_dyn(&*Box::<dyn std::error::Error>::from(format!("customer {customer} may not buy")));
    drop(who);
    StatusCode::INTERNAL_SERVER_ERROR
}

#[tokio::test]
async fn the_group_is_the_same_whether_the_detail_around_the_error_is_kept_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Memory::new();
    let telemetry = campanile::builder()
        .exporter(StoreExporter::new(Store::open(Settings::new(directory.path())).unwrap()))
        .exporter(memory.clone())
        .keep(campanile::Keep::none().query("path:/kept/*"))
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = Router::new().route("/kept/{who}", get(refused)).route("/not/{who}", get(refused)).layer(telemetry.layer());
    for (path, customer) in [("/not/a", "ada"), ("/kept/a", "ada"), ("/not/b", "grace")] {
        let request = Request::get(path).header("x-customer", customer).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert!(telemetry.flush(Duration::from_secs(5)));
    let records = memory.take();
    assert_eq!(records.iter().map(|record| record.spans().len() > 0).collect::<Vec<_>>(), [false, true, false]);
    assert!(records[0].group().is_some());
    assert!(records.iter().all(|record| record.group() == records[0].group()), "{records:?}");
    let only = &groups(directory.path())[..];
    let [group] = only else { panic!("{only:?}") };
    assert_eq!((group.count(), group.title()), (3, "customer {} may not buy"), "as the whole record tells it");
    assert!(group.components().any(|(label, text)| (label, text) == ("message", group.title())), "{group:?}");
}

#[test]
fn a_name_that_the_application_gives_is_the_group_and_loses_its_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let records = run(directory.path(), "1.0.0", &["/named", "/odd", "/broken", "/broken"]);
    let of = |path: &str| records.iter().find(|record| record.path() == path).unwrap();
    let key = of("/named").group_key().unwrap();
    assert!(key.starts_with("payment declined") && !key.contains("tok_live"), "{key}");
    assert_eq!(of("/odd").group_key(), Some("odd ones"));
    assert_eq!(of("/broken").group_key(), None);
    assert!(of("/broken").group().is_some(), "a namer that panics costs nothing but the name");
    let titles: Vec<_> = groups(directory.path()).iter().map(|group| group.title().to_owned()).collect();
    assert!(titles.contains(&"odd ones".to_owned()), "{titles:?}");
    assert!(titles.contains(&"answered 500 to GET /broken".to_owned()), "{titles:?}");
}

#[test]
fn the_history_counts_records_users_routes_and_releases_and_outlives_the_segments() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), "1.0.0", &["/gone/1", "/gone/2", "/gone/3", "/gone/4"]);
    run(directory.path(), "1.1.0", &["/gone/1"]);
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_str().unwrap().starts_with("segment-") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let group = find(directory.path(), "is gone");
    assert_eq!(group.title(), "ShopError: order {} is gone");
    assert_eq!((group.count(), group.users(), group.users_are_exact()), (5, 3, true));
    assert_eq!(group.routes().collect::<Vec<_>>(), [("/gone/{id}", 5)]);
    let releases: Vec<_> = group.releases().map(|release| (release.name.as_str(), release.count)).collect();
    assert_eq!(releases, [("1.0.0", 4), ("1.1.0", 1)]);
    assert!(group.first_unix_ns() < group.last_unix_ns());
    assert_eq!(group.state(group.last_unix_ns()), GroupState::New);
    assert_eq!(group.state(group.first_unix_ns() + 25 * 3_600_000_000_000), GroupState::Open);
    assert!(group.components().any(|part| part == ("message", "order {} is gone")));
}

#[test]
fn a_resolved_group_that_is_seen_again_has_regressed() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), "1.0.0", &["/gone/1", "/declined/1"]);
    let (gone, declined) = (find(directory.path(), "is gone"), find(directory.path(), "declined"));
    let history = Groups::open(directory.path()).unwrap();
    assert!(history.resolve(gone.id(), None).unwrap());
    assert!(history.resolve(declined.id(), Some("1.2.0")).unwrap());
    assert!(!history.resolve(GroupId::parse("1000000000000000").unwrap(), None).unwrap());
    let state = |id: GroupId| {
        let group = Groups::open(directory.path()).unwrap().starting_with(&id.to_string()).unwrap().pop().unwrap();
        group.state(group.last_unix_ns())
    };
    assert_eq!((state(gone.id()), state(declined.id())), (GroupState::Resolved, GroupState::Resolved));

    run(directory.path(), "1.1.0", &["/gone/2", "/declined/2"]);
    assert_eq!(state(gone.id()), GroupState::Regressed);
    assert_eq!(state(declined.id()), GroupState::Resolved, "the release that resolves it is not out yet");
    run(directory.path(), "1.2.0", &["/fine"]);
    run(directory.path(), "1.1.0", &["/declined/3"]);
    assert_eq!(state(declined.id()), GroupState::Resolved, "an older release may go on failing");
    run(directory.path(), "1.3.0", &["/declined/4"]);
    assert_eq!(state(declined.id()), GroupState::Regressed);

    history.resolve(declined.id(), None).unwrap();
    assert_eq!(state(declined.id()), GroupState::Resolved);
    assert!(history.reopen(declined.id()).unwrap());
    assert_eq!(state(declined.id()), GroupState::New);
    let releases: Vec<_> = history.releases().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(releases, ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]);
}

/// Copies a store of an older schema.
fn copy_of(store: &str, to: &Path) {
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(store)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_store_of_the_first_schema_is_read_beside_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    copy_of("store-1", directory.path());
    let mut reader = Reader::open(directory.path()).unwrap();
    let count = |reader: &mut Reader, query: &str| {
        let found = reader.find(&Query::parse(query).unwrap(), &Find::default()).unwrap().len();
        assert_eq!(reader.warnings(), [""; 0], "{query}");
        found
    };
    assert_eq!(count(&mut reader, ""), 3);
    assert_eq!(count(&mut reader, "status:5xx"), 1);
    assert_eq!(count(&mut reader, "group:1"), 0);
    assert_eq!(count(&mut reader, "-group:1"), 3);
    run(directory.path(), "2.0.0", &["/gone/1"]);
    assert_eq!(count(&mut reader, ""), 4);
    assert_eq!(count(&mut reader, "group:1"), 1);
    assert_eq!(count(&mut reader, "-group:1"), 3);
}

/// As its blocks tell, whose filters have fewer bits for a word than those of later schemas.
#[test]
fn a_store_of_the_third_schema_is_searched_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    copy_of("store-3", directory.path());
    run(directory.path(), "2.0.0", &["/gone/1"]);
    let mut reader = Reader::open(directory.path()).unwrap();
    for (query, expected) in [
        ("", 31),
        ("quetzal", 3),
        ("path:/articles/quetzal", 3),
        ("request:01A208BF-1412-7681-9caa-bae31f3d34a3", 1),
        ("trace:26a534829297a06b34ef65d827191836", 1),
        ("a1eb23c6", 1),
        ("absent", 0),
    ] {
        let found = reader.find(&Query::parse(query).unwrap(), &Find::default()).unwrap();
        assert_eq!(found.len(), expected, "{query}");
    }
    for id in ["f71be523", "40b7bb67b0f00af7", "01a208bf-1412-7cdf-b90b-70471726087d", "1ecde44380af7357f9566cf399edcc8f"] {
        assert_eq!(reader.by_id(id).unwrap().len(), 1, "{id}");
    }
    assert_eq!(reader.warnings(), [""; 0]);
}

/// Also where there is no column for groups.
#[test]
fn values_are_counted_in_stores_of_every_schema() {
    let directory = tempfile::tempdir().unwrap();
    for store in ["store-1", "store-2", "store-3"] {
        copy_of(store, directory.path());
    }
    let mut reader = Reader::open(directory.path()).unwrap();
    for (key, query) in
        ["group", "status", "path", "kept", "user"].into_iter().flat_map(|key| ["", "group:1"].map(|it| (key, it)))
    {
        let (facet, query) = (Facet::parse(key).unwrap(), Query::parse(query).unwrap());
        let found = reader.find(&query, &Find::with_limit(100)).unwrap();
        let mut expected = std::collections::BTreeMap::<String, u64>::new();
        for value in found.iter().filter_map(|stored| facet.of(stored.resource(), stored.record())) {
            *expected.entry(value.into_owned()).or_default() += 1;
        }
        let counts = reader.count(&facet, &query, &Count::default()).unwrap();
        assert_eq!(
            counts.values().map(|(value, count)| (value.to_owned(), count)).collect::<std::collections::BTreeMap<_, _>>(),
            expected
        );
        assert_eq!(counts.records(), found.len() as u64, "{key} of {query}");
    }
    assert_eq!(reader.warnings(), [""; 0]);
}

#[test]
fn a_store_of_the_second_schema_is_read_beside_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    copy_of("store-2", directory.path());
    let mut reader = Reader::open(directory.path()).unwrap();
    for is_beside_a_new_one in [false, true] {
        let added = usize::from(is_beside_a_new_one);
        if is_beside_a_new_one {
            run(directory.path(), "2.0.0", &["/gone/1"]);
        }
        for (query, expected) in [
            ("", 12 + added),
            ("status:5xx", 3 + added),
            ("group:163f910930542167", 3),
            ("-group:163f", 9 + added),
            ("quetzal", 3),
            ("zanzibar level:error", 3),
            ("path:/orders/4361800", 1),
            ("request:01A207EA-fcb6-7a8f-aadc-b665da65aef9", 1),
            ("trace:8c6448a46ec71bd9f0fcdee2cbf6dbc7", 1),
            ("886253ed", 1),
            ("~uetza", 3),
            ("absent", 0),
        ] {
            let found = reader.find(&Query::parse(query).unwrap(), &Find::default()).unwrap();
            assert_eq!(found.len(), expected, "{query}");
        }
        for id in ["886253ed", "f5c183de6026ae6e", "01a207ea-fcb6-7a8f-aadc-b665da65aef9", "58eea4784c03004ff49faca43c6f80a9"] {
            assert_eq!(reader.by_id(id).unwrap().len(), 1, "{id}");
        }
    }
    assert_eq!(reader.warnings(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_file_of_somebody_else_is_left_alone_a_damaged_one_is_set_aside_and_no_record_is_lost() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let noise = "not a database, and long enough not to be taken for an empty one".repeat(100);
    for what in ["foreign", "newer", "link", "noise", "spoilt"] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("groups.sqlite");
        let elsewhere = directory.path().join("elsewhere");
        let (is_set_aside, is_begun) = (matches!(what, "noise" | "spoilt"), !matches!(what, "noise" | "link"));
        if is_begun {
            run(directory.path(), "1.0.0", &["/gone/1"]);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let change = |sql: &str| rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        match what {
            "foreign" => change("PRAGMA application_id = 7"),
            "newer" => change("PRAGMA user_version = 999"),
            "spoilt" => change("DROP TABLE release"),
            "noise" => fs::write(&file, &noise).unwrap(),
            _ => {
                fs::write(&elsewhere, "").unwrap();
                symlink(&elsewhere, &file).unwrap();
            }
        }
        assert!(Groups::open(directory.path()).is_err(), "{what}");
        run(directory.path(), "1.0.0", &["/gone/2", "/gone/3"]);
        let mut reader = Reader::open(directory.path()).unwrap();
        assert_eq!(reader.find(&Query::default(), &Find::default()).unwrap().len(), 2 + usize::from(is_begun), "{what}");
        assert!(what != "link" || fs::read(&elsewhere).unwrap().is_empty(), "nothing is written through a link");
        assert_eq!(directory.path().join("groups.sqlite.damaged").exists(), is_set_aside, "{what}");
        match Groups::open(directory.path()) {
            Ok(groups) => assert_eq!((is_set_aside, groups.list().unwrap()[0].count()), (true, 2), "{what}"),
            Err(error) => assert!(!is_set_aside, "{what}: {error}"),
        }
    }
}

#[cfg(feature = "cli")]
mod command_line {
    use std::process::{Command, Output};

    use super::*;

    fn campanile(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
        command.args(arguments).arg("--store").arg(directory).env_remove("COLUMNS").env("TZ", "UTC");
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    #[test]
    fn errors_are_listed_explained_resolved_and_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        assert_eq!(campanile(at, &["errors"]).0, Some(1), "nothing has failed yet");
        run(at, "1.0.0", &["/gone/1", "/gone/2", "/declined/1"]);
        let (code, out, _) = campanile(at, &["errors", "--sort", "count", "--since", "1h"]);
        let lines: Vec<_> = out.lines().collect();
        assert_eq!(code, Some(0));
        assert!(lines[0].starts_with("group ") && lines[0].ends_with("what"), "{out}");
        assert!(
            lines[1].contains(" 2 ") && lines[1].contains("new") && lines[1].ends_with("ShopError: order {} is gone"),
            "{out}"
        );
        assert!(lines[2].ends_with("/gone/{id} · 1.0.0"), "{out}");

        let id = find(at, "is gone").id().to_string();
        let (code, out, _) = campanile(at, &["why", &id[..8]]);
        assert_eq!(code, Some(0));
        for part in [
            id.as_str(),
            "2 times by 2 users",
            "type      groups::ShopError",
            "message   order {} is gone",
            "GET /gone/{id}",
            "campanile show ",
        ] {
            assert!(out.contains(part), "{part}: {out}");
        }
        let json: serde_json::Value = serde_json::from_str(&campanile(at, &["why", "--json", &id]).1).unwrap();
        assert_eq!((json["count"].as_u64(), json["requests"].as_array().map(Vec::len)), (Some(2), Some(2)));

        assert_eq!(campanile(at, &["errors", "--state", "resolved"]).0, Some(1));
        let (code, out, _) = campanile(at, &["errors", "resolve", &id, "--in-release", "1.0.0"]);
        assert_eq!((code, out), (Some(0), format!("resolved in 1.0.0: {} ShopError: order {{}} is gone\n", &id[..8])));
        assert!(campanile(at, &["errors", "--state", "resolved"]).1.contains(&id[..8]));
        run(at, "1.0.0", &["/gone/3"]);
        let (_, out, _) = campanile(at, &["errors", "--state", "regressed", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((json["group"].as_str(), json["resolved_in"].as_str()), (Some(id.as_str()), Some("1.0.0")));
        assert_eq!(campanile(at, &["errors", "reopen", &id]).0, Some(0));
        assert_eq!(campanile(at, &["errors", "--state", "regressed"]).0, Some(1));

        let newest = &campanile(at, &["search", "-n1", "--json", &format!("group:{}", &id[..6])]).1;
        let json: serde_json::Value = serde_json::from_str(newest).unwrap();
        assert_eq!(json["campanile.group"].as_str(), Some(id.as_str()));
        let shown = campanile(at, &["show", &json["span_id"].as_str().unwrap()[..8]]).1;
        assert!(shown.contains(&format!("group     {id}")), "{shown}");
    }

    #[test]
    fn a_group_that_is_not_there_or_not_the_only_one_is_said_so() {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), "1.0.0", &["/gone/1", "/declined/1"]);
        for (arguments, expected) in [
            (&["why", "1"][..], 3),
            (&["why", "f00"], 1),
            (&["why", "gone"], 2),
            (&["errors", "resolve", "1"], 3),
            (&["errors", "--since", "often"], 2),
        ] {
            let (code, _, said) = campanile(directory.path(), arguments);
            assert_eq!(code, Some(expected), "{arguments:?} {said}");
            assert!(said.starts_with("campanile: "), "{said}");
        }
    }

    #[test]
    fn what_an_application_named_a_group_deceives_no_terminal() {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), "1.0.0\u{1b}[2J", &["/hostile"]);
        let id = groups(directory.path())[0].id().to_string();
        let newest = campanile(directory.path(), &["search", "-n1", "--json", "group:1"]).1;
        let newest: serde_json::Value = serde_json::from_str(&newest).unwrap();
        let show = newest["span_id"].as_str().unwrap()[..8].to_owned();
        for arguments in [&["errors"][..], &["errors", "--json"], &["why", &id], &["errors", "resolve", &id], &["show", &show]] {
            let (code, out, said) = campanile(directory.path(), arguments);
            assert_eq!(code, Some(0), "{said}");
            assert!(!out.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{out}");
            assert!(out.lines().all(|line| !line.starts_with("FAKE")), "{out}");
        }
    }
}
