//! Whether of cookies only the names are shown.

use super::cookie::{IS_REDACTED, MAX_BYTES, MAX_NAME_BYTES, is_sign_of_name, names};

/// Whether nothing of a value is in what is shown of a header.
pub(super) fn is_named(header: &str, shown: &str) -> bool {
    (header == "cookie" && is_list(shown.as_bytes())) || names(header, shown) == shown
}

/// `sid=REDACTED; theme=REDACTED`, as nearly all are: then nothing has to be made to compare it with.
fn is_list(shown: &[u8]) -> bool {
    let mut rest = shown;
    loop {
        let len = rest.iter().position(|byte| !is_sign_of_name(*byte));
        let Some((name, value)) = len.and_then(|len| rest.split_at_checked(len)) else { return false };
        let Some(next) = value.strip_prefix(IS_REDACTED).filter(|_| (1..=MAX_NAME_BYTES).contains(&name.len())) else {
            return false;
        };
        match next.strip_prefix(b"; ") {
            Some(next) => rest = next,
            None => return next.is_empty() && shown.len() <= MAX_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_of_names_is_told_from_one_of_values() {
        for shown in ["sid=REDACTED", "sid=REDACTED; theme=REDACTED", "__Host-id=REDACTED; b=REDACTED"] {
            assert!(is_list(shown.as_bytes()), "{shown}");
        }
        for shown in ["", "sid", "sid=1", "=REDACTED", "a b=REDACTED", "sid=REDACTED; ", "sid=REDACTED;a=REDACTED", "a=REDACTEDx"]
        {
            assert!(!is_list(shown.as_bytes()), "{shown}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_taken_for_a_list_is_what_is_made_of_it(
            pairs in prop::collection::vec("[a-z=; ]{0,4}(=|)(REDACTED|[a-z]|)", 0..5),
            between in prop::sample::select(vec!["; ", ";", " "]),
            long in 0..200_usize,
        ) {
            let shown = format!("{}{}", "a=REDACTED; ".repeat(long), pairs.join(between));
            if is_list(shown.as_bytes()) {
                prop_assert_eq!(names("cookie", &shown), shown);
            }
        }
    }
}
