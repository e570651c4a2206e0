//! The settings that count in a running application, and where each came from, for its page.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Env;
use super::shown::{Setting, plain};
use crate::redact::Rules;

/// What the environment says, and what code says instead.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// `None` where nothing is read from the environment.
    of_env: Option<Vec<Setting>>,
    /// By the name of the variable that it is put in the place of; `None` for a value that cannot be written down.
    in_code: BTreeMap<&'static str, Option<String>>,
}

impl InForce {
    pub(super) fn of(env: Option<&Env>) -> Self {
        Self { of_env: env.map(Env::settings), in_code: BTreeMap::new() }
    }

    /// Code says this in the place of a variable, where it says anything.
    pub(super) fn code<T>(&mut self, name: &'static str, set: Option<T>, shown: impl FnOnce(T) -> Option<String>) {
        if let Some(set) = set {
            self.in_code.insert(name, shown(set));
        }
    }

    pub(super) fn reads_env(&self) -> bool {
        self.of_env.is_some()
    }

    /// A row for each setting: all that there are where the environment is read, else those that code says.
    pub(super) fn json(&self) -> Json {
        let rules = Rules::default();
        let said = |value: &Option<String>, name: &str| value.as_ref().map(|value| plain(&rules, name, value).0);
        let rows: Vec<Json> = match &self.of_env {
            Some(settings) => settings
                .iter()
                .map(|it| match self.in_code.get(it.name.as_str()) {
                    Some(value) => row(it, "code", said(value, &it.name).as_deref(), it.value.is_some()),
                    None if it.value.is_some() => row(it, "environment", it.value.as_deref(), false),
                    None => row(it, "default", None, false),
                })
                .collect(),
            None => {
                let all = Env::default().settings();
                let set = all.iter().filter_map(|it| Some((it, self.in_code.get(it.name.as_str())?)));
                set.map(|(it, value)| row(it, "code", said(value, &it.name).as_deref(), false)).collect()
            }
        };
        rows.into()
    }
}

fn row(setting: &Setting, from: &str, value: Option<&str>, overrules: bool) -> Json {
    json!({
        "name": setting.name, "value": value, "from": from, "default": setting.default, "help": setting.help,
        "withheld": setting.is_withheld && from == "environment", "overrules_environment": overrules,
    })
}

/// The word of a value in a list of words.
pub(super) fn named<T: PartialEq>(words: &[(&str, T)], set: &T) -> Option<String> {
    words.iter().find(|(_, value)| value == set).map(|(word, _)| (*word).to_owned())
}

/// Yes or no, as variables have it.
pub(super) fn yes(is_on: bool) -> Option<String> {
    Some(is_on.to_string())
}

/// Nothing that could be written down in a few words.
pub(super) fn unsaid<T>(_: T) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::builder;

    fn rows(builder: &crate::Builder) -> BTreeMap<String, Json> {
        let rows = builder.in_force().json();
        let named = |row: &Json| (row["name"].as_str().unwrap().to_owned(), row.clone());
        rows.as_array().unwrap().iter().map(named).collect()
    }

    #[test]
    fn each_setting_tells_where_it_came_from_and_code_wins() {
        let env = [("CAMPANILE_STORE", "/var/lib/shop"), ("CAMPANILE_REPORT_EVERY", "5s"), ("CAMPANILE_DEBUG_KEY", "canary")];
        let builder = builder().env(env.into_iter().collect()).report_every(Duration::from_secs(2)).client_errors(true);
        let rows = rows(&builder);
        let of = |name: &str| (rows[name]["from"].as_str().unwrap(), rows[name]["value"].as_str());
        assert_eq!(of("CAMPANILE_STORE"), ("environment", Some("/var/lib/shop")));
        assert_eq!(of("CAMPANILE_REPORT_EVERY"), ("code", Some("2s")));
        assert_eq!(rows["CAMPANILE_REPORT_EVERY"]["overrules_environment"], true);
        assert_eq!(of("CAMPANILE_CLIENT_ERRORS"), ("code", Some("true")));
        assert_eq!(of("CAMPANILE_LEVEL"), ("default", None));
        assert!(!format!("{rows:?}").contains("canary") && rows["CAMPANILE_DEBUG_KEY"]["withheld"] == true);
    }

    #[test]
    fn without_an_environment_only_what_code_says_is_told() {
        let rows = rows(&builder().service_name("postgres://user:canary@db/shop").filter("info"));
        assert_eq!(rows.keys().collect::<Vec<_>>(), ["OTEL_SERVICE_NAME", "RUST_LOG"]);
        assert!(!format!("{rows:?}").contains("canary"));
    }
}
