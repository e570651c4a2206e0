//! The name of a group of failures that have one cause.

use std::fmt;

/// Which group a failure belongs to.
///
/// # Shape
/// 16 lowercase hexadecimal digits, the first of which tells the version of the rules that it was made by. Equal causes have
/// equal groups, in every release and on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub(crate) u64);

impl GroupId {
    /// Reads 16 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| is_plain).map(Self)
    }

    /// Its first 8 digits, which are enough to find it by.
    #[must_use]
    pub fn to_short(self) -> String {
        format!("{:08x}", self.0 >> 32)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
