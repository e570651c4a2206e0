//! What was kept of a body, as lines for people.

use crate::escape::escape;
use crate::record::Body;

/// How much passed, and how much of it was kept.
pub(super) fn title(seen_bytes: u64, body: Option<Body<'_>>) -> String {
    let Some(body) = body else { return format!("body {seen_bytes} B") };
    if let Some(reason) = body.skipped() {
        return format!("body {seen_bytes} B, not kept: {}", escape(reason));
    }
    match body.is_truncated() {
        true => format!("body {seen_bytes} B, truncated: the first {} B", body.kept_bytes()),
        false => format!("body {seen_bytes} B"),
    }
}

/// The text in lines; JSON with a line for each value. Nothing in it steers the terminal.
pub(super) fn lines(content: &str) -> Vec<String> {
    let is_json = content.trim_start().starts_with(['{', '[']);
    let text = if is_json { indented(content) } else { content.to_owned() };
    text.lines().map(|line| format!("  {}", escape(line))).collect()
}

/// JSON with line breaks and two spaces for each level. Only borders between values are touched, so that what is cut or
/// is not quite JSON still shows as it came.
fn indented(json: &str) -> String {
    // More than anybody writes; what lies deeper stays in its line.
    const DEEPEST: usize = 32;
    let (mut out, mut depth) = (String::with_capacity(json.len() * 2), 0_usize);
    let (mut is_inside, mut is_escaped, mut is_open) = (false, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
    };
    for char in json.chars() {
        if is_inside {
            out.push(char);
            is_inside = is_escaped || char != '"';
            is_escaped = !is_escaped && char == '\\';
            continue;
        }
        if char.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(char, '}' | ']');
        if is_open && !closes {
            line(&mut out, depth);
        }
        if closes {
            depth = depth.saturating_sub(1);
            if !is_open && depth < DEEPEST {
                line(&mut out, depth);
            }
        }
        is_open = matches!(char, '{' | '[');
        out.push(char);
        match char {
            '{' | '[' => {
                depth += 1;
                is_open = depth <= DEEPEST;
            }
            ',' if depth <= DEEPEST => line(&mut out, depth),
            ':' => out.push(' '),
            '"' => is_inside = true,
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_gets_a_line_for_each_value() {
        let text = indented(r#"{"a":[1,{"b":"x, {y}: \"z\\"}],"c":{},"d":null}"#);
        let expected = r#"{
  "a": [
    1,
    {
      "b": "x, {y}: \"z\\"
    }
  ],
  "c": {},
  "d": null
}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn json_that_is_cut_shows_what_there_is() {
        assert_eq!(indented(r#"{"a": "un"#), "{\n  \"a\": \"un");
        assert_eq!(indented("[]"), "[]");
        assert_eq!(indented("}}]"), "\n}\n}\n]");
    }

    #[test]
    fn no_line_is_longer_for_being_deep() {
        let text = indented(&"[".repeat(100_000));
        assert!(text.len() < 110_000);
    }

    #[test]
    fn text_stays_as_it_is_but_for_what_steers_a_terminal() {
        assert_eq!(lines("a\r\nb\u{1b}[2J"), ["  a", &format!("  {}", escape("b\u{1b}[2J"))]);
    }
}
