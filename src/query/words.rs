//! Texts as people search them: words, without regard to case.

/// The words of a text: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A text in lower case.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Whether `phrase`, folded words, stands in the text word for word.
pub(super) fn contains_phrase(text: &str, phrase: &[String]) -> bool {
    let mut rest = words(text);
    loop {
        let mut here = rest.clone();
        if phrase.iter().all(|wanted| here.next().is_some_and(|word| is_word(word, wanted))) {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
    }
}

fn is_word(word: &str, wanted: &str) -> bool {
    // Most words are ASCII, where nothing has to be built to compare.
    if word.is_ascii() { word.eq_ignore_ascii_case(wanted) } else { word.chars().flat_map(char::to_lowercase).eq(wanted.chars()) }
}

/// Whether `part` stands anywhere in the text, the case of ASCII letters aside.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// Whether the text begins with `start`, the case of ASCII letters aside.
pub(super) fn starts_with(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_word_for_word_in_any_case() {
        let phrase = |text: &str| words(text).map(folded).collect::<Vec<_>>();
        assert!(contains_phrase("item is Out-of-Stock now", &phrase("out of stock")));
        assert!(contains_phrase("/orders/981/pdf", &phrase("981")));
        assert!(contains_phrase("GRÜẞE", &phrase("grüße")));
        assert!(!contains_phrase("/orders/9812", &phrase("981")));
        assert!(!contains_phrase("out stock of", &phrase("out of stock")));
    }
}
