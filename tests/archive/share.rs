//! A share is a plain zip with what it says in it, the same each time.

use std::io::Read as _;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::kit::{HOSTILE, Place, exported, python, read, records, store};

fn file(zip: &[u8], name: &str) -> String {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn it_holds_records_a_har_pages_and_what_is_in_it() {
    let zip = exported(store(), "zip");
    assert_eq!(file(&zip, "records.jsonl").as_bytes(), exported(store(), "otlp"));
    assert_eq!(file(&zip, "requests.har").as_bytes(), exported(store(), "har"));
    let pages = file(&zip, "requests.txt");
    for record in records(store()) {
        assert!(pages.contains(&record["span_id"].as_str().unwrap()[..8]), "{pages}");
    }
    assert!(!pages.contains(HOSTILE) && !pages.contains('\u{1b}'));
    let manifest: Json = serde_json::from_str(&file(&zip, "manifest.json")).unwrap();
    assert_eq!(
        (&manifest["requests"], &manifest["failed"], &manifest["services"]["shop"]),
        (&json!(4), &json!(2), &manifest["records"])
    );
    for secret in ["geheim", "hunter2", "very-secret", "4111111111111111", "token=abc"] {
        for name in ["records.jsonl", "requests.har", "requests.txt", "manifest.json"] {
            assert!(!file(&zip, name).contains(secret), "{secret} in {name}");
        }
    }
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(exported(store(), "zip"), exported(store(), "zip"));
}

#[test]
fn a_reader_of_another_language_opens_it() {
    let Some(python) = python("python's zipfile") else { return };
    let place = Place::new();
    let path = place.path("share.zip");
    read(store(), &["export", "--format", "zip", "-o", path.to_str().unwrap(), "status:5xx"]);
    let output = Command::new(python).args(["-m", "zipfile", "-t"]).arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Done testing\n", "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new("python3").args(["-m", "zipfile", "-l"]).arg(&path).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(["records.jsonl", "requests.har", "requests.txt", "manifest.json"].iter().all(|name| list.contains(name)), "{list}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777, 0o600);
}
