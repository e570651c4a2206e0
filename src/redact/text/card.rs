//! Numbers of payment cards.

use super::{Finder, Found};

/// Digits that a card number has at least.
pub(in crate::redact) const MIN_CARD_DIGITS: usize = 13;
/// Digits of a card number.
const DIGITS: std::ops::RangeInclusive<usize> = MIN_CARD_DIGITS..=19;
/// A cut number of at least so many digits may be one. The first six tell the bank and may be shown.
const MIN_CUT_DIGITS: usize = 7;
/// How the groups of a written number are long.
const GROUPS: [&[usize]; 8] =
    [&[4, 4, 4, 4, 3], &[4, 4, 4, 4, 2], &[4, 4, 4, 4, 1], &[4, 4, 4, 4], &[4, 4, 4, 3], &[4, 4, 4, 1], &[4, 6, 5], &[4, 6, 4]];

/// Whether digits are a card number: as long as one, of an issuer of cards, and with the right check digit.
///
/// # Source
/// ISO/IEC 7812-1: the first digit is that of travel and banking (2 to 6), the last one is Luhn's.
pub(in crate::redact) fn is_card(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let (mut sum, mut count, mut first) = (0_u32, 0, 0);
    for (place, byte) in digits.rev().enumerate() {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return false;
        }
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
        (count, first) = (count + 1, byte);
    }
    DIGITS.contains(&count) && (b'2'..=b'6').contains(&first) && sum.is_multiple_of(10)
}

impl Finder<'_> {
    /// The card number that begins here. Sets the search forward over a group of digits that is none.
    pub(super) fn card(&mut self, start: usize) -> Option<Found> {
        let group_end = self.run(start, |byte| byte.is_ascii_digit());
        self.at = group_end;
        let before = self.before(start);
        // A part of a number in base 16, or what follows a decimal point.
        let is_inside = is_hex_letter(before) || (before == b'.' && start >= 2 && self.before(start - 1).is_ascii_digit());
        if is_inside || !(b'2'..=b'6').contains(&self.byte(start)) {
            return None;
        }
        let whole = |end: usize| (!is_hex_letter(self.byte(end))).then(|| Self::shape(start, end, "card"));
        if DIGITS.contains(&(group_end - start)) && is_card(self.part(start, group_end).iter().copied()) {
            return whole(group_end);
        }
        if group_end - start == 4 {
            let (ends, count) = self.groups(start);
            for shape in GROUPS {
                let end = ends.get(shape.len() - 1).copied().filter(|_| shape.len() <= count);
                let Some(end) = end.filter(|_| lengths(start, &ends).zip(shape).all(|(len, wanted)| len == *wanted)) else {
                    continue;
                };
                if is_card(self.part(start, end).iter().copied().filter(u8::is_ascii_digit)) {
                    return whole(end);
                }
            }
        }
        self.cut_card(start)
    }

    /// Ends of the groups of digits from here on, each behind one space or dash, and how many there are.
    pub(super) fn groups(&self, start: usize) -> ([usize; 5], usize) {
        let (mut ends, mut count, mut at) = ([0; 5], 0, start);
        for slot in &mut ends {
            let end = self.run(at, |byte| byte.is_ascii_digit());
            if end == at {
                break;
            }
            (*slot, count) = (end, count + 1);
            if !matches!(self.byte(end), b' ' | b'-') {
                break;
            }
            at = end + 1;
        }
        (ends, count)
    }

    /// Digits at the end of a text that goes on elsewhere.
    fn cut_card(&self, start: usize) -> Option<Found> {
        if !self.nature.is_cut || self.text.len() - start > 24 {
            return None;
        }
        let end = self.run(start, |byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-'));
        let digits = self.part(start, end).iter().filter(|byte| byte.is_ascii_digit()).count();
        (self.is_open(end) && digits >= MIN_CUT_DIGITS).then(|| Self::shape(start, end, "card"))
    }
}

/// Lengths of groups that are one character apart.
fn lengths(start: usize, ends: &[usize; 5]) -> impl Iterator<Item = usize> {
    let mut from = start;
    ends.iter().map(move |end| {
        let len = end.saturating_sub(from);
        from = end + 1;
        len
    })
}

const fn is_hex_letter(byte: u8) -> bool {
    matches!(byte, b'a'..=b'f' | b'A'..=b'F')
}
