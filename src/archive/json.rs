//! JSON that is safe to look at.

use std::fmt::Write as _;

use serde_json::Value;

use crate::escape::{escape, is_plain};

/// The value in one line, without its line feed. Characters that steer a terminal or hide text, which can only stand inside
/// strings, are escaped as JSON allows.
pub(super) fn line(value: &Value) -> String {
    let json = value.to_string();
    if is_plain(&json) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    let mut buffer = [0; 4];
    for char in json.chars() {
        let text: &str = char.encode_utf8(&mut buffer);
        if char.is_ascii_graphic() || char == ' ' || escape(text).to_string() == text {
            out.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
