//! Files that are cut, damaged, huge or malicious give what can be read of them, say what cannot, and take little memory.

use std::io::Write as _;

use serde_json::json;

use crate::kit::{HOSTILE, Place, complaints, exported, records, store, summary};

fn good() -> String {
    String::from_utf8(exported(store(), "otlp")).unwrap()
}

/// Requests, unreadable lines, exit code and what was said.
fn import(text: &[u8]) -> (u64, u64, Option<i32>, String) {
    let place = Place::new();
    let output = place.import_text(text);
    let told = summary(&output);
    (told["requests"].as_u64().unwrap(), told["unreadable"].as_u64().unwrap(), output.status.code(), complaints(&output))
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_the_others_are_read() {
    let good = good();
    let deep = format!(
        "{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"a\",\"value\":{}",
        "{\"arrayValue\":{\"values\":[".repeat(100_000)
    );
    for (bad, said) in [
        ("{\"resourceSpans\":[{\"scopeSpans\":", "line 1: it ends in the middle"),
        ("{\"resourceSpans\":[}", "line 1: it is no JSON (column 19)"),
        ("{\"resourceSpans\":\"secret-of-the-file\"}", "line 1: it is JSON of another form than expected"),
        (&deep, "line 1: it is no JSON"),
        ("{\"resourceSpans\":[],\"log\":1}", "line 1: it has neither resourceSpans nor resourceLogs"),
        ("{\"resourceSpans\"\u{1b}[2J", "line 1: it is no JSON"),
    ] {
        let (requests, unreadable, code, complaints) = import(format!("{bad}\n{good}").as_bytes());
        assert_eq!((requests, unreadable, code), (4, 1, Some(8)), "{bad:.40}");
        assert!(complaints.contains(said), "{said}: {complaints}");
        assert!(!complaints.contains("secret-of-the-file"), "{complaints}");
    }
}

#[test]
fn a_file_that_was_cut_gives_what_came_before() {
    let good = good();
    for part in [good.len() / 3, good.len() / 2, good.len() - 2] {
        let (requests, unreadable, code, complaints) = import(&good.as_bytes()[..part]);
        assert_eq!((unreadable, code), (1, Some(8)), "{complaints}");
        assert!(requests < 5 && complaints.contains("it ends in the middle; the file may have been cut"), "{complaints}");
    }
}

#[test]
fn what_is_not_utf8_is_replaced_and_told() {
    let mut bytes = good().into_bytes();
    let at = bytes.windows(4).position(|part| part == b"shop").unwrap();
    bytes[at] = 0xff;
    let (requests, unreadable, code, complaints) = import(&bytes);
    assert_eq!((requests, unreadable, code), (4, 0, Some(8)));
    assert!(complaints.contains("it is not UTF-8 everywhere"), "{complaints}");
}

#[test]
fn files_of_other_kinds_are_refused_and_leave_nothing_behind() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(100);
    for (bytes, said, code) in [
        (&b""[..], "it is empty", 8),
        (b"GET / HTTP/1.1\r\n", "it is neither OTLP JSON lines", 8),
        (&png, "it is neither OTLP JSON lines", 8),
        (b"{\"log\":{\"version\":\"1.2\"}}", "it has no \"log\" with \"entries\"", 8),
        (b"{\"log\":[1,2]}", "it is JSON of another form than expected", 8),
        (b"[1]", "it is neither", 8),
        (b"PK\x03\x04 and then nothing of a zip", "give its file", 8),
        (b"SQLite format 3\0", "it is neither", 8),
    ] {
        let place = Place::new();
        let output = place.import_text(bytes);
        assert_eq!(output.status.code(), Some(code), "{said}: {}", complaints(&output));
        assert!(complaints(&output).contains(said), "{said}: {}", complaints(&output));
        assert!(!place.path("import.campanile").exists(), "nothing came of it: {said}");
    }
    let place = Place::new();
    let output = place.import(&["not-there.jsonl"]);
    assert_eq!(output.status.code(), Some(8));
    assert!(complaints(&output).contains("cannot read 'not-there.jsonl'"));
    assert_eq!(place.import(&["."]).status.code(), Some(8), "a directory");
    assert_eq!(std::fs::read_dir(place.directory.path()).unwrap().count(), 0);
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    let place = Place::new();
    let mut file = std::fs::File::create(place.path("long.jsonl")).unwrap();
    file.write_all(b"{\"resourceSpans\":[{\"x\":\"").unwrap();
    let piece = vec![b'a'; 1 << 20];
    for _ in 0..80 {
        file.write_all(&piece).unwrap();
    }
    file.write_all(b"\"}]}\n").unwrap();
    file.write_all(good().as_bytes()).unwrap();
    drop(file);
    let output = limited(&place, "long.jsonl");
    assert!(complaints(&output).contains("line 1: it is longer than 32 MiB"), "{}", complaints(&output));
    assert_eq!(summary(&output)["requests"], 4);
}

