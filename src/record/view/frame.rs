//! A frame of a backtrace, read from the text that the standard library writes.

use crate::record::own::{is_carrier, is_own_file};
use crate::record::parts::CUT_MARK;

/// One frame of a backtrace: a function that was running, and where in it.
///
/// # Source
/// The text of `std::backtrace::Backtrace`, which `anyhow` and `eyre` print too. Any other text has no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    function: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
}

impl<'a> Frame<'a> {
    /// The function with its whole path, such as `shop::orders::reserve::{{closure}}`, without the hash of older symbols.
    #[must_use]
    pub const fn function(&self) -> &'a str {
        self.function
    }

    /// The source file; absent where the program was built without debug information.
    #[must_use]
    pub const fn file(&self) -> Option<&'a str> {
        self.file
    }

    /// The line in the source file.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column in the line.
    #[must_use]
    pub const fn column(&self) -> Option<u32> {
        self.column
    }

    /// The crate that the function belongs to, as far as its path tells: `shop` of `<shop::Cart as core::ops::Drop>::drop`.
    #[must_use]
    pub fn crate_name(&self) -> Option<&'a str> {
        crate_of(self.function)
    }

    /// Whether it is the application's own code: its source file was not fetched by cargo and does not come with the
    /// compiler. Without a source file, whether its crate is none of the usual runtimes and frameworks.
    #[must_use]
    pub fn is_own(&self) -> bool {
        let krate = self.crate_name();
        if krate == Some("campanile") {
            return false;
        }
        match self.file {
            // A function that was inlined has no path before its name. What is not Rust's starts the thread.
            Some(file) => file.ends_with(".rs") && is_own_file(file),
            None => krate.is_some_and(|krate| !is_carrier(krate)),
        }
    }
}

/// The frames in a backtrace's text, innermost first.
pub(crate) fn frames(backtrace: &str) -> impl Iterator<Item = Frame<'_>> + Clone {
    // Where the text was cut, the last line may hold half a name.
    let whole = match backtrace.strip_suffix(CUT_MARK) {
        Some(start) => start.rsplit_once('\n').map_or("", |(whole, _)| whole),
        None => backtrace,
    };
    Frames { lines: whole.lines(), next: None }
}

#[derive(Clone)]
struct Frames<'a> {
    lines: std::str::Lines<'a>,
    /// A function that was read before its turn.
    next: Option<&'a str>,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let ahead = self.next.take();
        let function = ahead.or_else(|| self.lines.find_map(named))?;
        let mut frame = Frame { function, file: None, line: None, column: None };
        if let Some(line) = self.lines.next() {
            match place(line) {
                Some((file, line, column)) => (frame.file, frame.line, frame.column) = (Some(file), line, column),
                None => self.next = named(line),
            }
        }
        Some(frame)
    }
}

/// The function that a line names: `  12: path`, with or without an address, or `      path` of one that was inlined.
fn named(line: &str) -> Option<&str> {
    let text = line.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let name = match text.get(digits..).and_then(|rest| rest.strip_prefix(": ")) {
        Some(rest) if digits > 0 => rest.trim_start(),
        // Less room than the number of a frame takes: a heading, or somebody's note.
        _ if !line.starts_with("      ") || place(line).is_some() => return None,
        _ => text,
    };
    let name = match name.strip_prefix("0x").and_then(|name| name.split_once(" - ")) {
        Some((address, name)) if address.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    };
    Some(without_hash(name)).filter(|name| !name.is_empty())
}

/// Where a line says that a function stands: `at file:line:column`.
fn place(line: &str) -> Option<(&str, Option<u32>, Option<u32>)> {
    let text = line.trim().strip_prefix("at ")?;
    let number = |text: &'_ str| {
        let (rest, number) = text.rsplit_once(':')?;
        Some((rest.len(), number.parse::<u32>().ok()?))
    };
    let Some((end, last)) = number(text) else { return Some((text, None, None)) };
    let rest = text.get(..end).unwrap_or_default();
    match number(rest) {
        Some((end, line)) => Some((rest.get(..end).unwrap_or_default(), Some(line), Some(last))),
        None => Some((rest, Some(last), None)),
    }
}

/// A path without `::h0123456789abcdef`, which changes with every build.
pub(crate) fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path,
        _ => name,
    }
}

/// The first segment of the first path in a function's name.
fn crate_of(function: &str) -> Option<&str> {
    // `<shop::Cart as core::fmt::Display>::fmt` is shop's, `<T as axum::handler::Handler<..>>::call` is axum's.
    let mut rest = function;
    while let Some(at) = rest.find("::") {
        let (before, after) = rest.split_at_checked(at)?;
        let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + char_len(before, at));
        let krate = before.get(start..).unwrap_or_default();
        if !krate.is_empty() {
            return Some(krate);
        }
        rest = after.get(2..)?;
    }
    None
}

