//! W3C Baggage: what callers send along for everyone further down.
//!
//! Never decoded on its way through: what came in percent-encoded goes out so. At most 64 members and 8,192 bytes are
//! passed on; a longer header is not looked at.
//!
//! # Source
//! W3C Baggage, sections 3.2 and 3.3.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::Outgoing;
use super::value::{Lines, trim};
use crate::percent::Decoded;

static BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// The longest list that is taken, in bytes, all lines together.
const MAX_BYTES: usize = 8192;
/// Members that are taken; the first ones.
const MAX_MEMBERS: usize = 64;

/// The members of a `baggage` header that are valid, joined by commas; still encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Baggage(Box<str>);

impl Baggage {
    /// Takes the caller's, where it is known how often the header comes.
    pub(crate) fn seen(headers: &HeaderMap, header: Lines<'_>) -> Self {
        if matches!(header, Lines::None) { Self::default() } else { Self::read(headers) }
    }

    /// Takes the caller's.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(&BAGGAGE);
        // Lines are joined by commas.
        let bytes = lines.iter().fold(0, |sum: usize, line| sum.saturating_add(line.len() + 1));
        if bytes == 0 || bytes > MAX_BYTES + 1 {
            return Self::default();
        }
        let mut text = String::new();
        let members = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(trim).filter_map(valid);
        for member in members.take(MAX_MEMBERS) {
            if text.is_empty() {
                text.reserve_exact(bytes);
            } else {
                text.push(',');
            }
            text.push_str(member);
        }
        Self(text.into())
    }

    /// As it is passed on; empty when there is none.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the first member of this name, decoded; what is no UTF-8 is replaced.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        let found = self.0.split(',').filter_map(split).find(|(name, _)| *name == key);
        found.map(|(_, value)| decode(value))
    }
}

/// Passes the baggage on, where the outgoing request has none of its own.
pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    if !outgoing.baggage.is_empty()
        && let Ok(value) = HeaderValue::from_str(outgoing.baggage)
        && let Ok(entry) = headers.try_entry(&BAGGAGE)
    {
        let _ = entry.or_try_insert(value);
    }
}

/// The text of a member that is one: `key=value`, perhaps with properties behind a `;`.
fn valid(member: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(member).ok()?;
    let (key, _) = split(text)?;
    // Properties may hold anything that a value may, spaces around them included.
    let is_octet = |byte: u8| matches!(byte, b'\t' | b' '..=b'~') && !matches!(byte, b'"' | b',' | b'\\');
    (is_token(key) && text.bytes().all(is_octet) && !value_has_space(text)).then_some(text)
}

fn value_has_space(member: &str) -> bool {
    split(member).is_some_and(|(_, value)| value.contains([' ', '\t']))
}

/// Key and value, without properties and white space around.
fn split(member: &str) -> Option<(&str, &str)> {
    let (pair, _) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    Some((key.trim(), value.trim()))
}

