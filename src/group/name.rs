//! Names of types and functions without what changes from build to build.

use crate::record::{is_carrier, without_hash};

/// Wrappers that say nothing about what is inside.
const WRAPPERS: [&str; 4] = ["alloc::boxed::Box", "alloc::sync::Arc", "alloc::rc::Rc", "core::pin::Pin"];
/// A name that is longer than this is cut, in bytes.
const MAX_BYTES: usize = 200;

/// The path of a type: without generic arguments, lifetimes, references and boxes; `None` for one that tells nothing, as
/// `dyn Error` does.
pub(super) fn type_name(name: &str) -> Option<String> {
    let mut name = bare(name);
    while let Some(inside) = WRAPPERS.iter().find_map(|wrapper| inside(name, wrapper)) {
        name = bare(inside);
    }
    let path = path(name);
    let is_known = !matches!(path.as_str(), "" | "core::error::Error" | "std::error::Error" | "alloc::string::String" | "str");
    is_known.then_some(path)
}

/// The path of a function: without generic arguments, closures, states of futures and hashes, and of a method without the
/// trait that it implements.
pub(super) fn function(name: &str) -> String {
    path(without_hash(name))
}

/// The function of the application whose future or closure is among the generic arguments of a function:
/// `shop::orders::load` of `poll<shop::orders::load::{async_fn_env#0}>`.
pub(super) fn of_state(name: &str) -> Option<String> {
    ["::{async_fn_env#", "::{async_block_env#", "::{closure_env#"].iter().find_map(|state| {
        name.match_indices(state).find_map(|(at, _)| {
            let start = name.get(..at)?;
            let is_path = |char: char| char.is_alphanumeric() || matches!(char, '_' | ':' | '{' | '}' | '#');
            let path = start.get(start.rfind(|char| !is_path(char)).map_or(0, |at| at + 1)..)?;
            let krate = path.split("::").next().filter(|krate| !is_carrier(krate) && *krate != "campanile")?;
            (!krate.is_empty() && path.contains("::")).then(|| function(path))
        })
    })
}

/// The last segment of a type's path; of one that is only called `Error` with the module before it.
pub(super) fn short(path: &str) -> String {
    let mut segments = path.rsplit("::");
    let last = segments.next().unwrap_or(path);
    match segments.find(|segment| *segment != "error").filter(|_| last == "Error") {
        Some(module) => format!("{module}::{last}"),
        None => last.to_owned(),
    }
}

/// Without what stands before a type's path.
fn bare(name: &str) -> &str {
    let mut name = name.trim();
    loop {
        let words = ["&", "*", "mut ", "const ", "dyn "];
        let lifetime = name.strip_prefix('\'').and_then(|rest| rest.split_once(' ')).map(|(_, rest)| rest);
        match words.iter().find_map(|word| name.strip_prefix(word)).or(lifetime) {
            Some(rest) => name = rest.trim_start(),
            None => return name,
        }
    }
}

fn inside<'a>(name: &'a str, wrapper: &str) -> Option<&'a str> {
    name.strip_prefix(wrapper)?.strip_prefix('<')?.strip_suffix('>')
}

fn path(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(MAX_BYTES));
    let name = match qualified(name) {
        // `<Type as Trait>::method` is a method of the type; so is `<impl Trait for Type>::method`.
        Some((inner, rest)) => {
            let inner = inner.strip_prefix("impl ").map_or(inner, |inner| after(inner, " for "));
            let inner = before(inner, " as ");
            out.push_str(&path(bare(inner)));
            rest
        }
        None => name,
    };
    for segment in segments(name) {
        let is_state = segment.starts_with('{') || segment.is_empty();
        if is_state {
            continue;
        }
        if !out.is_empty() {
            out.push_str("::");
        }
        out.push_str(&segment);
        if out.len() > MAX_BYTES {
            break;
        }
    }
    // Bounds of a trait object, and what a pointer to a function returns.
    if let Some(end) = out.find(" + ").or_else(|| out.find(" -")) {
        out.truncate(end);
    }
    let end = (0..=out.len().min(MAX_BYTES)).rev().find(|end| out.is_char_boundary(*end)).unwrap_or_default();
    out.truncate(end);
    out
}

/// What stands in the angle brackets at the start, and what behind them.
fn qualified(name: &str) -> Option<(&str, &str)> {
    let body = name.strip_prefix('<')?;
    let mut depth = 1;
    let mut last = ' ';
    for (at, char) in body.char_indices() {
        match char {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((body.get(..at)?, body.get(at + 1..)?));
        }
        last = char;
    }
    None
}

/// The part before (or behind) a word that is not inside brackets.
fn before<'a>(text: &'a str, word: &str) -> &'a str {
    outside(text, word).map_or(text, |at| text.get(..at).unwrap_or(text))
}

