//! Text in cells of a terminal: how wide it is, and how it is made to fit.

use std::fmt::Write as _;

use crate::escape::escape;
use crate::record::parts::cut_at;

/// What stands for text that was left out.
const ELLIPSIS: char = '…';

/// Cells that a text takes; close enough for terminals, without tables.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

const fn char_width(char: char) -> usize {
    match char {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The text, escaped.
pub(super) fn clean(text: &str) -> String {
    // Much longer than any line, and short enough that a text of megabytes costs nothing.
    let (start, is_cut) = cut_at(text, 4_096);
    let mut out = escape(start).to_string();
    if is_cut {
        out.push(ELLIPSIS);
    }
    out
}

/// At most `max` cells of an escaped text: its beginning.
pub(super) fn cut_end(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut out = start(text.chars(), max.saturating_sub(1));
    out.push(ELLIPSIS);
    out
}

/// At most `max` cells of an escaped text: its beginning and its end.
pub(super) fn cut_middle(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(1);
    let mut out = start(text.chars(), room.div_ceil(2));
    out.push(ELLIPSIS);
    let end = start(text.chars().rev(), room / 2);
    out.extend(end.chars().rev());
    out
}

fn start(chars: impl Iterator<Item = char>, max: usize) -> String {
    let mut left = max;
    chars
        .take_while(|char| {
            let fits = char_width(*char) <= left;
            left = left.saturating_sub(char_width(*char));
            fits
        })
        .collect()
}

/// Appends `text` and fills up to `to` cells.
pub(super) fn pad(out: &mut String, text: &str, to: usize) {
    out.push_str(text);
    fill(out, to.saturating_sub(width(text)));
}

/// Appends `text` after filling up to `to` cells.
pub(super) fn pad_left(out: &mut String, text: &str, to: usize) {
    fill(out, to.saturating_sub(width(text)));
    out.push_str(text);
}

/// Appends spaces.
pub(super) fn fill(out: &mut String, cells: usize) {
    out.extend(std::iter::repeat_n(' ', cells));
}

/// A duration in at most seven cells: `0.42ms`, `61.7ms`, `9.8s`, `2m05s`, `3h07m`.
pub(super) fn duration(ns: u64) -> String {
    let (us, ms, seconds) = (ns / 1_000, ns / 1_000_000, ns / 1_000_000_000);
    match seconds {
        0 if ms < 1 => format!("{}.{:02}ms", us / 1_000, us % 1_000 / 10),
        0 if ms < 100 => format!("{ms}.{}ms", us % 1_000 / 100),
        0 => format!("{ms}ms"),
        1..=99 => format!("{seconds}.{}s", ms % 1_000 / 100),
        100..=5_999 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A number of bytes in at most five cells: `96B`, `1.2K`, `31M`.
pub(super) fn size(bytes: u64) -> String {
    let mut out = String::new();
    let (mut whole, mut tenth, mut unit) = (bytes, 0, 'B');
    for next in ['K', 'M', 'G', 'T', 'P', 'E'] {
        if whole < 1_000 {
            break;
        }
        (tenth, whole, unit) = (whole % 1_024 * 10 / 1_024, whole / 1_024, next);
    }
    let _ = match unit {
        'B' => write!(out, "{whole}B"),
        _ if whole < 10 => write!(out, "{whole}.{tenth}{unit}"),
        _ => write!(out, "{whole}{unit}"),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_stay_short() {
        for (ns, text) in [
            (0, "0.00ms"),
            (420_000, "0.42ms"),
            (61_700_000, "61.7ms"),
            (240_000_000, "240ms"),
            (9_800_000_000, "9.8s"),
            (125_000_000_000, "2m05s"),
            (11_220_000_000_000, "3h07m"),
        ] {
            assert_eq!(duration(ns), text);
        }
        for (bytes, text) in [(0, "0B"), (999, "999B"), (1_000, "0.9K"), (1_229, "1.2K"), (32_505_856, "31M"), (u64::MAX, "15E")]
        {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn texts_are_cut_to_cells_not_to_bytes() {
        assert_eq!(cut_middle("/orders/{id}/lines/{line}", 13), "/order…{line}");
        assert_eq!(cut_end("日本語の名前", 6), "日本…");
        assert_eq!(cut_middle("日本語の名前です", 9), "日本…です");
        assert_eq!(cut_end("short", 5), "short");
    }
}
