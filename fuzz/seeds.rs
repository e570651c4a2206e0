//! Where a corpus begins: what `tests/data/bad-inputs.json` has for a target.

use std::fs;
use std::path::Path;

use serde_json::Value;

static CATALOGUE: &str = include_str!("../tests/data/bad-inputs.json");

/// Writes the cases of a target into a directory, a file each.
pub(crate) fn write(target: &str, directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let catalogue: Value = serde_json::from_str(CATALOGUE)?;
    for case in catalogue["cases"].as_array().into_iter().flatten() {
        let id = case["id"].as_str().unwrap_or_default();
        for (index, seed) in seeds(target, &case["input"]).into_iter().enumerate() {
            fs::write(directory.join(format!("{id}-{index}")), seed)?;
        }
    }
    Ok(())
}

fn seeds(target: &str, input: &Value) -> Vec<Vec<u8>> {
    let headers: Vec<_> = input["request"]["headers"].as_array().into_iter().flatten().collect();
    let named = |name: &str| headers.iter().filter(move |pair| pair[0] == name).map(|pair| bytes(&pair[1])).collect::<Vec<_>>();
    match target {
        // The first byte is the name.
        "context" => lines(["traceparent", "tracestate"].into_iter().zip(0..).flat_map(|(name, at)| prefixed(at, named(name)))),
        "baggage" => lines(prefixed(0, named("baggage"))),
        "forwarded" => {
            let names = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"];
            lines(names.into_iter().zip(0..).flat_map(|(name, at)| prefixed(at, named(name))))
        }
        "request-id" => named("x-request-id"),
        "query" => {
            let path = bytes(&input["request"]["path"]);
            path.splitn(2, |byte| *byte == b'?').skip(1).map(<[u8]>::to_vec).collect()
        }
        "json" | "form" | "shapes" => {
            let mut all = Vec::new();
            every_text(input, &mut all);
            all.into_iter().map(crate::redact::seed).collect()
        }
        "cookies" => named("cookie").into_iter().chain(named("set-cookie")).map(crate::redact::seed).collect(),
        _ => {
            let mut all = Vec::new();
            every_text(input, &mut all);
            all
        }
    }
}

fn prefixed(at: u8, values: Vec<Vec<u8>>) -> impl Iterator<Item = Vec<u8>> {
    values.into_iter().map(move |value| [vec![at], value].concat())
}

/// All headers of a case together, and nothing where it has none.
fn lines(values: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let all: Vec<_> = values.collect();
    if all.is_empty() { Vec::new() } else { vec![all.join(&b'\n')] }
}

fn every_text(value: &Value, out: &mut Vec<Vec<u8>>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| every_text(value, out)),
        Value::Object(map) if map.contains_key("hex") || map.contains_key("repeat") => out.push(bytes(value)),
        Value::Object(map) => map.values().for_each(|value| every_text(value, out)),
        Value::String(text) => out.push(text.clone().into_bytes()),
        _ => {}
    }
}

/// A text, bytes in hexadecimal digits, or something many times over, of which the beginning is enough here.
fn bytes(value: &Value) -> Vec<u8> {
    if let Some(hex) = value["hex"].as_str() {
        let digits: Vec<_> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        return pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    }
    if let Some(text) = value["repeat"][0].as_str() {
        let times = value["repeat"][1].as_u64().unwrap_or(1).min(2_000 / text.len().max(1) as u64);
        return text.repeat(usize::try_from(times).unwrap_or(1)).into_bytes();
    }
    value.as_str().unwrap_or_default().as_bytes().to_vec()
}