#[test]
fn an_entry_without_an_end_takes_no_memory() {
    let place = Place::new();
    let mut file = std::fs::File::create(place.path("long.har")).unwrap();
    file.write_all(b"{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"http://a/\"}},{\"comment\":\"").unwrap();
    let piece = vec![b'a'; 1 << 20];
    for _ in 0..80 {
        file.write_all(&piece).unwrap();
    }
    drop(file);
    let output = limited(&place, "long.har");
    assert!(complaints(&output).contains("larger than 64 MiB"), "{}", complaints(&output));
    assert_eq!(summary(&output)["requests"], 1);
}

/// Imports a file with 300 MiB of address space: what takes more aborts.
fn limited(place: &Place, file: &str) -> std::process::Output {
    let program = env!("CARGO_BIN_EXE_campanile");
    let script = format!("ulimit -v 307200; exec '{program}' import --json {file}");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).env_remove("CAMPANILE_STORE").current_dir(place.directory.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(8), "{}", complaints(&output));
    output
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::DEFAULT.compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_zip_is_never_unpacked_whatever_its_names_are() {
    let good = good();
    let place = Place::new();
    let names: Vec<(&str, &[u8])> = vec![
        ("../../evil.txt", b"evil"),
        ("/etc/evil.txt", b"evil"),
        (HOSTILE, b"evil"),
        ("C:\\evil.txt", b"evil"),
        ("records.jsonl", good.as_bytes()),
        ("requests.txt", b"\x1b[2J"),
    ];
    place.put("evil.zip", zip(&names));
    let output = place.import(&["--json", "evil.zip"]);
    assert!(output.status.success(), "{}", complaints(&output));
    assert_eq!(records(&place.path("evil.campanile")).len(), 4);
    let mut left: Vec<_> = std::fs::read_dir(place.directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["evil.campanile", "evil.zip"]);
}

#[test]
fn a_zip_that_swells_is_read_up_to_a_limit() {
    let place = Place::new();
    // 70 MiB of empty lines in about 70 KiB.
    let mut bomb = zip::ZipWriter::new(std::fs::File::create(place.path("bomb.zip")).unwrap());
    bomb.start_file("records.jsonl", zip::write::SimpleFileOptions::DEFAULT).unwrap();
    let piece = [b" ".repeat((1 << 20) - 1), b"\n".to_vec()].concat();
    for _ in 0..70 {
        bomb.write_all(&piece).unwrap();
    }
    bomb.finish().unwrap();
    let output = limited(&place, "bomb.zip");
    assert!(complaints(&output).contains("more than 200 times as large"), "{}", complaints(&output));
}

#[test]
fn a_zip_of_another_kind_or_damaged_is_refused() {
    let place = Place::new();
    let share = exported(store(), "zip");
    let mut damaged = share.clone();
    damaged[200..260].fill(0x55);
    place.put("other.zip", zip(&[("a.txt", b"a")]));
    place.put("cut.zip", &share[..share.len() / 2]);
    place.put("damaged.zip", damaged);
    for (file, said) in [
        ("other.zip", "it is no share of campanile"),
        ("cut.zip", "it is no zip, or its end is missing"),
        ("damaged.zip", "line "),
    ] {
        let output = place.import(&["--json", file]);
        assert_eq!(output.status.code(), Some(8), "{file}: {}", complaints(&output));
        assert!(complaints(&output).contains(said), "{file}: {}", complaints(&output));
    }
}

#[test]
fn a_zip_with_very_many_files_is_refused_before_they_take_memory() {
    let place = Place::new();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(place.path("many.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::DEFAULT.compression_method(zip::CompressionMethod::Stored);
    let long = "n".repeat(1000);
    for number in 0..6000 {
        zip.start_file(format!("{long}{number}"), options).unwrap();
    }
    zip.finish().unwrap();
    let output = place.import(&["--json", "many.zip"]);
    assert!(complaints(&output).contains("it has very many files in it"), "{}", complaints(&output));
}

#[test]
fn text_that_steers_a_terminal_is_stored_as_data_and_shown_as_text() {
    let entry = json!({ "startedDateTime": "2026-01-01T00:00:00Z", "request": { "method": HOSTILE, "url": format!("http://a/{HOSTILE}") }, "response": {} });
    let place = Place::new();
    place.put("a.har", json!({ "log": { "entries": [entry] } }).to_string());
    assert!(place.import(&["a.har"]).status.success());
    for arguments in [&["search", "kind:request"][..], &["export", "--format", "otlp"], &["export", "--format", "har"]] {
        let text = String::from_utf8(crate::kit::read(&place.path("a.campanile"), arguments)).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && text.lines().all(|line| !line.starts_with("FAKE")), "{text}");
    }
}
