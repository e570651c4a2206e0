//! An application serves the page of its own store, and is otherwise as it was.
#![cfg(all(feature = "viewer", feature = "console"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use bytes::Bytes;
use campanile::{Builder, Env, Telemetry};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value as Json;
use tower::{Layer as _, ServiceExt as _};

use self::viewed::{Client, PATIENCE, assets, get, send};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn builder(store: &Path) -> Builder {
    let env: Env = [("CAMPANILE_STORE", store.to_str().unwrap()), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
    campanile::builder().env(env)
}

async fn answer(telemetry: &Telemetry, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let service = telemetry
        .layer()
        .layer(tower::service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("ok")))) }));
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn an_answer_tells_where_its_request_can_be_seen_and_that_page_knows_it() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = builder(directory.path()).viewer_at(ANY).build().unwrap();
    let client = Client::of(telemetry.viewer_url().unwrap());
    let response = answer(&telemetry, get("/orders/981")).await;
    assert!(telemetry.flush(PATIENCE));
    let link = response.headers().get("x-campanile-link");
    if !cfg!(debug_assertions) {
        assert_eq!(link, None, "in production answers tell nothing of it");
        return;
    }
    let link = link.unwrap().to_str().unwrap();
    let path = link.strip_prefix(&format!("http://{}", client.address)).expect("the page's own address");
    assert!(path.starts_with("/r/") && path.len() == 11, "{link}");
    assert!(!link.contains(&client.token));
    let page = client.get(path);
    assert!(page.status == 200 && page.text().contains("/orders/981"), "{}", page.text());
    let id = path.strip_prefix("/r/").unwrap();
    let record = &client.json(&format!("/api/events/{id}"))["record"];
    assert_eq!((&record["path"], &record["status"]), (&Json::from("/orders/981"), &Json::from(200)));
    let health = client.json("/api/health");
    assert_eq!(health["process"]["exporters"][0]["name"], "store");
}

#[test]
fn the_page_of_an_application_tells_the_settings_that_count_and_that_of_a_file_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let env: Env = [
        ("CAMPANILE_STORE", directory.path().to_str().unwrap()),
        ("CAMPANILE_CONSOLE", "off"),
        ("CAMPANILE_LEVEL", "warn"),
        ("CAMPANILE_STROE", "canary"),
        ("CAMPANILE_REPORT_EVERY", "5s"),
        ("CAMPANILE_REDACT_PATTERNS", "canary"),
    ]
    .into_iter()
    .collect();
    let builder = campanile::builder().env(env).viewer_at(ANY).report_every(std::time::Duration::from_secs(3));
    let telemetry = builder.build().unwrap();
    let health = Client::of(telemetry.viewer_url().unwrap()).json("/api/health");
    let process = &health["process"];
    let rows = process["settings"].as_array().unwrap();
    let of =
        |name: &str| rows.iter().find(|row| row["name"] == name).map(|row| (row["from"].clone(), row["value"].clone())).unwrap();
    let is = |from: &str, value: Json| (Json::from(from), value);
    assert_eq!(of("CAMPANILE_LEVEL"), is("environment", "warn".into()));
    assert_eq!(of("CAMPANILE_REPORT_EVERY"), is("code", "3s".into()));
    assert_eq!(of("CAMPANILE_VIEWER"), is("code", "127.0.0.1:0".into()));
    assert_eq!(of("CAMPANILE_KEEP"), is("default", Json::Null));
    assert_eq!(process["problems"], serde_json::json!(telemetry.warnings()));
    assert!(process["problems"][0].as_str().unwrap().contains("did you mean CAMPANILE_STORE?"));
    assert!(!health.to_string().contains("canary"), "{health}");
    assert!(process["vitals"].is_object() && process["lost"] == 0, "{process}");

    let viewer = campanile::viewer::Viewer::of_store(directory.path());
    let server = viewer.serve(ANY).unwrap();
    assert_eq!(Client::of(&server.url()).json("/api/health")["process"], Json::Null);
}

#[tokio::test]
async fn without_the_page_there_is_no_link_and_nobody_listens() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = builder(directory.path()).viewer(false).build().unwrap();
    assert_eq!(telemetry.viewer_url(), None);
    assert_eq!(answer(&telemetry, get("/")).await.headers().get("x-campanile-link"), None);
    // Nothing is read from the surroundings where nobody asks for it.
    assert_eq!(campanile::builder().build().unwrap().viewer_url(), None);
}

#[test]
fn an_open_page_outlives_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let start = |address| builder(directory.path()).viewer_at(address).build().unwrap();
    let first = start(ANY);
    let before = Client::of(first.viewer_url().unwrap());
    first.shutdown_blocking(PATIENCE);
    assert!(before.try_ask("GET / HTTP/1.1\r\n", "").is_none(), "it ends with the telemetry");
    let again = start(before.address);
    assert_eq!(again.viewer_url(), first.viewer_url());
    assert_eq!(before.get("/api/events").status, 200);
    // A second process at the same port is told, and starts.
    let other = start(before.address);
    assert_eq!(other.viewer_url(), None);
    assert!(other.warnings().iter().any(|warning| warning.starts_with("CAMPANILE_VIEWER ")), "{:?}", other.warnings());
}

