//! From text to an expression.

use super::Error;
use super::expr::{Expr, Test};
use super::keys::{self, Key};
use super::term::{Op, Value, any_words, key_test, text_op};

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
        if self.terms > MAX_TERMS {
            return Err(self.error(format!("a query has at most {MAX_TERMS} terms")));
        }
        let name = self.key_name();
        let Some(op) = self.operator(name) else {
            let value = self.value()?;
            return Ok(Expr::Test(any_words(&value.text)));
        };
        let value_at = self.at;
        let value = self.value()?;
        if value.text.is_empty() && !value.quoted {
            let term = self.text.get(start..value_at).unwrap_or_default();
            return Err(self.error_at(format!("'{term}' needs a value"), value_at));
        }
        if name.is_empty() {
            return Ok(Expr::Test(Test::Part(value.text)));
        }
        let test = match keys::find(name) {
            Some(key) => key_test(key, op, &value),
            None if name.contains('.') => text_op(op, &value).map(|text| Test::Attribute(name.to_owned(), text)),
            None => return Err(self.error_at(unknown_key(name), start)),
        };
        let test = test.map_err(|message| self.error_at(message, value_at))?;
        let expr = Expr::Test(test);
        Ok(if op == Op::IsNot { Expr::Not(Box::new(expr)) } else { expr })
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

    fn value(&mut self) -> Result<Value, Error> {
        let start = self.at;
        if !self.rest().starts_with('"') {
            let rest = self.rest();
            let end = rest.find(|c: char| c.is_whitespace() || "()\"".contains(c)).unwrap_or(rest.len());
            self.at += end;
            return Ok(Value { text: rest.get(..end).unwrap_or_default().to_owned(), quoted: false });
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
                    return Ok(Value { text, quoted: true });
                }
                c => text.push(c),
            }
        }
        Err(self.error_at("this quotation is never closed", start))
    }
}

fn unknown_key(name: &str) -> String {
    match keys::nearest(name) {
        Some(known) => format!("unknown key '{name}'; did you mean '{known}'?"),
        None => {
            let known: Vec<_> = keys::KEYS.iter().map(Key::name).collect();
            format!("unknown key '{name}'; keys are {}; quote it to search for the text", known.join(", "))
        }
    }
}
