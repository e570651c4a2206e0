//! The program behind a request.

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

    proptest::proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC*") {
            proptest::prop_assert!(product(&text).len() <= text.len());
        }
    }
}
