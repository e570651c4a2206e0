//! No secret of a file that is imported is in the store, nor in anything that is read from it.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::kit::{Place, complaints, read};

/// Stands in every secret.
const CANARY: &str = "c4n4ryS3cret";

fn har() -> String {
    let headers = |names: &[&str]| -> Json {
        names.iter().map(|name| json!({ "name": name, "value": format!("Bearer {CANARY}") })).collect()
    };
    let cookies = json!([{ "name": "sid", "value": CANARY }]);
    let mut request =
        headers(&["Authorization", "x-api-key", "X-Acme-Token", "Proxy-Authorization", "x-csrf-token", "x-unheard-of"]);
    request.as_array_mut().unwrap().push(json!({ "name": "Cookie", "value": format!("sid={CANARY}; theme={CANARY}") }));
    request
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "Referer", "value": format!("https://shop.example/?access_token={CANARY}") }));
    let mut response = headers(&["x-auth-token", "x-amz-security-token"]);
    response.as_array_mut().unwrap().push(json!({ "name": "Set-Cookie", "value": format!("sid={CANARY}; HttpOnly") }));
    let entry = |post: Json, answer: Json| {
        json!({
            "startedDateTime": "2026-11-23T10:00:00Z", "time": 1,
            "request": {
                "method": "POST", "url": format!("https://bob:{CANARY}@shop.example/login?token={CANARY}&password={CANARY}#{CANARY}"),
                "httpVersion": "HTTP/1.1", "headers": request, "cookies": cookies,
                "queryString": [{ "name": "token", "value": CANARY }], "postData": post, "comment": CANARY,
            },
            "response": {
                "status": 200, "httpVersion": "HTTP/1.1", "headers": response, "cookies": cookies, "content": answer,
                "redirectURL": format!("/?token={CANARY}"), "_error": format!("password={CANARY}"),
            },
            "_fromCache": CANARY, "comment": CANARY,
        })
    };
    let form = json!({ "mimeType": "application/x-www-form-urlencoded", "text": format!("user=bob&password={CANARY}") });
    let params = json!({ "mimeType": "application/x-www-form-urlencoded", "params": [{ "name": "password", "value": CANARY }] });
    let body = json!({ "mimeType": "application/json", "text": format!("{{\"access_token\":\"{CANARY}\",\"user\":{{\"password\":\"{CANARY}\"}}}}") });
    json!({ "log": { "creator": { "name": CANARY }, "entries": [entry(form, body.clone()), entry(params, body.clone()), entry(body.clone(), body)] } }).to_string()
}

