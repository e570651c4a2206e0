//! From text to an expression.

use super::Error;
use super::expr::{Expr, Test};
use super::keys::{self, Key};
use super::source::Source;
use super::term::{Form, Op, Value, any_words, key_test, text_op};

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 32;
/// How many terms a query may have.
const MAX_TERMS: usize = 256;

pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    if text.len() > super::Query::MAX_BYTES {
        let message = format!("a query is at most {} bytes long", super::Query::MAX_BYTES);
        return Err(Error::new(message, "", 0));
    }
    let mut parser = Parser { text, at: 0, terms: 0 };
    let expr = parser.any(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.error("unexpected ')'")),
    }
}

/// Two characters before one, so that `>=` is not read as `>`.
const OPS: [(&str, Op); 8] = [
    ("!=", Op::IsNot),
    (">=", Op::AtLeast),
    ("<=", Op::AtMost),
    (":", Op::Is),
    ("=", Op::Is),
    (">", Op::Greater),
    ("<", Op::Less),
    ("~", Op::Part),
];

struct Parser<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is not a space, which is skipped.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn error(&self, message: impl Into<String>) -> Error {
        self.error_at(message, self.at)
    }

    fn error_at(&self, message: impl Into<String>, at: usize) -> Error {
        Error::new(message, self.text, at)
    }

    /// Takes a word of the grammar, when it stands alone.
    fn take_word(&mut self, wanted: &str) -> bool {
        self.peek();
        let word = self.rest().split(|c: char| c.is_whitespace() || "()\"".contains(c)).next().unwrap_or_default();
        let found = word.eq_ignore_ascii_case(wanted);
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut branches = vec![self.all(depth)?];
        loop {
            let at = self.at;
            if !self.take_word("or") {
                break;
            }
            let branch = self.all(depth)?;
            if [branches.last(), Some(&branch)].into_iter().flatten().any(|b| matches!(b, Expr::All(t) if t.is_empty())) {
                return Err(self.error_at("'or' needs a term on both sides; quote it to search for the word", at));
            }
            branches.push(branch);
        }
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Expr::Any(branches) })
    }

    fn all(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut terms = Vec::new();
        loop {
            let at = self.at;
            if self.take_word("and") {
                let before = self.at;
                let follows = self.peek().is_some_and(|c| c != ')') && !self.take_word("or") && !self.take_word("and");
                if terms.is_empty() || !follows {
                    return Err(self.error_at("'and' needs a term on both sides; quote it to search for the word", at));
                }
                self.at = before;
            }
            let Some(next) = self.peek() else { break };
            let before = self.at;
            if next == ')' || self.take_word("or") {
                self.at = before;
                break;
            }
            terms.push(self.unary(depth)?);
        }
        Ok(if terms.len() == 1 { terms.swap_remove(0) } else { Expr::All(terms) })
    }

    fn unary(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut negated = false;
        loop {
            if self.peek() == Some('-') {
                self.at += 1;
            } else if !self.take_word("not") {
                break;
            }
            negated = !negated;
        }
        let expr = match self.peek() {
            None | Some(')') => return Err(self.error("nothing to negate; quote it to search for the text")),
            Some('(') => self.group(depth)?,
            Some(_) => self.term()?,
        };
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn group(&mut self, depth: usize) -> Result<Expr, Error> {
        let open = self.at;
        if depth >= MAX_DEPTH {
            return Err(self.error(format!("parentheses nest deeper than {MAX_DEPTH}")));
        }
        self.at += 1;
        let expr = self.any(depth + 1)?;
        if self.peek() != Some(')') {
            return Err(self.error_at("this '(' is never closed", open));
        }
        self.at += 1;
        if matches!(&expr, Expr::All(terms) if terms.is_empty()) {
            return Err(self.error_at("nothing between the parentheses", open));
        }
        Ok(expr)
    }

    fn term(&mut self) -> Result<Expr, Error> {
        let start = self.at;
        self.terms += 1;
        self.check_terms()?;
        let name = self.key_name();
        let Some(op) = self.operator(name) else {
            let value = self.value("")?;
            return Ok(Expr::Test(any_words(&value.text)));
        };
        let named = named(name).ok_or_else(|| self.error_at(unknown_key(name), start))?;
        let mut tests = Vec::new();
        loop {
            let value_at = self.at;
            // Only what is compared as it stands may be one of several.
            let is_list = matches!(op, Op::Is | Op::IsNot);
            let value = match self.pattern(op) {
                Some(pattern) => pattern,
                None => self.value(if is_list { "," } else { "" })?,
            };
            if value.text.is_empty() && value.form != Form::Quoted {
                let term = self.text.get(start..value_at).unwrap_or_default();
                return Err(self.error_at(format!("'{term}' needs a value"), value_at));
            }
            let test = match &named {
                Named::Key(key) => key_test(key, op, &value),
                Named::In(source) => text_op(op, &value).map(|text| Test::In(source.clone(), text)),
            };
            tests.push(Expr::Test(test.map_err(|message| self.error_at(message, value_at))?));
            if !is_list || !self.rest().starts_with(',') {
                break;
            }
            self.at += 1;
            self.terms += 1;
            self.check_terms()?;
        }
        let expr = if tests.len() == 1 { tests.swap_remove(0) } else { Expr::Any(tests) };
        Ok(if op == Op::IsNot { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn check_terms(&self) -> Result<(), Error> {
        if self.terms > MAX_TERMS {
            return Err(self.error(format!("a query has at most {MAX_TERMS} terms")));
        }
        Ok(())
    }

    /// What may be a key; only an operator behind it makes it one.
    fn key_name(&self) -> &'a str {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return "";
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn operator(&mut self, name: &str) -> Option<Op> {
        let behind = self.rest().get(name.len()..)?;
        let (text, op) = OPS.into_iter().find(|(text, _)| behind.starts_with(text))?;
        if name.is_empty() && op != Op::Part {
            return None;
        }
        self.at += name.len() + text.len();
        Some(op)
    }

    /// What stands between slashes, where a part is asked for and the second one ends the term. A slash inside is `\/`.
    fn pattern(&mut self, op: Op) -> Option<Value> {
        let rest = self.rest().strip_prefix('/').filter(|_| op == Op::Part)?;
        let mut is_escaped = false;
        let end = rest.char_indices().find_map(|(at, c)| {
            let is_end = c == '/' && !is_escaped && rest.get(at + 1..)?.chars().next().is_none_or(is_behind_term);
            is_escaped = c == '\\' && !is_escaped;
            is_end.then_some(at)
        })?;
        let text = rest.get(..end).filter(|text| !text.is_empty())?;
        self.at += end + "//".len();
        Some(Value { text: text.to_owned(), form: Form::Pattern })
    }

    /// Up to white space, a parenthesis, a quotation mark or one of `ends`.
    fn value(&mut self, ends: &str) -> Result<Value, Error> {
        let start = self.at;
        if !self.rest().starts_with('"') {
            let rest = self.rest();
            let end = rest.find(|c: char| is_behind_term(c) || "(\"".contains(c) || ends.contains(c)).unwrap_or(rest.len());
            self.at += end;
            return Ok(Value { text: rest.get(..end).unwrap_or_default().to_owned(), form: Form::Plain });
        }
        let mut text = String::new();
        let mut escaped = false;
        for (index, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.at += index + 1;
                    return Ok(Value { text, form: Form::Quoted });
                }
                c => text.push(c),
            }
        }
        Err(self.error_at("this quotation is never closed", start))
    }
}

/// Whether a term ends before this, wherever it stands.
pub(super) const fn is_behind_term(c: char) -> bool {
    c.is_whitespace() || c == ')'
}

/// What a term compares.
pub(super) enum Named {
    Key(&'static Key),
    /// The texts of one header or attribute.
    In(Source),
}

pub(super) fn named(name: &str) -> Option<Named> {
    let of = |family: &str| name.split_at_checked(family.len()).filter(|(start, _)| start.eq_ignore_ascii_case(family));
    if let Some(key) = keys::find(name) {
        return Some(Named::Key(key));
    }
    if name.is_empty() {
        return Some(Named::In(Source::Any));
    }
    match (of("header."), of("attr.")) {
        (Some((_, header)), _) if !header.is_empty() => Some(Named::In(Source::Header(header.to_ascii_lowercase()))),
        (_, Some((_, attribute))) if !attribute.is_empty() => Some(Named::In(Source::Attribute(attribute.to_owned()))),
        _ => name.contains('.').then(|| Named::In(Source::Attribute(name.to_owned()))),
    }
}

pub(super) fn unknown_key(name: &str) -> String {
    match keys::nearest(name) {
        Some(known) => format!("unknown key '{name}'; did you mean '{known}'?"),
        None => {
            let known: Vec<_> = keys::KEYS.iter().map(Key::name).collect();
            format!("unknown key '{name}'; keys are {}; quote it to search for the text", known.join(", "))
        }
    }
}
