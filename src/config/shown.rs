//! The settings of an environment as people may see them.

use std::fmt;

use super::Env;
use super::env::Warnings;
use super::known::{KNOWN, Known, Nature, find};
use super::redact;
use super::settings::Settings;
use crate::record::Record;
use crate::record::parts::{MAX_FIELD_BYTES, Parts, Slot};
use crate::redact::{Redact, Rules};

/// Stands for what is not shown.
const WITHHELD: &str = "\u{2039}withheld\u{203a}";

/// A variable that is read, and what it is set to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// Name of the variable, such as `CAMPANILE_STORE`.
    pub name: String,
    /// What it is set to, without secrets; `None` where it is not set.
    pub value: Option<String>,
    /// Whether secrets were taken out of the value.
    pub is_withheld: bool,
    /// What counts where it is not set, in a few words.
    pub default: &'static str,
    /// What it says, in a few words.
    pub help: &'static str,
}

impl Env {
    /// Every variable that [`Builder::from_env`](crate::Builder::from_env) reads, with what it is set to here. Secrets are out:
    /// keys, headers, all of a URL but scheme, host and port, and what looks like a secret in any other value. Those of one
    /// signal alone, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, are listed where they are set.
    ///
    /// Values are as they came, also when they cannot be followed: [`problems`](Self::problems).
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let rules = Rules::default();
        let of_one_signal = self.names().filter(|name| KNOWN.iter().all(|known| known.name != *name));
        let more = of_one_signal.filter_map(|name| find(name).map(|known| (name, known)));
        let all = KNOWN.iter().map(|known| (known.name, known)).chain(more);
        all.map(|(name, known)| self.setting(name, known, &rules)).collect()
    }

    fn setting(&self, name: &str, known: &'static Known, rules: &Rules) -> Setting {
        let mut warnings = Warnings::default();
        let value = self.text(name, &mut warnings).map(str::trim).filter(|value| !value.is_empty());
        let is_no_text = !warnings.into_inner().is_empty();
        let shown = match (value, known.nature) {
            (None, _) if is_no_text => Some((WITHHELD.to_owned(), true)),
            (None, _) => None,
            (Some(value), Nature::Plain) => Some(plain(rules, name, value)),
            (Some(_), Nature::Secret) => Some((WITHHELD.to_owned(), true)),
            (Some(value), Nature::Url) => Some(url(value)),
            (Some(value), Nature::Headers) => {
                let count = value.split(',').filter(|pair| !pair.trim().is_empty()).count();
                Some((format!("{WITHHELD}, {count} of them"), true))
            }
        };
        let is_withheld = shown.as_ref().is_some_and(|(_, is_withheld)| *is_withheld);
        let value = shown.map(|(value, _)| value);
        Setting { name: name.to_owned(), value, is_withheld, default: known.default, help: known.help }
    }

    /// What of it cannot be followed, a sentence each, without values: what a telemetry would warn of or refuse, and names of
    /// ours that nothing reads, with what was probably meant.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut warnings = Warnings::default();
        let _ = Settings::from_env(self, &mut warnings);
        let mut refused: Vec<Box<dyn fmt::Display>> = Vec::new();
        if let Err(error) = redact::rules(Redact::new(), self, &mut warnings) {
            refused.push(Box::new(error));
        }
        #[cfg(feature = "otlp")]
        if let Err(error) = super::otlp::from_env(self, &mut warnings) {
            refused.push(Box::new(error));
        }
        let mut all = warnings.into_inner();
        all.extend(refused.iter().map(ToString::to_string));
        all
    }
}

/// The value without what looks like a secret, by the rules of every record.
pub(super) fn plain(rules: &Rules, name: &str, value: &str) -> (String, bool) {
    let mut parts = Box::<Parts>::default();
    let name = parts.push_text(name, MAX_FIELD_BYTES);
    let text = parts.push_text(value, MAX_FIELD_BYTES);
    parts.set_attribute(name, Slot::Text(text));
    let mut record = Record::new(parts);
    rules.record(&mut record);
    let is_withheld = record.redactions().len() > 0;
    let shown = record.attributes().next().map(|field| field.value().to_string());
    (shown.unwrap_or_else(|| WITHHELD.to_owned()), is_withheld)
}

