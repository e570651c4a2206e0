//! A backtrace as people read it: own frames in full, runs of others in a line.

use std::fmt::Write as _;

use crate::escape::escape;
use crate::record::{Failure, Frame};

/// Crates that are named of a run.
const MAX_CRATES: usize = 3;
/// Frames that are shown where none is own: they are nearest to what happened.
const MAX_FOREIGN: usize = 12;

/// The lines of a failure's backtrace; none where it has none.
///
/// What stands before the first own frame, which is how a panic is made, is counted at the end with what stands behind the
/// last one. A text that is no backtrace of the standard library is shown as it is.
pub(super) fn lines(failure: &Failure<'_>) -> Vec<String> {
    let frames: Vec<_> = failure.frames().collect();
    if frames.is_empty() {
        return failure.backtrace().unwrap_or_default().lines().map(|text| escape(text).to_string()).collect();
    }
    let (mut lines, mut others): (Vec<String>, Vec<Frame<'_>>) = (Vec::new(), Vec::new());
    let Some(first) = frames.iter().position(Frame::is_own) else {
        lines.extend(frames.iter().take(MAX_FOREIGN).map(line));
        others.extend(frames.iter().skip(MAX_FOREIGN));
        lines.extend(fold(&others));
        return lines;
    };
    for frame in frames.iter().skip(first) {
        if frame.is_own() {
            lines.extend(fold(&others));
            others.clear();
            lines.push(line(frame));
        } else {
            others.push(*frame);
        }
    }
    others.extend(frames.iter().take(first));
    lines.extend(fold(&others));
    lines
}

/// Function and place.
fn line(frame: &Frame<'_>) -> String {
    let mut line = escape(frame.function()).to_string();
    if let Some(file) = frame.file() {
        let _ = write!(line, "  {}", escape(file));
    }
    if let Some(number) = frame.line() {
        let _ = write!(line, ":{number}");
    }
    line
}

/// How many frames are left out, and whose they are: those of most frames first.
fn fold(frames: &[Frame<'_>]) -> Option<String> {
    let mut crates: Vec<(&str, usize)> = Vec::new();
    for name in frames.iter().filter_map(Frame::crate_name) {
        match crates.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => crates.push((name, 1)),
        }
    }
    crates.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let names: Vec<_> = crates.iter().take(MAX_CRATES).map(|(name, _)| escape(name).to_string()).collect();
    let of = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
    let plural = if frames.len() == 1 { "" } else { "s" };
    (!frames.is_empty()).then(|| format!("… {} frame{plural}{of}", frames.len()))
}
