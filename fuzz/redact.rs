//! Secrets in bodies, texts and cookies: wherever they stand and wherever they are cut, nobody can tell one from another.

use campanile::fuzzing::{self, Body};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// What stands for a secret, twice: what is left of a text may not depend on which of them was in it.
type Pair = [&'static str; 2];
const WORDS: Pair = ["canary7f3a9c1", "zither2b8d0e4"];
const NUMBERS: Pair = ["7319402", "2846135"];
const CARDS: Pair = ["4111111111111111", "5555555555554444"];
/// Bytes of an input that say what is planted, where, and where it is cut.
const HEAD_BYTES: usize = 5;

/// What is planted into a text.
struct Plant {
    before: &'static str,
    secret: Pair,
    after: &'static str,
    /// Whether a half of it tells nothing either.
    is_secret_when_cut: bool,
}

const fn plant(before: &'static str, secret: Pair, after: &'static str) -> Plant {
    Plant { before, secret, after, is_secret_when_cut: true }
}

const IN_JSON: [Plant; 6] = [
    plant("\"password\":\"", WORDS, "\","),
    plant("\"API-key\" : ", NUMBERS, " ,"),
    plant("\"user.refreshToken\":{\"a\":[\"]}", WORDS, "\"]},"),
    plant("\"p\\u0061ssword\":[[\"\\\"", WORDS, "\"],1],"),
    plant("\"cvv\":", NUMBERS, ""),
    plant("\"a\":\"{\\\"password\\\":\\\"", WORDS, "\\\"}\","),
];

const IN_FORM: [Plant; 5] = [
    plant("&password=", WORDS, "&"),
    plant("&%70assWord=+", WORDS, "&"),
    plant(";user%5Btoken%5D=%", WORDS, ";"),
    plant("&api-key=a=", WORDS, ""),
    plant("&otp=", NUMBERS, "&"),
];

const IN_TEXT: [Plant; 13] = [
    plant(" password=", WORDS, " "),
    plant(" \"api_key\": \"", WORDS, "\""),
    plant(" {'client_secret': '", WORDS, "'}"),
    plant(" \\\"pwd\\\":\\\"", WORDS, "\\\""),
    plant(" token: Some(\"", WORDS, "\")"),
    plant(" secret: Secret { value: \"", WORDS, "\" }"),
    plant(" Authorization: Digest ", WORDS, "\n"),
    plant(" Bearer ", WORDS, " "),
    plant(" db://user:", WORDS, "@host/"),
    plant(" eyJhbGciOiJIUzI1NiJ9.eyJ", WORDS, " "),
    plant(" ghp_", WORDS, " "),
    plant(" -----BEGIN PRIVATE KEY-----\n", WORDS, "\n-----END PRIVATE KEY-----"),
    // The first six digits may be shown.
    Plant { before: " ", secret: CARDS, after: " ", is_secret_when_cut: false },
];

/// A case of the catalogue, with a secret behind its first bracket.
pub(crate) fn seed(case: Vec<u8>) -> Vec<u8> {
    let at = case.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
    let [low, high] = u16::try_from(at).unwrap_or_default().to_le_bytes();
    [vec![u8::try_from(case.len() % 7).unwrap_or_default(), low, high, 3, 0], case].concat()
}

/// JSON, or what says that it is.
pub(crate) fn json(data: &[u8]) {
    let Some((_, text)) = halves(data) else { return };
    let out = whole(Body::Json, &text);
    if let Ok(value) = serde_json::from_str::<Value>(&text) {
        assert!(serde_json::from_str::<Value>(&out).is_ok(), "{text}: no JSON any more: {out}");
        if quotes(&text) == quotes(&value.to_string()) && is_harmless(&value, 0) {
            assert_eq!(out, text, "there was nothing to take out");
        }
    }
    planted(Body::Json, data, &IN_JSON);
}

/// Forms: as many pairs as before, unless it is JSON that is called one.
pub(crate) fn form(data: &[u8]) {
    let Some((_, text)) = halves(data) else { return };
    let out = whole(Body::Form, &text);
    let pairs = |text: &str| text.split(['&', ';']).count();
    if pairs(&text) <= 1024 && !text.trim_start().starts_with(['{', '[']) {
        assert_eq!(pairs(&out), pairs(&text), "{text}: {out}");
    }
    planted(Body::Form, data, &IN_FORM);
}

/// Free text.
pub(crate) fn shapes(data: &[u8]) {
    let Some((_, text)) = halves(data) else { return };
    whole(Body::Text, &text);
    planted(Body::Text, data, &IN_TEXT);
}

/// Cookies, a header each line: names stay, and nothing of a value.
pub(crate) fn cookies(data: &[u8]) {
    let Some((head, _)) = halves(data) else { return };
    let body = &data[HEAD_BYTES..];
    let at = usize::from(u16::from_le_bytes([head[1], head[2]])) % (body.len() + 1);
    let left = WORDS.map(|secret| {
        let planted = [&body[..at], b"; sid=", secret.as_bytes(), b"; ", &body[at..]].concat();
        let mut headers = HeaderMap::new();
        for line in planted.split(|byte| *byte == b'\n').take(16) {
            let name = if head[0].is_multiple_of(2) { "cookie" } else { "set-cookie" };
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let (shown, held) = fuzzing::cookies(&headers);
        assert_eq!(shown.len(), headers.len());
        for shown in &shown {
            let text = shown.as_deref().expect("names of cookies are shown");
            assert!(text.len() <= 1024, "{text}");
        }
        (shown, held)
    });
    assert_eq!(left[0], left[1], "a value is seen");
}

/// What is planted, and the text that it is planted into.
fn halves(data: &[u8]) -> Option<(&[u8], String)> {
    let (head, text) = data.split_at_checked(HEAD_BYTES)?;
    Some((head, String::from_utf8_lossy(text).into_owned()))
}

/// A whole text without its secrets. Once more changes nothing in JSON; of other texts, what is left of broken JSON or of
/// `Debug` may be read as something else, and more be taken out.
fn whole(body: Body, text: &str) -> String {
    let once = fuzzing::body(body, text, text.len()).shown;
    assert!(once.len() <= 5 * text.len() + 64, "{} bytes became {}", text.len(), once.len());
    let twice = fuzzing::body(body, &once, once.len()).shown;
    match body {
        Body::Json => assert_eq!(twice, once, "once more, {text:?}"),
        Body::Form | Body::Text => assert!(twice.len() <= once.len() + 64, "once more, {text:?}: {twice:?}"),
    }
    once
}

/// Nothing tells which of two secrets is in a text, neither in the whole of it nor where it is cut.
fn planted(body: Body, data: &[u8], plants: &[Plant]) {
    let Some((head, text)) = halves(data) else { return };
    let plant = &plants[usize::from(head[0]) % plants.len()];
    let at = text.floor_char_boundary(usize::from(u16::from_le_bytes([head[1], head[2]])) % (text.len() + 1));
    // A quote that was opened before it may end anywhere.
    if body == Body::Text && text[..at].contains(['"', '\'', '`', '\\']) {
        return;
    }
    let texts = plant.secret.map(|secret| [&text[..at], plant.before, secret, plant.after, &text[at..]].concat());
    let seen = texts[0].len();
    let left = texts.each_ref().map(|text| fuzzing::body(body, text, seen));
    assert_eq!(left[0], left[1], "a secret is seen in {:?}", texts[0]);
    if plant.is_secret_when_cut {
        let secret = plant.secret[0].len();
        let cut = at + plant.before.len() + usize::from(u16::from_le_bytes([head[3], head[4]])) % (secret + 1);
        let left = texts.each_ref().map(|text| fuzzing::body(body, &text[..cut], seen));
        assert_eq!(left[0], left[1], "a part of a secret is seen in {:?}", &texts[0][..cut]);
    }
}

/// Quotes around strings.
fn quotes(json: &str) -> usize {
    let mut is_escaped = false;
    let mut is_quote = |byte: &u8| {
        let quote = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        quote
    };
    json.as_bytes().iter().filter(|byte| is_quote(byte)).count()
}

/// Whether there is nothing in JSON that could be a secret.
fn is_harmless(value: &Value, depth: usize) -> bool {
    let is_left = |body: Body, text: &str| fuzzing::body(body, text, text.len()).shown == text;
    match value {
        Value::Object(pairs) => {
            let is_key = |key: &str| is_text(key) && is_left(Body::Json, &json!({ key: 1 }).to_string());
            depth < 32 && pairs.iter().all(|(key, value)| is_key(key) && is_harmless(value, depth + 1))
        }
        Value::Array(values) => depth < 32 && values.iter().all(|value| is_harmless(value, depth + 1)),
        Value::String(text) => is_text(text),
        Value::Number(number) => is_left(Body::Text, &number.to_string()),
        Value::Bool(_) | Value::Null => true,
    }
}

/// Whether there is no secret in a text, and it may not be JSON or cut.
fn is_text(text: &str) -> bool {
    !text.contains(['{', '[', '…']) && fuzzing::body(Body::Text, text, text.len()).shown == text
}
