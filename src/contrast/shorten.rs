//! Texts that are compared by what they have in common.

use std::borrow::Cow;

/// The program behind a user agent and its major version: `curl/8`, `Firefox/128`.
pub(super) fn product(user_agent: &str) -> Cow<'_, str> {
    // Browsers pretend to be others; who they are stands behind, the rarer before the more common.
    const BROWSERS: [&str; 6] = ["Edg/", "OPR/", "Firefox/", "Chrome/", "HeadlessChrome/", "Version/"];
    let named = user_agent
        .starts_with("Mozilla/")
        .then(|| BROWSERS.iter().find_map(|name| user_agent.split(' ').find(|word| word.starts_with(name))));
    let first = named.flatten().or_else(|| user_agent.split(' ').next()).unwrap_or_default();
    let Some((name, version)) = first.split_once('/') else { return Cow::Borrowed(first) };
    let major: &str = version.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default();
    let name = if name == "Version" { "Safari" } else { name };
    if major.is_empty() { Cow::Borrowed(name) } else { Cow::Owned(format!("{name}/{major}")) }
}

/// A message without what is different each time: words with a digit in them, and what stands in quotes.
pub(super) fn template(message: &str) -> Cow<'_, str> {
    if !message.bytes().any(|byte| byte.is_ascii_digit() || matches!(byte, b'"' | b'`')) {
        return Cow::Borrowed(message);
    }
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '`')
            && let Some(end) = rest.get(1..).and_then(|inner| inner.find(first))
        {
            out.push_str(if first == '"' { "\"…\"" } else { "`…`" });
            rest = rest.get(end + 2..).unwrap_or_default();
            continue;
        }
        let is_word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | ':');
        let length = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        if word.is_empty() {
            out.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let core = word.trim_end_matches(['.', ':', '-']);
        if core.bytes().any(|byte| byte.is_ascii_digit()) {
            out.push('#');
            out.push_str(word.get(core.len()..).unwrap_or_default());
        } else {
            out.push_str(word);
        }
        rest = behind;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_a_product_and_its_major_version() {
        for (text, expected) in [
            ("curl/8.4.0", "curl/8"),
            ("kube-probe/1.29", "kube-probe/1"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox/128"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87", "Edg/126"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari/17"),
            ("my client", "my"),
            ("", ""),
            ("/", ""),
        ] {
            assert_eq!(product(text), expected, "{text}");
        }
    }

    #[test]
    fn a_template_has_neither_numbers_nor_quoted_values() {
        for (text, expected) in [
            ("out of stock", "out of stock"),
            ("loaded order 981: 3 lines", "loaded order #: # lines"),
            ("no route to 10.0.0.1:5432.", "no route to #."),
            ("id 01937b2e-6b1c-7a10-8a3e-1c2d3e4f5a6b is gone", "id # is gone"),
            ("missing `vat` in \"invoice 7\"", "missing `…` in \"…\""),
            ("half \"open 5", "half \"open #"),
            ("7€ für Grüße", "#€ für Grüße"),
        ] {
            assert_eq!(template(text), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_them(text in "\\PC*") {
            let once = template(&text).into_owned();
            proptest::prop_assert!(!once.bytes().any(|byte| byte.is_ascii_digit()), "{}", once);
            let _ = product(&text);
        }
    }
}