fn otlp() -> String {
    let text = |key: &str, value: String| json!({ "key": key, "value": { "stringValue": value } });
    let attributes = json!([
        text("http.request.method", "GET".to_owned()),
        text("url.full", format!("https://bob:{CANARY}@shop.example/a?api_key={CANARY}")),
        text("url.query", format!("api_key={CANARY}")),
        { "key": "http.request.header.authorization", "value": { "arrayValue": { "values": [{ "stringValue": format!("Bearer {CANARY}") }] } } },
        { "key": "http.request.header.cookie", "value": { "arrayValue": { "values": [{ "stringValue": format!("sid={CANARY}") }] } } },
        text("http.response.header.set-cookie", format!("sid={CANARY}")),
        text("db.password", CANARY.to_owned()),
        text("note", format!("Authorization: Bearer {CANARY}")),
        text("http.request.body.content", format!("{{\"password\":\"{CANARY}\"}}")),
        { "key": "config", "value": { "kvlistValue": { "values": [text("client_secret", CANARY.to_owned())] } } },
    ]);
    let exception =
        json!([text("exception.type", "E".to_owned()), text("exception.message", format!("login failed: password={CANARY}"))]);
    let span = |own: Json, id: &str| {
        let mut all = attributes.clone();
        all.as_array_mut().unwrap().extend(own.as_array().cloned().unwrap_or_default());
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "kind": 2, "name": "GET", "attributes": all,
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
            "status": { "code": 2, "message": format!("password={CANARY}") },
            "events": [{ "timeUnixNano": "1544712660000000001", "name": "exception", "attributes": exception }],
        })
    };
    // One that says it was written here is not believed more than others.
    let values = json!([
        text("kind", "request".to_owned()),
        { "key": "headers", "value": { "arrayValue": { "values": [
            { "stringValue": "request 20 kept authorization" }, { "stringValue": "request 20 kept cookie" },
        ] } } },
        { "key": "failures", "value": { "arrayValue": { "values": [{ "kvlistValue": { "values": [
            text("kind", "error".to_owned()), text("message", format!("password={CANARY}")), text("backtrace", format!("token={CANARY}")),
        ] } }] } } },
    ]);
    let own = json!([{ "key": "campanile.record", "value": { "kvlistValue": { "values": values } } }]);
    let resource = json!({ "attributes": [text("service.name", "shop".to_owned()), text("app.api_key", CANARY.to_owned())] });
    let log = json!({
        "timeUnixNano": "1544712660000000001", "severityNumber": 9, "body": { "stringValue": format!("token={CANARY}") },
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "00000000000000a1",
        "attributes": [text("password", CANARY.to_owned())],
    });
    let spans = json!([span(json!([]), "00000000000000a1"), span(own, "00000000000000a2")]);
    let traces = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] });
    let logs = json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": [log] }] }] });
    format!("{traces}\n{logs}\n")
}

/// Every file of a directory has to be without it.
fn assert_clean(directory: &Path) {
    let mut seen = 0;
    for file in fs::read_dir(directory).unwrap() {
        let (path, needle) = (file.unwrap().path(), CANARY.as_bytes());
        let bytes = fs::read(&path).unwrap();
        seen += bytes.len();
        assert!(!bytes.windows(needle.len()).any(|part| part == needle), "the secret is in {}", path.display());
    }
    assert!(seen > 1000, "there is something in the store");
}

fn check(text: &str, requests: usize) {
    let place = Place::new();
    let output = place.import_text(text.as_bytes());
    assert!(output.status.success(), "{}", complaints(&output));
    assert!(!String::from_utf8_lossy(&output.stdout).contains(CANARY) && !complaints(&output).contains(CANARY));
    let store = place.path("import.campanile");
    assert_clean(&store);
    for arguments in [
        &["export", "--format", "json"][..],
        &["export", "--format", "otlp"],
        &["export", "--format", "har"],
        &["search", "kind:request"],
        &["errors"],
    ] {
        let output = String::from_utf8(read(&store, arguments)).unwrap();
        assert!(!output.contains(CANARY), "{arguments:?}: {output}");
        assert!(output.len() > 100, "{arguments:?}: {output}");
    }
    assert_eq!(crate::kit::records(&store).len(), requests);
}

#[test]
fn a_har_of_a_browser_loses_its_cookies_tokens_and_passwords() {
    check(&har(), 3);
}

#[test]
fn otlp_of_others_loses_its_secrets_and_what_calls_itself_ours_too() {
    check(&otlp(), 2);
}

#[test]
fn rules_of_the_environment_hold_for_imports() {
    let place = Place::new();
    place.put("a.jsonl", otlp().replace("db.password", "membership").replace(CANARY, "XYZ-1234567"));
    let run = |pattern: &str| {
        let mut command = crate::kit::campanile(&["import", "a.jsonl", "--store"]);
        command.arg(place.path(if pattern.is_empty() { "without" } else { "with" })).env("CAMPANILE_REDACT_PATTERNS", pattern);
        assert!(command.current_dir(place.directory.path()).output().unwrap().status.success());
    };
    run("");
    run("XYZ-\\d{7}");
    let told = |store: &str| String::from_utf8(read(&place.path(store), &["export"])).unwrap();
    assert!(told("without").contains("XYZ-1234567"));
    assert!(!told("with").contains("XYZ-1234567"));
}
