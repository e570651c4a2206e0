//! What the page asks is answered from the store, and nothing is told twice or left out.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use campanile::viewer::Viewer;
use serde_json::Value as Json;

use self::viewed::{Client, PATIENCE, Viewed, assets, get, send, writer};

fn viewed() -> Viewed {
    Viewed::of(|telemetry| {
        for number in 0..25 {
            send(telemetry, get(&format!("/orders/{number}")), move || {
                campanile::set("user.id", number % 3);
                tracing::info!(number, "looked at");
            });
        }
        for _ in 0..3 {
            send(telemetry, get("/fail/503"), || tracing::error!("<script>alert(1)</script> \u{202e}pool timed out"));
        }
    })
}

fn ids(answer: &Json) -> Vec<String> {
    answer["records"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pages_of_the_list_have_every_request_once_and_the_newest_first() {
    let viewed = viewed();
    let client = viewed.client();
    let all = ids(&client.json("/api/events?limit=1000"));
    assert_eq!(all.len(), 28);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.json(&format!("/api/events?limit=4&cursor={cursor}"));
        paged.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(paged, all);
    let of_route = client.json("/api/events?q=status%3A5xx");
    assert_eq!(of_route["records"].as_array().unwrap().len(), 3);
    let row = &of_route["records"][0];
    assert_eq!((&row["failed"], &row["status"], &row["method"]), (&Json::Bool(true), &Json::from(503), &Json::from("GET")));
}

#[test]
fn one_request_is_told_in_full_by_any_of_its_ids() {
    let viewed = viewed();
    let client = viewed.client();
    let row = &client.json("/api/events?q=%22%2Forders%2F7%22")["records"][0];
    let id = row["id"].as_str().unwrap();
    for name in ["id", "short", "request_id", "trace_id"] {
        let Some(one) = row[name].as_str() else { panic!("{name}: {row}") };
        let answer = client.json(&format!("/api/events/{one}"));
        assert_eq!(answer["record"]["id"], id, "{name}");
    }
    let record = &client.json(&format!("/api/events/{id}"))["record"];
    assert_eq!(record["events"][0]["message"], "looked at");
    assert_eq!(record["events"][0]["fields"][0], serde_json::json!(["number", 7]));
    assert_eq!(record["user"], 1);
    let text = client.get(&format!("/r/{id}.txt"));
    assert!(text.text().contains("looked at") && text.header("content-type").unwrap().starts_with("text/plain"));
    let raw: Json = serde_json::from_slice(&client.get(&format!("/r/{id}.json")).body).unwrap();
    assert_eq!(raw["url.path"], "/orders/7");
    let har: Json = serde_json::from_slice(&client.get(&format!("/r/{id}.har")).body).unwrap();
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 1);
    let zip = client.get(&format!("/r/{id}.zip"));
    assert!(zip.body.starts_with(b"PK") && zip.header("content-disposition").unwrap().starts_with("attachment"));
    for wrong in ["zzzzzzzz", "1", "0000000000000000", "01a20958-d8b7-758d-a486-4a6d9c196ab0", "a'b", "%3Cb%3E"] {
        assert_eq!(client.get(&format!("/api/events/{wrong}")).status, 404, "{wrong}");
        assert_eq!(client.get(&format!("/r/{wrong}")).status, 404, "{wrong}");
    }
}

#[test]
fn the_first_view_has_what_was_stored_as_text_and_never_as_markup() {
    let viewed = viewed();
    let client = viewed.client();
    let id = ids(&client.json("/api/events?q=status%3A503"))[0].clone();
    for path in ["/".to_owned(), format!("/r/{id}"), "/errors".to_owned()] {
        let page = client.get(&path).text();
        assert!(!page.contains("<script>alert") && !page.contains('\u{202e}'), "{path}");
        let (_, rest) = page.split_once("<script type=\"application/json\" id=\"first\">").unwrap();
        let first: Json = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
        let again = client.json(&format!("/{}", first["path"].as_str().unwrap()));
        let same = |answer: &Json| {
            let mut answer = answer.clone();
            answer.as_object_mut().unwrap().remove("took_ms");
            answer
        };
        assert_eq!(same(&first["answer"]), same(&again), "{path}");
        assert!(page.contains("data-base=") && page.contains("<main id=\"app\">"), "{path}");
    }
}

#[test]
fn what_matches_is_counted_by_value_and_over_time() {
    let viewed = viewed();
    let client = viewed.client();
    let facets = client.json("/api/facets?key=status&key=user&top=2");
    let status = &facets["facets"][0];
    assert_eq!((&status["values"][0]["value"], &status["values"][0]["count"]), (&Json::from("200"), &Json::from(25)));
    assert_eq!((&facets["counted"], &facets["facets"][1]["rest"]), (&Json::from(28), &Json::from(8)));
    assert_eq!(client.get("/api/facets?key=ms").status, 400);
    let course = client.json("/api/course?buckets=10");
    let sum = |name: &str| course[name].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("requests"), sum("errors"), &course["counted"]), (28, 3, &Json::from(28)));
    let edges = course["latency"]["edges_ms"].as_array().unwrap().len();
    let cells = course["latency"]["cells"].as_array().unwrap();
    assert!(cells.len() == 10 && cells.iter().all(|row| row.as_array().unwrap().len() == edges + 1));
    let routes = client.json("/api/routes");
    let requests: u64 = routes["routes"].as_array().unwrap().iter().map(|route| route["requests"].as_u64().unwrap()).sum();
    assert_eq!(requests, 28);
}

