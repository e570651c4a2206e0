//! What the environment adds to the rules of redaction.

use super::env::{Env, Warnings};
use super::value::Reader;
use crate::error::BuildError;
use crate::redact::{Redact, Rules};

const KEYS: &str = "CAMPANILE_REDACT_KEYS";
const PATTERNS: &str = "CAMPANILE_REDACT_PATTERNS";

#[cfg(feature = "reading")]
impl Redact {
    /// These rules and those of `CAMPANILE_REDACT_KEYS` and `CAMPANILE_REDACT_PATTERNS`.
    ///
    /// # Errors
    /// When a rule cannot be followed.
    pub fn with_env(self, env: &Env) -> Result<Self, BuildError> {
        joined(self, env, &mut Warnings::default()).map(|(redact, _)| redact)
    }
}

/// The rules of the settings in code and of the environment. One that cannot be followed is an error, whoever gave it: a
/// secret would go out.
pub(super) fn rules(code: Redact, env: &Env, warnings: &mut Warnings) -> Result<Rules, BuildError> {
    joined(code, env, warnings).map(|(_, rules)| rules)
}

fn joined(code: Redact, env: &Env, warnings: &mut Warnings) -> Result<(Redact, Rules), BuildError> {
    // Those of the code are looked at alone first, so that an error names the right one of the two.
    let rules = code.rules()?;
    let mut reader = Reader::new(env, warnings);
    let (keys, patterns) = (reader.text(KEYS), reader.text(PATTERNS));
    if keys.is_none() && patterns.is_none() {
        return Ok((code, rules));
    }
    let words = |list: Option<&str>, separator: char| -> Vec<String> {
        list.unwrap_or_default().split(separator).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let with_keys = words(keys, ',').into_iter().fold(code, Redact::key);
    with_keys.rules().map_err(|error| error.of(KEYS))?;
    let with_patterns = words(patterns, '\n').into_iter().fold(with_keys, Redact::pattern);
    let rules = with_patterns.rules().map_err(|error| error.of(PATTERNS))?;
    Ok((with_patterns, rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(pairs: &[(&str, &str)]) -> Result<Rules, BuildError> {
        let mut warnings = Warnings::default();
        rules(Redact::new().pattern("a"), &pairs.iter().copied().collect(), &mut warnings)
    }

    #[test]
    fn en_22_a_bad_rule_of_the_environment_is_an_error_that_names_its_variable() {
        for (key, value) in [(PATTERNS, "(a{1,1000}){1,1000}"), (PATTERNS, "b\n(canary"), (KEYS, "iban,--")] {
            let error = built(&[(key, value)]).unwrap_err();
            assert_eq!(error.key(), key, "EN-22");
            assert!(error.to_string().starts_with(key) && !format!("{error:?}").contains(value), "EN-22: {error:?}");
        }
    }

    #[test]
    fn rules_of_the_environment_are_added() {
        assert!(built(&[(KEYS, "iban, *_note"), (PATTERNS, "b{2}\nc")]).is_ok());
        assert!(built(&[(KEYS, " ")]).is_ok());
    }
}
