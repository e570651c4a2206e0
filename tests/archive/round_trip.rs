//! What is exported and imported again is the same record.

use std::path::Path;

use serde_json::Value as Json;

use crate::kit::{Place, campanile, exported, read, records, store};

/// The records of a store, and those of its export, imported.
fn there_and_back(format: &str, file: &str) -> (Vec<Json>, Vec<Json>) {
    let place = Place::new();
    place.put(file, exported(store(), format));
    let output = place.import(&[file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (records(store()), records(&place.path("out.campanile")))
}

#[test]
fn a_record_is_the_same_after_otlp() {
    let (before, after) = there_and_back("otlp", "out.jsonl");
    assert_eq!(before.len(), 4);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(format!("{after:#}"), format!("{before:#}"));
    }
    assert_eq!(before.len(), after.len());
}

#[test]
fn a_record_is_the_same_after_a_share() {
    let (before, after) = there_and_back("zip", "out.zip");
    assert_eq!(before, after);
}

#[test]
fn what_happened_outside_any_request_comes_along() {
    let place = Place::new();
    place.put("out.jsonl", exported(store(), "otlp"));
    assert!(place.import(&["out.jsonl"]).status.success());
    let outside = |store: &Path| String::from_utf8(read(store, &["search", "--json", "kind:event,span"])).unwrap();
    let after = outside(&place.path("out.campanile"));
    assert!(after.contains("started") && after.contains("clean up"), "{after}");
    assert_eq!(after, outside(store()));
}

#[test]
fn the_page_of_a_request_is_the_same_after_otlp() {
    let place = Place::new();
    place.put("out.jsonl", exported(store(), "otlp"));
    assert!(place.import(&["out.jsonl"]).status.success());
    for record in records(store()) {
        let id = record["span_id"].as_str().unwrap();
        let page = |store: &Path| String::from_utf8(read(store, &["show", id])).unwrap();
        assert_eq!(page(&place.path("out.campanile")), page(store()));
    }
}

#[test]
fn what_a_har_has_a_place_for_comes_back() {
    let (before, after) = there_and_back("har", "out.har");
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        for key in [
            "span_id",
            "trace_id",
            "campanile.request.id",
            "http.request.method",
            "url.path",
            "url.query",
            "http.route",
            "http.response.status_code",
            "campanile.outcome",
            "server.address",
            "server.port",
            "user_agent.original",
            "service.name",
            "service.version",
            "campanile.record.request_body",
        ] {
            assert_eq!(after[key], before[key], "{key} of {before:#}");
        }
        let names = |record: &Json| -> Vec<String> {
            let headers = record["campanile.record.request_headers"].as_array().unwrap();
            let mut names: Vec<String> = headers.iter().map(|header| format!("{} {}", header["name"], header["value"])).collect();
            names.sort();
            names
        };
        assert_eq!(names(after), names(before));
    }
}

#[test]
fn an_import_is_read_by_the_directory_named_after_its_file_and_never_mixed_with_another() {
    let place = Place::new();
    place.put("out.jsonl", exported(store(), "otlp"));
    let output = place.import(&["out.jsonl"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("4 requests\n") && said.contains("campanile --store out.campanile search kind:request"), "{said}");
    let again = place.import(&["out.jsonl"]);
    assert_eq!(again.status.code(), Some(5));
    assert!(String::from_utf8(again.stderr).unwrap().contains("is there already"));
    let added = campanile(&["import", "--store"]).arg(place.path("out.campanile")).arg(place.path("out.jsonl")).output().unwrap();
    assert!(added.status.success(), "one that is named is added to");
    assert_eq!(records(&place.path("out.campanile")).len(), 8);
}

#[test]
fn old_records_are_not_removed_by_age() {
    let place = Place::new();
    let old =
        String::from_utf8(exported(store(), "otlp")).unwrap().replace("\"startTimeUnixNano\":\"1", "\"startTimeUnixNano\":\"0");
    place.put("old.jsonl", old);
    assert!(place.import(&["old.jsonl"]).status.success());
    assert_eq!(records(&place.path("old.campanile")).len(), 4, "they began decades ago");
}
