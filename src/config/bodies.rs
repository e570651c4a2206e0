//! `CAMPANILE_BODIES`: which bodies are captured.

use super::value::{Reader, number_of_bytes};
use crate::capture::Bodies;

const KEY: &str = "CAMPANILE_BODIES";

/// Words between commas or spaces: `on`, `off` or `failed`; `request` or `response`; a size such as `16KiB`.
///
/// What cannot be followed captures nothing: it may have been meant to.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Bodies> {
    let text = reader.text(KEY)?;
    let (mut bodies, mut ways) = (Bodies::on(), (false, false));
    let (mut when, mut size) = (None, None);
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let is = |known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&["on", "true"]) {
            when = Some(Bodies::on());
        } else if is(&["off", "false", "0"]) {
            when = Some(Bodies::off());
        } else if is(&["failed"]) {
            when = Some(Bodies::failed());
        } else if is(&["request", "requests"]) {
            ways.0 = true;
        } else if is(&["response", "responses"]) {
            ways.1 = true;
        } else if let Some(bytes) = number_of_bytes(word) {
            size = Some(bytes);
        } else {
            reader.warnings.push(KEY, "is not made of on, off, failed, request, response and a size; no body is captured");
            return Some(Bodies::off());
        }
    }
    bodies = when.unwrap_or(bodies);
    match ways {
        (true, false) => bodies = bodies.requests_only(),
        (false, true) => bodies = bodies.responses_only(),
        _ => {}
    }
    if let Some(size) = size {
        let largest = Bodies::LARGEST_MAX_BYTES;
        if size > largest as u64 {
            reader.warnings.push(KEY, format_args!("asks for more than {largest} bytes of a body; so many are kept"));
        }
        bodies = bodies.max_bytes(usize::try_from(size).unwrap_or(largest).min(largest));
    }
    Some(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Env;
    use crate::config::env::Warnings;

    fn of(text: &str) -> (Option<Bodies>, Vec<String>) {
        let mut warnings = Warnings::default();
        let bodies = read(&mut Reader::new(&Env::from_iter([(KEY, text)]), &mut warnings));
        (bodies, warnings.into_inner())
    }

    #[test]
    fn words_stand_side_by_side() {
        for (text, expected) in [
            ("on", Bodies::on()),
            ("OFF", Bodies::off()),
            ("failed", Bodies::failed()),
            ("request", Bodies::on().requests_only()),
            ("response, failed", Bodies::failed().responses_only()),
            ("request response", Bodies::on()),
            ("16KiB", Bodies::on().max_bytes(16 * 1024)),
            ("failed,request,1024", Bodies::failed().requests_only().max_bytes(1024)),
            ("off,16KiB", Bodies::off().max_bytes(16 * 1024)),
        ] {
            assert_eq!(of(text), (Some(expected), vec![]), "{text}");
        }
        assert_eq!(of(""), (None, vec![]));
    }

    #[test]
    fn what_cannot_be_followed_captures_nothing() {
        for text in ["onn", "failed;request", "-1", "16KB", "on,canary"] {
            let (bodies, warnings) = of(text);
            assert_eq!((bodies, warnings.len()), (Some(Bodies::off()), 1), "{text}");
            assert!(!warnings[0].contains("canary"));
        }
    }

    #[test]
    fn too_large_a_size_is_clamped_with_a_warning() {
        let (bodies, warnings) = of("1MiB");
        assert_eq!(bodies, Some(Bodies::on().max_bytes(64 * 1024)));
        assert_eq!(warnings, ["CAMPANILE_BODIES asks for more than 65536 bytes of a body; so many are kept"]);
    }
}