fn char_len(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "   0: std::backtrace_rs::backtrace::trace
             at /rustc/5980/library/std/src/../../backtrace/src/backtrace/mod.rs:66:14
      <alloc::boxed::Box<F> as core::ops::function::FnOnce<A>>::call_once
             at /rustc/5980/library/alloc/src/boxed.rs:2019:9
   1: shop::orders::reserve::{{closure}}
             at ./src/orders.rs:61:23
   2: <shop::Cart as core::ops::drop::Drop>::drop::h0123456789abcdef
             at C:\\shop\\src\\cart.rs:7
      reserve_inlined<alloc::string::String>
             at ./src/stock.rs:8:1
  13:     0x55d0b2c4f1aa - tokio::runtime::task::raw::poll
             at /home/me/.cargo/registry/src/index-1/tokio-1.50.0/src/runtime/task/raw.rs:335:18
  14: <unknown>
  15: main
  16: __libc_start_call_main
             at ./csu/../sysdeps/nptl/libc_start_call_main.h:58:16
  17: _start
";

    fn own(text: &str) -> Vec<&str> {
        frames(text).filter(Frame::is_own).map(|frame| frame.function()).collect()
    }

    #[test]
    fn frames_are_read_with_their_places() {
        let all: Vec<_> = frames(TEXT).collect();
        assert_eq!(all.len(), 10, "{all:#?}");
        let reserve = all[2];
        assert_eq!(reserve.function(), "shop::orders::reserve::{{closure}}");
        assert_eq!((reserve.file(), reserve.line(), reserve.column()), (Some("./src/orders.rs"), Some(61), Some(23)));
        let drop = all[3];
        assert_eq!(drop.function(), "<shop::Cart as core::ops::drop::Drop>::drop");
        assert_eq!((drop.file(), drop.line(), drop.column()), (Some("C:\\shop\\src\\cart.rs"), Some(7), None));
        assert_eq!(all[5].function(), "tokio::runtime::task::raw::poll");
        assert_eq!((all[6].function(), all[6].file()), ("<unknown>", None));
    }

    #[test]
    fn own_frames_are_told_from_those_of_runtimes() {
        let expected = ["shop::orders::reserve::{{closure}}", "<shop::Cart as core::ops::drop::Drop>::drop"];
        assert_eq!(own(TEXT), [expected[0], expected[1], "reserve_inlined<alloc::string::String>"]);
    }

    #[test]
    fn without_source_files_own_frames_are_told_by_their_crate() {
        let stripped: String = TEXT.lines().filter(|line| !line.contains(" at ")).map(|line| format!("{line}\n")).collect();
        assert_eq!(own(&stripped), own(TEXT)[..2]);
    }

    #[test]
    fn the_crate_is_that_of_the_first_path_in_a_name() {
        let krate = |function| crate_of(function);
        assert_eq!(krate("shop::main"), Some("shop"));
        assert_eq!(krate("<&mut dyn shop::Cart as core::fmt::Display>::fmt"), Some("shop"));
        assert_eq!(krate("<T as axum::handler::Handler<S>>::call"), Some("axum"));
        assert_eq!(krate("<(A,B) as axum::A>::b"), Some("axum"));
        assert_eq!(krate("main"), None);
        assert_eq!(krate("::::"), None);
    }

    #[test]
    fn what_was_cut_in_the_middle_of_a_line_leaves_that_line_out() {
        let cut = format!("   0: shop::a\n             at ./src/a.rs:1:1\n   1: shop::b::ha{CUT_MARK}");
        assert_eq!(frames(&cut).map(|frame| frame.function()).collect::<Vec<_>>(), ["shop::a"]);
        assert_eq!(frames(CUT_MARK).count(), 0);
    }

    #[test]
    fn a_backtrace_of_this_very_program_is_read() {
        let text = std::backtrace::Backtrace::force_capture().to_string();
        let all: Vec<_> = frames(&text).collect();
        assert!(all.iter().any(|frame| frame.function().contains("a_backtrace_of_this_very_program_is_read")), "{text}");
        assert!(all.iter().any(|frame| frame.crate_name() == Some("std")), "{text}");
        assert!(all.iter().all(|frame| frame.line() != Some(0)), "{text}");
    }

    #[test]
    fn no_text_upsets_the_reader() {
        let pieces =
            ["0: ", "  1: ", "at ", "      ", ":", "::", "x", "ä", "\n", "\r\n", "0x1 - ", "::h", "<", CUT_MARK, "9999999999"];
        let mut state = 7_usize;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) % pieces.len()]);
            }
            for frame in frames(&text) {
                assert!(text.contains(frame.function()));
                let _ = (frame.is_own(), frame.crate_name());
            }
        }
    }
}