#[test]
fn en_26_an_address_that_others_can_reach_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    for address in ["0.0.0.0:9000", "192.0.2.1:9000", "[::]:9000"] {
        let env: Env = [("CAMPANILE_STORE", store), ("CAMPANILE_VIEWER", address)].into_iter().collect();
        let error = campanile::builder().env(env).build().unwrap_err();
        assert_eq!(error.key(), "CAMPANILE_VIEWER", "EN-26");
        assert!(!error.to_string().contains("9000"), "EN-26: {error}");
        let error = builder(directory.path()).viewer_at(address.parse::<SocketAddr>().unwrap()).build().unwrap_err();
        assert_eq!(error.key(), "viewer_at", "EN-26");
    }
}

#[test]
fn what_cannot_be_followed_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let warnings = |value: &str, store: &str| {
        let env: Env =
            [("CAMPANILE_STORE", store), ("CAMPANILE_VIEWER", value), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
        let telemetry = campanile::builder().env(env).build().unwrap();
        assert_eq!(telemetry.viewer_url(), None);
        telemetry.warnings().join("\n")
    };
    assert!(warnings("somewhere", directory.path().to_str().unwrap()).contains("CAMPANILE_VIEWER is not on, off, a port"));
    assert!(warnings("on", "off").contains("CAMPANILE_VIEWER needs a store"));
}

#[tokio::test]
async fn the_token_is_in_no_record_however_it_comes_by() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = builder(directory.path()).viewer_at(ANY).build().unwrap();
    let client = Client::of(telemetry.viewer_url().unwrap());
    let (cookie, token) = (client.cookie(), client.token.clone());
    // A browser sends the cookie to every port of this machine.
    let request =
        Request::builder().uri(format!("/?token={token}")).header("cookie", &cookie).header("x-campanile-token", &token);
    let request = request.header("referer", telemetry.viewer_url().unwrap()).body(Full::default()).unwrap();
    answer(&telemetry, request).await;
    let headers: HeaderMap = [(http::header::COOKIE, cookie.parse().unwrap())].into_iter().collect();
    std::thread::spawn({
        let telemetry = telemetry.clone();
        move || {
            send(&telemetry, get("/logged"), move || {
                tracing::info!(?headers, "a request with {cookie}");
                tracing::info!(header.cookie = %cookie, "opened http://127.0.0.1:7878/?token={token}");
            });
        }
    })
    .join()
    .unwrap();
    assert!(telemetry.flush(PATIENCE));
    assert_eq!(client.json("/api/events")["records"].as_array().unwrap().len(), 2);
    assert!(!format!("{telemetry:?}").contains(&client.token));
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        let has_it = bytes.windows(client.token.len()).any(|part| part == client.token.as_bytes());
        assert_eq!(has_it, path.file_name().unwrap() == "viewer.token", "{}", path.display());
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn behind_a_sign_in_of_the_application_it_stands_at_any_path_without_a_token() {
    use axum::Router;
    use axum::body::Body;

    let directory = tempfile::tempdir().unwrap();
    let telemetry = builder(directory.path()).viewer(false).build().unwrap();
    answer(&telemetry, get("/orders/981")).await;
    assert!(telemetry.flush(PATIENCE));
    let app = Router::new().nest_service("/debug/requests", telemetry.viewer());
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(path).header("host", "shop.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answered = app.clone().oneshot(request.body(Body::from("{}")).unwrap());
        async move {
            let (head, body) = answered.await.unwrap().into_parts();
            (head, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
        }
    };
    let (head, list) = ask("GET", "/debug/requests/", &[]).await;
    assert!(head.status == StatusCode::OK && list.contains("/orders/981"), "{list}");
    assert!(list.contains("data-base=\"./\"") && !list.contains("href=\"/"), "nothing in it leads out of its place");
    let (head, _) = ask("GET", &format!("/debug/requests/{}", assets(&list)[0]), &[]).await;
    assert_eq!(head.status, StatusCode::OK);
    // Without the slash at its end, links would lead beside it.
    let (head, _) = ask("GET", "/debug/requests", &[]).await;
    assert_eq!((head.status, head.headers["location"].to_str().unwrap()), (StatusCode::PERMANENT_REDIRECT, "requests/"));
    let (head, _) = ask("GET", "/debug/requests/errors", &[]).await;
    assert_eq!(head.status, StatusCode::OK);
    // What other pages ask is refused here too, and changes need what only its own pages know.
    for headers in [&[("origin", "https://evil.invalid")][..], &[("sec-fetch-site", "cross-site")], &[("origin", "null")]] {
        assert_eq!(ask("GET", "/debug/requests/api/events", headers).await.0.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(ask("GET", "/debug/requests/api/events", &[("origin", "https://shop.example")]).await.0.status, StatusCode::OK);
    assert_eq!(ask("POST", "/debug/requests/api/purge", &[]).await.0.status, StatusCode::FORBIDDEN);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn without_a_store_the_mounted_page_is_empty() {
    let telemetry = campanile::builder().build().unwrap();
    let request = Request::builder().uri("/").body(Full::<Bytes>::default()).unwrap();
    let response = telemetry.viewer().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let page = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&page).contains("Nothing is stored yet"));
}