#[test]
fn a_query_is_completed_by_keys_and_by_the_values_there_are() {
    let viewed = viewed();
    let client = viewed.client();
    let keys = client.json("/api/complete?q=sta&at=3");
    assert_eq!((&keys["items"][0]["text"], &keys["from"], &keys["to"]), (&Json::from("status:"), &Json::from(0), &Json::from(3)));
    let values = client.json("/api/complete?q=path%3A%C3%BC+-status%3A5&at=16");
    assert_eq!(values["from"], 15, "{values}");
    let values = client.json("/api/complete?q=-status%3A5&at=9");
    let items = values["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["text"] == "503" && item["count"] == 3), "{values}");
}

#[test]
fn failures_with_one_cause_are_one_group_with_its_history() {
    let viewed = viewed();
    let client = viewed.client();
    let errors = client.json("/api/errors");
    let group = &errors["groups"][0];
    assert_eq!((group["count"].as_u64(), group["state"].as_str()), (Some(3), Some("new")), "{errors}");
    let one = client.json(&format!("/api/errors/{}", group["id"].as_str().unwrap()));
    assert_eq!(one["examples"].as_array().unwrap().len(), 3);
    assert_eq!(client.json("/api/errors?q=status%3A404")["groups"].as_array().unwrap().len(), 0);
    assert_eq!(client.get("/api/errors/zzzz").status, 404);
    assert_eq!(client.json("/api/diff?q=status%3A503")["selected"], 3);
}

#[test]
fn two_requests_are_told_side_by_side() {
    let viewed = viewed();
    let client = viewed.client();
    let all = ids(&client.json("/api/events"));
    let answer = client.json(&format!("/api/compare?a={}&b={}", all[0], all[27]));
    let places: BTreeSet<_> = answer["differences"].as_array().unwrap().iter().map(|it| it["where"].as_str().unwrap()).collect();
    assert!(places.contains("status") && places.contains("path"), "{places:?}");
    assert_eq!(client.get("/api/compare?a=1&b=2").status, 404);
    assert_eq!(client.json("/api/running")["running"], Json::Array(Vec::new()));
}

#[test]
fn a_page_that_follows_is_told_of_every_request_that_matches() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = writer(directory.path());
    let server = Viewer::of_store(directory.path()).serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let client = Client::of(&server.url());
    send(&telemetry, get("/before"), || {});
    assert!(telemetry.flush(PATIENCE));
    let live = client.json("/api/events")["live"].as_str().unwrap().to_owned();

    let mut stream = TcpStream::connect(client.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let target = format!("/live?q=status%3A503&cursor={live}");
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n\r\n", client.address, client.cookie()).unwrap();
    for _ in 0..300 {
        send(&telemetry, get("/fail/503"), || {});
        send(&telemetry, get("/well"), || {});
    }
    let (mut seen, mut skipped) = (BTreeSet::new(), 0);
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        let Some(data) = line.strip_prefix("data: ").map(|data| serde_json::from_str::<Json>(data).unwrap()) else { continue };
        if let Some(records) = data["records"].as_array() {
            assert!(records.len() <= 200);
            for row in records {
                assert_eq!(row["path"], "/fail/503");
                seen.insert(row["id"].as_str().unwrap().to_owned());
            }
            skipped += data["skipped"].as_u64().unwrap();
        }
        if seen.len() as u64 + skipped >= 300 {
            break;
        }
    }
    assert_eq!(seen.len() as u64 + skipped, 300);
    assert_eq!(client.get("/live?cursor=AAAA").status, 400);
}

#[test]
fn page_script_and_style_are_small() {
    let viewed = viewed();
    let client = viewed.client();
    let ask = |target: &str, encoding: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n{encoding}", client.address, client.cookie());
        let answer = client.ask(&head, "");
        assert_eq!(answer.status, 200, "{target}");
        answer
    };
    let mut wanted: Vec<_> = assets(&ask("/", "").text()).into_iter().map(|asset| format!("/{asset}")).collect();
    wanted.push("/".to_owned());
    let (mut seen, mut all) = (BTreeSet::new(), 0);
    while let Some(target) = wanted.pop() {
        if !seen.insert(target.clone()) {
            continue;
        }
        let compressed = ask(&target, "accept-encoding: br, gzip\r\n");
        assert!(compressed.body.len() < 1024 || compressed.header("content-encoding") == Some("gzip"), "{target}");
        all += compressed.body.len();
        // What a script takes from others.
        if let Some((place, _)) = target.rsplit_once('/').filter(|_| target.ends_with(".js")) {
            let text = ask(&target, "").text();
            let names = text.split('"').filter_map(|text| text.strip_prefix("./")).filter(|name| name.ends_with(".js"));
            wanted.extend(names.map(|name| format!("{place}/{name}")));
        }
    }
    assert!(all <= 150 * 1024, "{all} bytes");
    assert!(seen.iter().any(|target| target.ends_with(".js")) && seen.iter().any(|target| target.ends_with(".css")), "{seen:?}");
}
