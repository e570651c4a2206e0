//! `RUST_LOG`: which events the console shows.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::value::Reader;

/// What the console shows when nothing is said.
pub(crate) const DEFAULT_CONSOLE_LEVEL: LevelFilter = LevelFilter::INFO;

/// Reads levels for targets, as in `info,my_app::db=debug`.
///
/// Directives about spans and fields (`[span{field=value}]=debug`) are left out with a warning; one that cannot be read
/// at all makes the whole filter the default.
pub(super) fn read(key: &str, reader: &mut Reader<'_>) -> Targets {
    let default = Targets::new().with_default(DEFAULT_CONSOLE_LEVEL);
    let Some(text) = reader.text(key) else { return default };
    let Some(directives) = split(text) else {
        reader.warnings.push(key, "has a bracket or quote without its other half; the default, info, is used");
        return default;
    };
    let mut usable = Vec::new();
    for (index, directive) in directives.iter().map(|directive| directive.trim()).enumerate() {
        if directive.contains(['[', '{', '"']) {
            let problem = "is about spans or fields, which is not supported, and is left out";
            reader.warnings.push(key, format_args!("part {} {problem}", index + 1));
        } else if !directive.is_empty() {
            if directive.parse::<Targets>().is_err() {
                reader.warnings.push(key, format_args!("part {} cannot be read; the default, info, is used", index + 1));
                return default;
            }
            usable.push(directive);
        }
    }
    if usable.is_empty() {
        return default;
    }
    usable.join(",").parse().unwrap_or(default)
}

/// Splits at commas that do not stand in brackets, braces or quotes; `None` when one of those stays open.
fn split(text: &str) -> Option<Vec<&str>> {
    let mut open = Vec::new();
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, char) in text.char_indices() {
        match (char, open.last()) {
            ('"', Some('"')) => drop(open.pop()),
            (_, Some('"')) => {}
            ('[' | '{' | '"', _) => open.push(char),
            (']', Some('[')) | ('}', Some('{')) => drop(open.pop()),
            (']' | '}', _) => return None,
            (',', None) => {
                parts.push(text.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    open.is_empty().then_some(parts)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::config::env::{Env, Warnings};

    fn filter(text: &str) -> (Targets, Vec<String>) {
        let mut warnings = Warnings::default();
        let filter = read("RUST_LOG", &mut Reader::new(&Env::from_iter([("RUST_LOG", text)]), &mut warnings));
        (filter, warnings.into_inner())
    }

    #[test]
    fn targets_and_levels_keep_their_meaning() {
        let (filter, warnings) = filter("warn, my_app::db=trace,hyper=off,");
        assert_eq!(warnings, Vec::<String>::new());
        assert!(filter.would_enable("other", &Level::WARN) && !filter.would_enable("other", &Level::INFO));
        assert!(filter.would_enable("my_app::db::pool", &Level::TRACE));
        assert!(!filter.would_enable("hyper::proto", &Level::ERROR));
    }

    #[test]
    fn a_broken_filter_is_the_default_and_a_warning() {
        for text in ["[{", "info,]", "\"", "my_app=verbose", "a=b=c", "info,my_app=canary"] {
            let (filter, warnings) = filter(text);
            assert!(filter.would_enable("x", &Level::INFO) && !filter.would_enable("x", &Level::DEBUG), "EN-16: {text}");
            assert!(
                matches!(warnings.as_slice(), [one] if one.starts_with("RUST_LOG ") && !one.contains("canary")),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn parts_about_spans_are_left_out_and_the_rest_is_used() {
        let (filter, warnings) = filter("warn,[request{user=\"a,b\"}]=trace,my_app[login]=debug,my_app=info");
        let left_out = |part| format!("RUST_LOG part {part} is about spans or fields, which is not supported, and is left out");
        assert_eq!(warnings, [left_out(2), left_out(3)]);
        assert!(filter.would_enable("my_app", &Level::INFO) && !filter.would_enable("other", &Level::INFO));
        let (filter, warnings) = self::filter("[request]=trace");
        assert!(filter.would_enable("x", &Level::INFO) && warnings.len() == 1);
    }

    #[test]
    fn the_default_is_info() {
        for text in ["", " , "] {
            let (filter, warnings) = filter(text);
            assert!(filter.would_enable("x", &Level::INFO) && !filter.would_enable("x", &Level::DEBUG) && warnings.is_empty());
        }
    }
}
