use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::redact::Redact;

fn by(rules: &Rules, text: &str) -> String {
    match redact(rules, text, &mut Notes::default()) {
        Outcome::Read(new) => new.unwrap_or_else(|| text.to_owned()),
        Outcome::Broken(new) => new,
    }
}

fn redacted(text: &str) -> String {
    by(&Rules::default(), text)
}

#[test]
fn values_of_secret_keys_are_replaced_at_any_depth() {
    let cases = [
        (r#"{"password":"canary","a":1}"#, r#"{"password":"REDACTED","a":1}"#),
        (r#"{ "a" : [ { "API-key" : 12 } ] }"#, r#"{ "a" : [ { "API-key" : "REDACTED" } ] }"#),
        (r#"{"pass\u0077ord":"canary-16"}"#, r#"{"pass\u0077ord":"REDACTED"}"#),
        (r#"{"password":"a","password":"canary-17"}"#, r#"{"password":"REDACTED","password":"REDACTED"}"#),
        (r#"{"data":"{\"password\":\"canary-18\"}"}"#, r#"{"data":"{\"password\":\"REDACTED\"}"}"#),
        (r#"{"token":{"a":["canary"]},"b":2}"#, r#"{"token":"REDACTED","b":2}"#),
        (r#"{"token":["canary","]"],"b":2}"#, r#"{"token":"REDACTED","b":2}"#),
        (r#"{"a":"x Bearer canary-1 y"}"#, r#"{"a":"x Bearer REDACTED y"}"#),
        (r#"{"a":"x \"Bearer canary-1\" y"}"#, r#"{"a":"x \"Bearer REDACTED\" y"}"#),
        (r#"{"pan":4111111111111111}"#, r#"{"pan":"REDACTED"}"#),
        ("{\"password\":\"a\"}\n{\"password\":\"b\"}\n", "{\"password\":\"REDACTED\"}\n{\"password\":\"REDACTED\"}\n"),
        (r#"{"Bearer abcdefgh1":1}"#, r#"{"Bearer REDACTED":1}"#),
        (r#"{"https://user:canary@host/":{"a":"b"}}"#, r#"{"https://REDACTED:REDACTED@host/":{"a":"b"}}"#),
        (r#"{"{\"password\":\"canary\"}":""}"#, r#"{"{\"password\":\"REDACTED\"}":""}"#),
        (r#"{"a":[4929137846001238,4929137846001238.0,4929137846001232]}"#, r#"{"a":["REDACTED","REDACTED",4929137846001232]}"#),
        ("\u{feff}{\"otp\":1}", "\u{feff}{\"otp\":\"REDACTED\"}"),
        (r#"{"Bearer canary-1":{"a":1}}"#, r#"{"Bearer REDACTED":{"a":1}}"#),
        (r#"{"x password=canary ":{"otp":7}}"#, r#"{"x password=REDACTED ":{"otp":"REDACTED"}}"#),
    ];
    for (before, after) in cases {
        assert_eq!(redacted(before), after, "BO-16, BO-17, BO-18: {before}");
        assert_eq!(redacted(after), after, "once more");
    }
}

#[test]
fn a_key_that_holds_a_secret_is_not_told() {
    let mut notes = Notes::new(8, None);
    let text = r#"{"ghp_canary7canary7":{"otp":"7"},"a":{"pwd":"x"}}"#;
    let Outcome::Read(Some(new)) = redact(&Rules::default(), text, &mut notes) else { panic!("it is JSON") };
    assert_eq!(new, r#"{"REDACTED":{"otp":"REDACTED"},"a":{"pwd":"REDACTED"}}"#);
    let keys: Vec<_> = notes.all.iter().map(|note| note.key.as_str()).collect();
    assert_eq!(keys, ["", "otp", "pwd"]);
}

#[test]
fn a_key_that_is_a_secret_is_not_told_of_its_value() {
    let mut notes = Notes::new(8, None);
    let text = r#"{"https://user:canary@host/token":"canary","b":"Bearer canary-1"}"#;
    let Outcome::Read(Some(new)) = redact(&Rules::default(), text, &mut notes) else { panic!("it is JSON") };
    assert!(!new.contains("canary"), "{new}");
    assert!(notes.all.len() == 3 && notes.all.iter().all(|note| !note.key.contains("canary")), "{notes:?}");
}

#[test]
fn patterns_of_the_settings_find_numbers() {
    let rules = Redact::new().pattern(r"\b774\d{4}\b").rules().unwrap();
    assert_eq!(by(&rules, r#"{"a":[7740123,774,"x 7740123"]}"#), r#"{"a":["REDACTED",774,"x REDACTED"]}"#);
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    for text in [
        "",
        " ",
        "{}",
        r#"{"password":"REDACTED"#,
        "[]",
        "[[],{}]",
        r#"{"has_token":true,"token":null,"token":false,"token":""}"#,
        r#"{"a":-1.5e+3,"b":"ü \ud83e\udd80 \ud800","c":[true,null]} "#,
        "\"text\"",
        "7",
        "null",
        r#"{"a":"[info] hello"}"#,
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_cannot_be_read_is_replaced_from_there_on() {
    let cases = [
        (r#"{"password":"canary-20"#, r#"{"password":"REDACTED""#),
        (r#"{"a":1,"passw"#, r#"{"a":1,REDACTED"#),
        (r#"{"a":1,"password""#, r#"{"a":1,REDACTED"#),
        (r#"{"a":1} canary"#, r#"{"a":1} REDACTED"#),
        (r#"{"a":'canary'}"#, r#"{"a":REDACTED"#),
        ("{\"a\":\"x\ncanary\"}", r#"{"a":REDACTED"#),
        (r#"{"a":"\qcanary"}"#, r#"{"a":REDACTED"#),
        (r#"{"a":[1}, "canary"]"#, r#"{"a":[1REDACTED"#),
        (r#"{"password":{"x":]"canary"}"#, r#"{"password":"REDACTED"REDACTED"#),
        ("password=canary", "REDACTED"),
        (r#"{"a":"x Bearer cana"#, r#"{"a":"x Bearer REDACTED"#),
        (r#"{"a":"x\"#, r#"{"a":"x\"#),
        (r#"{"token":123"#, r#"{"token":"REDACTED""#),
        (r#"{"data":"{\"password\":\"cana"#, r#"{"data":"{\"password\":\"REDACTED\""#),
    ];
    for (before, after) in cases {
        assert_eq!(redacted(before), after, "BO-20: {before}");
    }
}

#[test]
fn bo_14_what_is_nested_too_deep_is_replaced_and_never_overflows() {
    let open = redacted(&"[".repeat(100_000));
    assert_eq!(open, "[".repeat(32) + QUOTED, "BO-14");
    let whole = redacted(&("[".repeat(50) + &"]".repeat(50)));
    assert_eq!(whole, "[".repeat(32) + QUOTED + &"]".repeat(32), "BO-14: still JSON");
    let mut text = "{\"password\":\"canary\"}".to_owned();
    for _ in 0..8 {
        text = serde_json::json!({ "a": text }).to_string();
    }
    assert!(!redacted(&text).contains("canary"), "BO-18, BO-14");
}

#[test]
fn paths_of_the_settings_lead_to_values() {
    let rules = Redact::new().path("$.user.email").path("$.items[*].note").path("$[1]").path("$.*.zip").rules().unwrap();
    let cases = [
        (r#"{"user":{"Email":"x","name":"y"},"email":"z"}"#, r#"{"user":{"Email":"REDACTED","name":"y"},"email":"z"}"#),
        (r#"{"items":[{"note":{"a":1}},{"note":2,"zip":3}]}"#, r#"{"items":[{"note":"REDACTED"},{"note":"REDACTED","zip":3}]}"#),
        (r#"["a","b","c"]"#, r#"["a","REDACTED","c"]"#),
        (r#"{"a":{"zip":"x"},"zip":"y"}"#, r#"{"a":{"zip":"REDACTED"},"zip":"y"}"#),
        (r#"{"a":[0,1]}"#, r#"{"a":[0,1]}"#),
    ];
    for (before, after) in cases {
        assert_eq!(by(&rules, before), after, "{before}");
    }
}

/// Any JSON; below a secret key stands a canary.
fn json() -> impl Strategy<Value = Value> {
    let text = "[ -~äß\u{1f980}\n\"\\\\]{0,12}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i16>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        text.prop_map(Value::from),
    ];
    let key = "[a-z \"\\\\ü{}\\[\\]:,]{0,6}";
    let secret_key =
        prop_oneof![Just("password"), Just("API_KEY"), Just("x.refreshToken"), Just("card-number"), Just("Authorization")];
    let secret = prop_oneof![
        Just(serde_json::json!("CANARY")),
        Just(serde_json::json!({"a": ["CANARY", {"b": "]}\"CANARY"}]})),
        Just(serde_json::json!(["CANARY\\", "x"])),
        Just(serde_json::json!("{\"b\":\"CANARY")),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        let pair = prop_oneof![
            3 => (key, inner.clone()),
            2 => (secret_key.clone().prop_map(str::to_owned), secret.clone()),
        ];
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            prop::collection::vec(pair, 0..5).prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The same with the canaries' values replaced, by a program of another kind.
fn expected(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let is_secret = Rules::default().keys().field(key).is_some()
                    && !matches!(value, Value::Bool(_) | Value::Null)
                    && *value != "";
                let Value::String(key) = expected(&Value::from(key.as_str())) else { unreachable!("a text stays one") };
                (key, if is_secret { Value::from("REDACTED") } else { expected(value) })
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(expected).collect::<Vec<_>>().into(),
        Value::String(text) => match redact(&Rules::default(), &Value::from(text.as_str()).to_string(), &mut Notes::default()) {
            Outcome::Read(Some(new)) => serde_json::from_str(&new).unwrap(),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_keeps_a_secret_wherever_it_is_cut(value in json(), pretty in any::<bool>(), nest in 0..3_u8, cut in any::<prop::sample::Index>()) {
        let mut text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        for _ in 0..nest {
            text = serde_json::json!({ "a": text }).to_string();
        }
        let whole = redacted(&text);
        prop_assert!(!whole.contains("CANARY"), "{whole}");
        prop_assert_eq!(&redacted(&whole), &whole, "once more changes nothing");
        prop_assert!(serde_json::from_str::<Value>(&whole).is_ok(), "{}", whole);
        if nest == 0 {
            let new: Value = serde_json::from_str(&whole).unwrap();
            prop_assert_eq!(new, expected(&value));
        }
        let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let out = redacted(&text[..at]);
        // A part of it tells something too.
        for canary in ["CANAR", "ANARY", "CANA", "CAN"] {
            prop_assert!(!out.contains(canary), "{}: {}", &text[..at], out);
        }
    }

    #[test]
    fn any_text_at_all_is_taken_for_json_without_harm(text in "[\\[\\]{}:,\"\\\\a-fu0-9.eE \\-\n\u{e9}]{0,60}") {
        let once = redacted(&text);
        prop_assert_eq!(&redacted(&once), &once);
    }
}