/// Scheme, host and port: a path or a query may hold a key, and in front of the host stands a password.
fn url(value: &str) -> (String, bool) {
    let (scheme, rest) = value.split_once("://").map_or((None, value), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let is_known = scheme.is_none_or(|scheme| matches!(scheme, "http" | "https" | "grpc")) && host.chars().all(is_plain);
    if !is_known {
        return (WITHHELD.to_owned(), true);
    }
    let is_withheld = host.len() < authority.len() || !matches!(path, "" | "/");
    let scheme = scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
    (format!("{scheme}{host}{}", if is_withheld { format!(", {WITHHELD} the rest") } else { path.to_owned() }), is_withheld)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shown(name: &str, value: &str) -> String {
        let env: Env = [(name, value)].into_iter().collect();
        env.settings().into_iter().find(|setting| setting.name == name).unwrap().value.unwrap()
    }

    #[test]
    fn cl_06_no_secret_is_shown_wherever_it_stands() {
        for (name, value) in [
            ("CAMPANILE_DEBUG_KEY", "canary-canary-canary-canary-canary"),
            ("CAMPANILE_REDACT_PATTERNS", "canary"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=canary,canary"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:canary@collector.example:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example/canary?key=canary#canary"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "canary canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "canary://x"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team=shop,api_key=canary"),
            ("OTEL_SERVICE_NAME", "postgres://user:canary@db/shop"),
            ("CAMPANILE_STORE", "Bearer canary0123456789abcdef"),
        ] {
            assert!(!shown(name, value).contains("canary"), "{name}: {}", shown(name, value));
        }
        assert_eq!(shown("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"), "http://127.0.0.1:4318");
        assert_eq!(shown("CAMPANILE_STORE", " /var/lib/shop "), "/var/lib/shop");
    }

    #[test]
    fn what_is_not_set_is_listed_with_its_default() {
        let env: Env = [("CAMPANILE_STORE", ""), ("OTHER", "x")].into_iter().collect();
        let all = env.settings();
        assert_eq!(all.len(), KNOWN.len());
        assert!(all.iter().all(|setting| setting.value.is_none() && !setting.default.is_empty() && !setting.help.is_empty()));
    }

    #[test]
    fn problems_name_what_was_meant() {
        let env: Env = [
            ("CAMPANILE_STROE", "canary"),
            ("CAMPANILE_LEVEL", "canary"),
            ("CAMPANILE_REDACT_PATTERNS", "(canary"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "canary"),
        ]
        .into_iter()
        .collect();
        let problems = env.problems().join("\n");
        assert!(problems.contains("CAMPANILE_STROE is not a setting; did you mean CAMPANILE_STORE?"), "{problems}");
        assert!(problems.contains("CAMPANILE_LEVEL ") && problems.contains("CAMPANILE_REDACT_PATTERNS "), "{problems}");
        assert!(!problems.contains("canary"), "{problems}");
        assert!(Env::default().problems().is_empty());
    }

    #[test]
    fn every_variable_that_the_documentation_names_is_listed_and_the_other_way_round() {
        let documentation = include_str!("builder.rs");
        let rows = documentation.lines().filter_map(|line| line.trim().strip_prefix("/// | `"));
        let cells: Vec<_> = rows.filter_map(|row| row.split(" | ").next()).collect();
        let named: BTreeSet<_> =
            cells.iter().flat_map(|cell| cell.split('`')).filter(|part| part.contains('_') || *part == "CAMPANILE").collect();
        let families: Vec<_> = named.iter().filter_map(|name| name.strip_suffix('\u{2026}')).collect();
        for name in named.iter().filter(|name| !name.ends_with('\u{2026}')) {
            assert!(find(name).is_some(), "{name} is in no row");
        }
        for known in KNOWN {
            let is_named = named.contains(known.name) || families.iter().any(|family| known.name.starts_with(family));
            assert!(is_named || known.default == "none are sent", "{} is in no row of the documentation", known.name);
        }
    }
}
