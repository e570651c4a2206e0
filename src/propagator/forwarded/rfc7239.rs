//! The header `Forwarded`, by its grammar and no other.
//!
//! # Source
//! RFC 7239, section 4; lists, tokens and quoted strings: RFC 9110, sections 5.6.1, 5.6.2 and 5.6.4.

use std::borrow::Cow;

use super::MAX_HOPS;

/// What one proxy said. Names of parameters are compared without case.
#[derive(Default)]
pub(super) struct Element<'h> {
    pub(super) node: Option<Cow<'h, str>>,
    pub(super) proto: Option<Cow<'h, str>>,
    pub(super) host: Option<Cow<'h, str>>,
    by: Option<Cow<'h, str>>,
}

/// The last elements of the header, as many as are ever looked at.
pub(super) struct Chain<'h> {
    ring: [Element<'h>; MAX_HOPS],
    count: usize,
    nothing: Element<'h>,
}

impl<'h> Chain<'h> {
    /// Reads all lines; `None` when one of them is not of the grammar, wherever it is: then nobody knows what the rest of it
    /// means.
    pub(super) fn read(lines: impl Iterator<Item = &'h [u8]>) -> Option<Self> {
        let ring = std::array::from_fn(|_| Element::default());
        let mut chain = Self { ring, count: 0, nothing: Element::default() };
        for line in lines {
            chain.line(std::str::from_utf8(line).ok()?)?;
        }
        Some(chain)
    }

    fn line(&mut self, line: &'h str) -> Option<()> {
        let mut rest = skip_space(line);
        loop {
            let mut element = Element::default();
            let mut is_empty = true;
            loop {
                let (name, after) = token(rest);
                if !name.is_empty() {
                    let (value, after) = value(after.strip_prefix('=')?)?;
                    element.set(name, value)?;
                    (rest, is_empty) = (after, false);
                }
                let Some(next) = rest.strip_prefix(';') else { break };
                rest = next;
            }
            if !is_empty && let Some(slot) = self.ring.get_mut(self.count % MAX_HOPS) {
                *slot = element;
                self.count += 1;
            }
            rest = skip_space(rest);
            match rest.strip_prefix(',') {
                Some(next) => rest = skip_space(next),
                None => return rest.is_empty().then_some(()),
            }
        }
    }

    /// The elements, last one first. Where there were more than are kept, one that says nothing ends them.
    pub(super) fn rightmost_first(&self) -> impl Iterator<Item = &Element<'h>> {
        let kept = (1..=self.count.min(MAX_HOPS)).filter_map(|back| self.ring.get((self.count - back) % MAX_HOPS));
        kept.chain((self.count > MAX_HOPS).then_some(&self.nothing))
    }
}

impl<'h> Element<'h> {
    /// `None` when the parameter was there before.
    fn set(&mut self, name: &str, value: Cow<'h, str>) -> Option<()> {
        let all = [("for", &mut self.node), ("proto", &mut self.proto), ("host", &mut self.host), ("by", &mut self.by)];
        match all.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
            Some((_, slot)) => slot.replace(value).is_none().then_some(()),
            None => Some(()),
        }
    }
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// The token at the start, empty where there is none, and what follows.
fn token(text: &str) -> (&str, &str) {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_letter(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A token or a quoted string, and what follows.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = token(text);
        return (!token.is_empty()).then_some((Cow::Borrowed(token), rest));
    };
    let mut plain: Option<String> = None;
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => {
                let (inside, rest) = (quoted.get(..at)?, quoted.get(at + 1..)?);
                return Some((plain.map_or(Cow::Borrowed(inside), Cow::Owned), rest));
            }
            '\\' => {
                let (_, escaped) = chars.next()?;
                plain.get_or_insert_with(|| quoted.get(..at).unwrap_or_default().to_owned()).push(escaped);
            }
            _ => {
                if let Some(plain) = &mut plain {
                    plain.push(char);
                }
            }
        }
    }
    None
}
