//! Numbers and addresses as text, without the machinery that formats anything.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};

/// A short text on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Digits<const N: usize> {
    bytes: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> Digits<N> {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII is ever written into it.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// A whole number.
pub(crate) fn number(mut number: u64) -> Digits<20> {
    let (mut bytes, mut start) = ([b'0'; 20], 20);
    for byte in bytes.iter_mut().rev() {
        *byte = b'0' + (number % 10) as u8;
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    Digits { bytes, start, end: 20 }
}

/// Nanoseconds as milliseconds, with as many places as there are: just what a `f64` of them shows. `None` from 11 days on,
/// where that has fewer digits than this.
pub(crate) fn milliseconds(ns: u64) -> Option<Digits<20>> {
    // 15 digits: every such decimal is the shortest that stands for its `f64`.
    const MOST: u64 = 1_000_000_000_000_000;
    if ns >= MOST {
        return None;
    }
    let (whole, mut part) = (ns / 1_000_000, ns % 1_000_000);
    let mut text = number(whole);
    if part == 0 {
        return Some(text);
    }
    // Nine digits at most stand before the point, six behind it.
    text.bytes.copy_within(text.start..20, text.start - 7);
    (text.start, text.end) = (text.start - 7, 20);
    text.bytes[13] = b'.';
    let mut is_end = true;
    for byte in text.bytes[14..].iter_mut().rev() {
        let digit = (part % 10) as u8;
        part /= 10;
        is_end &= digit == 0;
        text.end -= usize::from(is_end);
        *byte = b'0' + digit;
    }
    Some(text)
}

/// An address.
pub(crate) fn address(address: IpAddr) -> Digits<45> {
    let mut text = Digits { bytes: [0; 45], start: 0, end: 0 };
    // The longest address has 45 characters, so nothing is lost.
    let _ = match address {
        IpAddr::V4(address) => v4(&mut text, address),
        IpAddr::V6(address) => write!(text, "{address}"),
    };
    text
}

fn v4(to: &mut Digits<45>, address: Ipv4Addr) -> fmt::Result {
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            to.write_str(".")?;
        }
        to.write_str(number(octet.into()).as_str())?;
    }
    Ok(())
}

impl<const N: usize> fmt::Write for Digits<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.end + text.len();
        self.bytes.get_mut(self.end..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.end = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_they_are_displayed() {
        for value in [0, 7, 10, 99, 100, 4_294_967_296, u64::MAX - 1, u64::MAX] {
            assert_eq!(number(value).as_str(), value.to_string());
        }
    }

    #[test]
    fn milliseconds_look_as_a_float_of_them_is_displayed() {
        let mut rng = fastrand::Rng::with_seed(7);
        let some = (0..100_000).map(|_| rng.u64(..1_000_000_000_000_000) >> rng.u32(..50));
        for ns in some.chain([0, 1, 10, 999_999, 1_000_000, 1_000_001, 61_700_000, 999_999_999_999_999]) {
            assert_eq!(milliseconds(ns).unwrap().as_str(), (ns as f64 / 1e6).to_string(), "{ns}");
        }
        assert!(milliseconds(1_000_000_000_000_000).is_none());
    }

    #[test]
    fn addresses_look_as_they_are_displayed() {
        for text in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "::1", "2001:db8::7", "::ffff:255.255.255.255"] {
            let parsed: IpAddr = text.parse().unwrap();
            assert_eq!(address(parsed).as_str(), text);
        }
        let longest: IpAddr = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        assert_eq!(address(longest).as_str(), longest.to_string());
    }
}