fn after<'a>(text: &'a str, word: &str) -> &'a str {
    outside(text, word).map_or(text, |at| text.get(at + word.len()..).unwrap_or(text))
}

fn outside(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let start = text.get(..*at).unwrap_or_default().replace("->", "");
        start.matches('<').count() == start.matches('>').count()
    })
}

/// The segments of a path without anything in brackets; what stands in braces keeps its first brace.
fn segments(name: &str) -> Vec<String> {
    let (mut segments, mut segment, mut depth) = (Vec::new(), String::new(), 0_u32);
    let mut last = ' ';
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '<' | '[' | '(' => depth += 1,
            '>' if last == '-' => {}
            '>' | ']' | ')' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && chars.peek() == Some(&':') => {
                chars.next();
                segments.push(std::mem::take(&mut segment));
            }
            // `call_once{{vtable.shim}}`.
            '{' if depth == 0 && !segment.is_empty() && !segment.starts_with('{') => {
                segments.push(std::mem::take(&mut segment));
                segment.push(char);
            }
            char if depth == 0 => segment.push(char),
            _ => {}
        }
        last = char;
    }
    segments.push(segment);
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lose_what_is_not_their_name() {
        for (name, expected) in [
            ("shop::checkout::CheckoutError", Some("shop::checkout::CheckoutError")),
            ("shop::Failed<shop::Order>", Some("shop::Failed")),
            ("shop::Failed<'_, alloc::vec::Vec<u8>>", Some("shop::Failed")),
            ("&'static shop::Failed<'a>", Some("shop::Failed")),
            ("alloc::boxed::Box<shop::Failed>", Some("shop::Failed")),
            ("alloc::sync::Arc<alloc::boxed::Box<dyn shop::Fault + core::marker::Send>>", Some("shop::Fault")),
            ("alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>", None),
            ("shop[3f2a9c01b7d4e865]::Failed", Some("shop::Failed")),
            ("shop::Call<fn(u8) -> core::result::Result<u8, ()>>", Some("shop::Call")),
            ("timeout", Some("timeout")),
            ("alloc::string::String", None),
            ("", None),
        ] {
            assert_eq!(type_name(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn functions_lose_what_builds_and_compilers_change() {
        for (name, expected) in [
            ("shop::orders::load", "shop::orders::load"),
            ("shop::orders::load::h0123456789abcdef", "shop::orders::load"),
            ("shop::orders::load::{{closure}}::{{closure}}", "shop::orders::load"),
            ("shop::orders::load::{async_fn#0}::{closure#1}", "shop::orders::load"),
            ("shop::orders::load::<shop::Order>", "shop::orders::load"),
            ("shop::orders::load<alloc::vec::Vec<u8>>", "shop::orders::load"),
            ("<shop::Cart as core::ops::drop::Drop>::drop", "shop::Cart::drop"),
            ("<shop::Cart<T> as shop::Total<U>>::total::{{closure}}", "shop::Cart::total"),
            ("<shop::Cart>::total", "shop::Cart::total"),
            ("<impl shop::Total for shop::Cart>::total", "shop::Cart::total"),
            ("shop::cart::<impl shop::Total for shop::Cart>::total", "shop::cart::total"),
            ("shop::cart::{impl#2}::total", "shop::cart::total"),
            ("<&mut F as core::ops::function::FnOnce<(A,)>>::call_once", "F::call_once"),
            ("<fn(u8) -> u8 as shop::Handler>::call", "fn::call"),
            ("core::ops::function::FnOnce::call_once{{vtable.shim}}", "core::ops::function::FnOnce::call_once"),
            ("shop[3f2a9c01b7d4e865]::orders::load", "shop::orders::load"),
            ("<<<", ""),
            (">::<", ""),
        ] {
            assert_eq!(function(name), expected, "{name}");
        }
    }

    #[test]
    fn a_future_is_known_by_who_runs_it() {
        for (name, expected) in [
            ("poll<shop::orders::load::{async_fn_env#0}>", Some("shop::orders::load")),
            (
                "{async_block#0}<fn(u8) -> shop::orders::load::{async_fn_env#0}, shop::x::{closure_env#3}>",
                Some("shop::orders::load"),
            ),
            ("call<shop::routes::{closure#18}::{async_block_env#0}>", Some("shop::routes")),
            ("poll<tokio::task::local::run::{closure_env#0}>", None),
            ("poll", None),
            ("{async_fn_env#0}", None),
        ] {
            assert_eq!(of_state(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_type_that_is_only_called_error_is_shown_with_its_module() {
        assert_eq!(short("shop::CheckoutError"), "CheckoutError");
        assert_eq!(short("std::io::error::Error"), "io::Error");
        assert_eq!(short("Error"), "Error");
    }
}
