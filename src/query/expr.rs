//! What a query asks.

use ipnet::IpNet;
use regex::Regex;
use tracing::Level;

use super::columns::Column;
use super::source::Source;
use super::time::Moment;
use crate::record::{ErrorClass, GroupId, Kept, Kind, Outcome, TraceId};

#[derive(Clone, Debug)]
pub(super) enum Expr {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

impl Expr {
    /// Whether a kind of record is named anywhere in it.
    #[cfg(feature = "store")]
    pub(super) fn asks_for_kind(&self, kind: Kind) -> bool {
        match self {
            Self::All(terms) | Self::Any(terms) => terms.iter().any(|term| term.asks_for_kind(kind)),
            Self::Not(expr) => expr.asks_for_kind(kind),
            Self::Test(test) => matches!(test, Test::Kind(asked) if *asked == kind),
        }
    }
}

impl Default for Expr {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Status(Bounds),
    DurationNs(Bounds),
    Time {
        from: Option<Moment>,
        before: Option<Moment>,
    },
    Column(Column, Text),
    /// Some text that stands there.
    In(Source, Text),
    /// The version or the revision of who wrote it.
    Release(Text),
    /// What this attribute says of who wrote it.
    Resource(&'static str, Text),
    /// The address of the client, or of who is taken for it.
    Client(IpNet),
    Outcome(Outcome),
    Class(ErrorClass),
    Number(Number, Bounds),
    Kind(Kind),
    Kept(Keeping),
    /// Severity from 1, trace, to 5, error.
    Level(Bounds),
    Id(Id),
    /// The first and the last id of those that begin so.
    Trace(TraceId, TraceId),
    /// The first and the last group that are meant.
    Group(GroupId, GroupId),
    /// Folded words in a row; `id` where they may also be the start of a short id.
    Words {
        phrase: Vec<String>,
        id: Option<Id>,
    },
}

/// Numbers of a record that have no column of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    InFlight,
    TimeToFirstByteNs,
    RequestBytes,
    ResponseBytes,
}

/// Whether detail was kept, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Only the summary.
    None,
    Any,
    For(Kept),
}

/// Both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Bounds {
    pub(super) const fn contains(self, value: i64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// How a text is compared; all in lower case (ASCII letters only).
#[derive(Clone, Debug)]
pub(super) enum Text {
    Is(String),
    StartsWith(String),
    Contains(String),
    /// Folded words, one behind the other.
    Phrase(Vec<String>),
    /// An expression that takes time in proportion to the text, without regard to case.
    Pattern(Regex),
}

/// The start of a span id as the range of all ids that begin so, and the words it may also be as a whole.
#[derive(Clone, Debug)]
pub(super) struct Id {
    pub(super) spans: Option<([u8; 8], [u8; 8])>,
    pub(super) trace: Option<TraceId>,
    /// In lower case (ASCII letters only).
    pub(super) request: String,
}

impl Id {
    pub(super) fn of(text: &str) -> Self {
        let request = text.to_ascii_lowercase();
        Self { spans: span_range(&request), trace: TraceId::parse(&request), request }
    }
}

/// The first and the last span id that begins with these 1 to 16 hexadecimal digits.
fn span_range(digits: &str) -> Option<([u8; 8], [u8; 8])> {
    if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    number_range(digits).map(|(first, last)| (first.to_be_bytes(), last.to_be_bytes()))
}

/// The first and the last trace whose id begins with these 4 to 32 hexadecimal digits in lower case.
pub(super) fn trace_range(digits: &str) -> Option<(TraceId, TraceId)> {
    if !(4..=32).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let end = |filler| u128::from_str_radix(&filled(digits, filler, 32), 16).map(|id| TraceId(id.to_be_bytes())).ok();
    Some((end('0')?, end('f')?)).filter(|(_, last)| last.is_valid())
}

/// The first and the last group whose id begins with these digits.
pub(crate) fn group_range(digits: &str) -> Option<(GroupId, GroupId)> {
    let is_start = !digits.is_empty() && digits.len() <= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    number_range(digits).filter(|_| is_start).map(|(first, last)| (GroupId(first), GroupId(last)))
}

fn number_range(digits: &str) -> Option<(u64, u64)> {
    let end = |filler| u64::from_str_radix(&filled(digits, filler, 16), 16).ok();
    Some((end('0')?, end('f')?))
}

fn filled(digits: &str, filler: char, len: usize) -> String {
    digits.chars().chain(std::iter::repeat(filler)).take(len).collect()
}

/// From 1, trace, to 5, error.
pub(super) const fn severity(level: Level) -> i64 {
    match level {
        Level::ERROR => 5,
        Level::WARN => 4,
        Level::INFO => 3,
        Level::DEBUG => 2,
        Level::TRACE => 1,
    }
}
