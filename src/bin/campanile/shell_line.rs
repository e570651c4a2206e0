//! A command line while it is typed: its words, and how what goes on with the last one is written.

/// The words of the last command of a line, as a POSIX shell reads them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ShellLine {
    /// The words that are finished.
    pub(crate) words: Vec<String>,
    /// The one that is being typed, without its quotes.
    pub(crate) current: String,
    /// The quote that is open.
    quote: Option<char>,
    /// Up to where `current` is not the shell's to replace: behind the last of its word breaks.
    kept: usize,
}

impl ShellLine {
    /// `breaks` are the characters at which the shell ends what it replaces, outside of quotes.
    pub(crate) fn read(line: &str, breaks: &str) -> Self {
        let mut all = Self::default();
        let mut is_begun = false;
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match (all.quote, c) {
                (Some(quote), c) if c == quote => all.quote = None,
                (None, '\'' | '"') => (all.quote, is_begun) = (Some(c), true),
                (None | Some('"'), '\\') => {
                    is_begun = true;
                    all.current.extend(chars.next());
                }
                (None, ' ' | '\t' | '\n') => {
                    if std::mem::take(&mut is_begun) {
                        all.end_word();
                    }
                }
                (None, '|' | ';' | '&') => (all, is_begun) = (Self::default(), false),
                (quote, c) => {
                    is_begun = true;
                    all.current.push(c);
                    if quote.is_none() && breaks.contains(c) {
                        all.kept = all.current.len();
                    }
                }
            }
        }
        all
    }

    /// Whether a quote is open.
    pub(crate) const fn is_quoted(&self) -> bool {
        self.quote.is_some()
    }

    fn end_word(&mut self) {
        self.words.push(std::mem::take(&mut self.current));
        self.kept = 0;
    }

    /// What the shell is to put in the place of the last word so that it stands for this text.
    pub(crate) fn written(&self, text: &str) -> String {
        match self.quote {
            Some('\'') => text.replace('\'', r"'\''"),
            Some(_) => escaped(text, |c| "\"$`\\".contains(c)),
            None => {
                let text = text.get(self.kept..).unwrap_or_default();
                escaped(text, |c| !c.is_alphanumeric() && !"_./:=@%+,-{}".contains(c))
            }
        }
    }
}

fn escaped(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if is_special(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    #[test]
    fn words_are_those_of_the_shell() {
        let line = ShellLine::read("a 'b c' \"d $e\" f\\ g h'i", BREAKS);
        assert_eq!(line.words, ["a", "b c", "d $e", "f g"]);
        assert_eq!((line.current.as_str(), line.quote), ("hi", Some('\'')));
        let line = ShellLine::read("x | campanile ''  ", BREAKS);
        assert_eq!((line.words, line.current.as_str()), (vec!["campanile".to_owned(), String::new()], ""));
    }

    #[test]
    fn what_is_written_stands_for_the_text() {
        let written = |line: &str, text: &str| ShellLine::read(line, BREAKS).written(text);
        assert_eq!(written("c 'sta", "status:5xx it's"), r"status:5xx it'\''s");
        assert_eq!(written("c \"sta", "a\"b$c"), r#"a\"b\$c"#);
        assert_eq!(written("c sta", "ms>3 (x)"), r"ms\>3\ \(x\)");
        assert_eq!(written("c route:/or", "route:/orders/{id}"), "/orders/{id}");
        assert_eq!(written("c 'route:/or", "route:/orders/{id}"), "route:/orders/{id}");
    }
}
