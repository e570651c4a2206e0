//! The secrets, each with one place where it is planted, and the forms in which it would be recognised.

use std::collections::BTreeSet;
use std::sync::Mutex;

/// Where each secret is; its number is its place in this list, from 1.
pub(crate) const PLACES: [&str; 71] = [
    "header authorization, bearer",
    "header proxy-authorization, basic",
    "header x-api-key",
    "header x-auth-token",
    "header x-amz-security-token",
    "header x-forwarded-client-cert",
    "a header that is on no list",
    "a header on the list, marked as sensitive",
    "header referer, userinfo of its URL",
    "first cookie",
    "second cookie",
    "header set-cookie of the response",
    "header location of the response, userinfo of its URL",
    "header www-authenticate of the response",
    "trailer of the response",
    "query, token",
    "query, signature of AWS",
    "query, key percent-encoded",
    "query, code beside state",
    "query, value percent-encoded",
    "query, a token under a harmless key",
    "userinfo of an absolute target",
    "JSON, password",
    "JSON, nested",
    "JSON inside a string of JSON",
    "JSON, key escaped",
    "JSON of the response",
    "form, password",
    "form, key and value percent-encoded",
    "text body, private key",
    "field of an event",
    "field of a span",
    "message of an event, bearer",
    "message of an event, denied key and value",
    "attribute of the request",
    "field of an event outside any request",
    "error, basic",
    "cause of an error, userinfo of a URL",
    "message of a panic, denied key and value",
    "message of an event, card number",
    "error that the service returns, a token",
    "environment, headers of the collector",
    "environment, userinfo of the collector's endpoint",
    "environment, path of a key",
    "environment, a name that is no setting",
    "environment, what the process has for others",
    "environment, a part that cannot be read",
    "settings in code, header of the collector",
    "settings in code, userinfo of an endpoint that refuses",
    "settings in code, path of a key",
    "form that is JSON, password",
    "query, userinfo of a URL in the place of a key",
    "query, basic in the place of a key",
    "XML, password",
    "path, userinfo of a URL beside what is encoded",
    "header x-forwarded-host, userinfo",
    "header forwarded, userinfo of its host",
    "header grpc-message of the response, percent-encoded",
    "JSON, a key with a shape",
    "state of the trace, a token",
    "header with a debug token",
    "cookie with a debug token",
    "settings in code, key of debug tokens",
    "message of a panic in a spawned task, userinfo of a URL",
    "error of a log line, denied key and value",
    "cause of the error of a log line, userinfo of a URL",
    "name of a group, denied key and value",
    "field of a connection that was upgraded",
    "error of a connection that was upgraded, bearer",
    "request in flight, userinfo of a URL in its path",
    "name of a group by a rule, userinfo of a URL",
];

/// The one that is a card number, which has a form of its own.
const CARD: usize = 40;
const CARD_NUMBER: &str = "4929 1378 4600 1238";

static PLANTED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// The secret with this number, for whoever plants it.
pub(crate) fn secret(number: usize) -> String {
    PLANTED.lock().unwrap().insert(number);
    text(number)
}

/// Every secret was planted.
#[track_caller]
pub(crate) fn assert_all_planted() {
    let planted = PLANTED.lock().unwrap();
    let missing: Vec<_> = (1..=PLACES.len()).filter(|number| !planted.contains(number)).collect();
    assert!(missing.is_empty(), "never planted: {missing:?}");
}

fn text(number: usize) -> String {
    assert!((1..=PLACES.len()).contains(&number));
    if number == CARD { CARD_NUMBER.to_owned() } else { format!("canary-{number:02}-kQ7wZ") }
}

/// `user:` and a secret, as basic authorization has it.
pub(crate) fn basic(number: usize) -> String {
    base64(format!("user:{}", secret(number)).as_bytes())
}

/// A token in the form of a JWT, whose last part is a secret.
pub(crate) fn jwt(number: usize) -> String {
    format!("{}.{}.{}", "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", secret(number))
}

/// All of it percent-encoded.
pub(crate) fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The secrets that a text holds in whatever form, as number, place and form.
pub(crate) fn found_in(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let mut found = Vec::new();
    for (index, place) in PLACES.iter().enumerate() {
        for form in forms(index + 1) {
            if text.contains(&form.to_ascii_lowercase()) {
                found.push(format!("{} ({place}) as {form}", index + 1));
            }
        }
    }
    found
}

fn forms(number: usize) -> Vec<String> {
    let text = text(number);
    let mut forms = vec![
        percent(&text),
        text.replace('-', "%2D"),
        text.replace('-', "\\u002d"),
        text.bytes().rev().map(char::from).collect(),
        text.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    if number == CARD {
        forms.push(text.replace(' ', ""));
    }
    // In base64 it looks different at each of three offsets; what the neighbours change is left out.
    for before in 0..3 {
        let encoded = base64(&[&b"   "[..before], text.as_bytes()].concat());
        let start = [0, 2, 3][before];
        let end = (before + text.len()) * 8 / 6;
        forms.push(encoded[start..end].to_owned());
    }
    forms.push(text);
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0_usize, |group, (at, byte)| group | usize::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = char::from(DIGITS[group >> (18 - 6 * at) & 63]);
            out.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

#[test]
fn a_secret_is_recognised_in_every_form() {
    assert_eq!(base64(b"user:canary"), "dXNlcjpjYW5hcnk=");
    for (index, place) in PLACES.iter().enumerate() {
        let text = text(index + 1);
        let around = |text: &str| format!("before {text} after");
        let encoded = (0..3).map(|before| base64(around(&format!("{}{text}", "x".repeat(before))).as_bytes()));
        for form in [around(&text), around(&text.to_uppercase()), around(&percent(&text))].into_iter().chain(encoded) {
            assert!(found_in(form.as_bytes()).iter().any(|found| found.contains(place)), "{form}");
        }
    }
    assert_eq!(found_in(b"canary-, canary-99, 4929 1378 4600 1230"), [""; 0]);
}
