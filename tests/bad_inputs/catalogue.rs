//! The catalogue as it lies in the project, and the generators that keep its large cases small.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// One case, as the file has it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) area: String,
    pub(crate) input: Value,
    /// The closed word of what comes of it.
    pub(crate) result: String,
    /// What has to hold in particular.
    pub(crate) asserts: Vec<String>,
}

/// Every case, in the order of the file.
pub(crate) fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bad-inputs.json");
    let file: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let cases = file["cases"].as_array().unwrap().iter().map(|case| Case {
        id: text(&case["id"]),
        area: text(&case["area"]),
        input: case["input"].clone(),
        result: text(&case["expect"]["result"]),
        asserts: case["expect"]["assert"].as_array().unwrap().iter().map(text).collect(),
    });
    cases.collect()
}

/// The cases of one area; there is no area without any.
pub(crate) fn area(name: &str) -> Vec<Case> {
    let found: Vec<_> = cases().into_iter().filter(|case| case.area == name).collect();
    assert!(!found.is_empty(), "{name} is an area");
    found
}

impl Case {
    /// A list of texts below this key; empty where it is absent.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let list = self.input[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.input[key].as_str()
    }
}

/// The bytes that a value of the catalogue stands for: a text, or a generator.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let (name, arguments) = value.as_object().and_then(|generator| generator.iter().next()).expect("a text or a generator");
    let part = |index: usize| &arguments[index];
    let number = |index: usize| usize::try_from(part(index).as_u64().unwrap()).unwrap();
    match name.as_str() {
        "repeat" => bytes(part(0)).repeat(number(1)),
        "concat" => arguments.as_array().unwrap().iter().flat_map(bytes).collect(),
        "join" => list(part(1)).join(bytes(part(0)).as_slice()),
        "hex" => hex(arguments.as_str().unwrap()),
        "json_depth" => {
            let depth = usize::try_from(arguments.as_u64().unwrap()).unwrap();
            [b"[".repeat(depth), b"]".repeat(depth)].concat()
        }
        "all_code_points" => code_points(arguments).collect::<String>().into_bytes(),
        other => panic!("no generator {other}"),
    }
}

/// The parts that a generator of several makes; of those without end, `most`.
pub(crate) fn several(value: &Value, most: usize) -> Vec<String> {
    let (name, arguments) = value.as_object().and_then(|generator| generator.iter().next()).expect("a generator");
    let count = usize::try_from(arguments.as_u64().unwrap()).unwrap().min(most);
    let mut random = fastrand_like(0x5eed);
    let mut word = || format!("{:016x}", random());
    match name.as_str() {
        "random_hostnames" => (0..count).map(|_| format!("h-{}.invalid", word())).collect(),
        "random_paths" => (0..count).map(|_| format!("/{}/{}", word(), word())).collect(),
        other => panic!("no generator {other}"),
    }
}

fn list(value: &Value) -> Vec<Vec<u8>> {
    match value.get("numbered").and_then(Value::as_array) {
        Some(numbered) => {
            let (pattern, count) = (numbered[0].as_str().unwrap(), numbered[1].as_u64().unwrap());
            (1..=count).map(|number| pattern.replace("%d", &number.to_string()).into_bytes()).collect()
        }
        None => value.as_array().unwrap().iter().map(bytes).collect(),
    }
}

fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "{digits}");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The code points of ranges such as `U+0000-U+001F`.
pub(crate) fn code_points(ranges: &Value) -> impl Iterator<Item = char> {
    let code = |text: &str| u32::from_str_radix(text.trim_start_matches("U+"), 16).unwrap();
    let ranges = ranges.as_array().unwrap().iter().map(move |range| {
        let (first, last) = range.as_str().unwrap().split_once('-').unwrap();
        code(first)..=code(last)
    });
    ranges.flatten().map(|code| char::from_u32(code).unwrap()).collect::<Vec<_>>().into_iter()
}

/// Numbers from a fixed seed: splitmix64.
fn fastrand_like(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn generators_make_what_they_say() {
    let make = |json: &str| String::from_utf8(bytes(&serde_json::from_str(json).unwrap())).unwrap();
    assert_eq!(make(r#"{"concat": ["k=", {"repeat": ["v", 3]}]}"#), "k=vvv");
    assert_eq!(make(r#"{"join": [",", {"numbered": ["bar%d=%d", 2]}]}"#), "bar1=1,bar2=2");
    assert_eq!(make(r#"{"hex": "61622e"}"#), "ab.");
    assert_eq!(make(r#"{"json_depth": 2}"#), "[[]]");
    assert_eq!(make(r#"{"all_code_points": ["U+0041-U+0043", "U+0061-U+0061"]}"#), "ABCa");
    let hosts = several(&serde_json::from_str(r#"{"random_hostnames": 1000}"#).unwrap(), 100);
    assert_eq!(hosts.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
}