/// A `token` of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Percent-encoding undone; what is no escape stays as it is.
fn decode(value: &str) -> String {
    String::from_utf8_lossy(&Decoded::new(value).collect::<Vec<_>>()).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{SpanId, TraceFlags, TraceId};

    fn headers<'a>(lines: impl IntoIterator<Item = &'a str>) -> HeaderMap {
        lines.into_iter().map(|line| (BAGGAGE.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
    }

    fn taken(line: &str) -> String {
        Baggage::read(&headers([line])).as_str().to_owned()
    }

    fn written(baggage: &str, mut headers: HeaderMap) -> HeaderMap {
        let outgoing = Outgoing { trace_id: TraceId([1; 16]), span_id: SpanId([1; 8]), flags: TraceFlags(0), state: "", baggage };
        write(&outgoing, &mut headers);
        headers
    }

    #[test]
    fn the_examples_of_the_specification_are_passed_on() {
        for line in [
            "key1=value1;property1;property2,key2=value2,key3=value3; propertyKey=propertyValue",
            "userId=alice,serverNode=DF%2028,isProduction=false",
            "userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false",
            "SomeKey=SomeValue;SomeProp=PropVal",
            "key==value",
            "key=",
        ] {
            assert_eq!(taken(line), line);
        }
        assert_eq!(taken(" SomeKey \t = \t SomeValue \t , SomeKey2=1"), "SomeKey \t = \t SomeValue,SomeKey2=1");
        let baggage = Baggage::read(&headers(["userId=Am%C3%A9lie,serverNode=DF%2028;p=1", "more = 1 , userId=second"]));
        assert_eq!(baggage.as_str(), "userId=Am%C3%A9lie,serverNode=DF%2028;p=1,more = 1,userId=second");
        let values = ["userId", "serverNode", "more", "userid", "p"].map(|key| baggage.get(key));
        assert_eq!(values, [Some("Amélie".into()), Some("DF 28".into()), Some("1".into()), None, None]);
    }

    #[test]
    fn what_is_no_member_is_left_out() {
        let line = "a=1,,no value,b c=2,=3,d=\"4\",e=5 6,f=é,g=\\,h=7";
        assert_eq!(taken(line), "a=1,h=7");
        assert_eq!(taken(""), "");
        assert_eq!(taken(" , ,"), "");
    }

    #[test]
    fn more_than_the_limits_is_left_out() {
        assert_eq!(taken(&format!("k={}", "v".repeat(8200))), "", "TS-10");
        assert_eq!(taken(&format!("k={}", "v".repeat(8190))).len(), 8192, "the limit itself");
        let members: Vec<_> = (1..=200).map(|n| format!("k{n}=v{n}")).collect();
        assert_eq!(taken(&members.join(",")), members[..64].join(","), "TS-12");
        let line = format!("k={}", "v".repeat(5000));
        assert_eq!(Baggage::read(&headers([line.as_str(), &line])), Baggage::default(), "two lines count together");
    }

    #[test]
    fn what_is_encoded_goes_on_encoded() {
        let baggage = Baggage::read(&headers(["user=%0d%0aX-Admin:%20true"]));
        let sent = written(baggage.as_str(), HeaderMap::new());
        assert_eq!(sent["baggage"], "user=%0d%0aX-Admin:%20true", "TS-13");
        assert_eq!(sent.len(), 1);
        assert_eq!(baggage.get("user").as_deref(), Some("\r\nX-Admin: true"));
    }

    #[test]
    fn a_request_that_has_baggage_of_its_own_keeps_it() {
        let sent = written("a=1", headers(["b=2"]));
        assert_eq!(sent.get_all("baggage").iter().collect::<Vec<_>>(), ["b=2"]);
        assert!(written("", HeaderMap::new()).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(members in prop::collection::vec("[!-~&&[^\",;=\\\\(){}<>@:/?\\[\\]]]{1,9}=[!-~&&[^\",;\\\\]]{0,9}(;[a-z]{1,4}=[a-z]{0,3})?", 0..80)) {
            let first = Baggage::read(&headers([members.join(",").as_str()]));
            prop_assert_eq!(first.as_str(), members[..members.len().min(64)].join(","));
            prop_assert_eq!(Baggage::read(&written(first.as_str(), HeaderMap::new())), first);
        }

        #[test]
        fn no_header_makes_the_reader_fail(line in prop::collection::vec((32u8..=255).prop_filter("DEL", |byte| *byte != 127), 0..200), key: String) {
            let map = HeaderMap::from_iter([(BAGGAGE.clone(), HeaderValue::from_bytes(&line).unwrap())]);
            let baggage = Baggage::read(&map);
            prop_assert!(baggage.as_str().len() <= line.len());
            prop_assert!(written(baggage.as_str(), HeaderMap::new()).len() <= 1);
            let _ = baggage.get(&key);
        }
    }
}
