//! Headers are copied, and those that others look for are noted on the way: nothing is looked up that is not there.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::address;
use crate::propagator::Lines;
use crate::propagator::request_id::RequestId;
use crate::record::parts::{HeaderCopy, Look, Parts, Side, Text};
use crate::redact::{Known, Role, Rules, known, write_names};
use crate::scan::has_any;

/// The headers of one head, by what they are good for.
#[derive(Debug, Default)]
pub(super) struct Seen<'h> {
    first: [Option<&'h HeaderValue>; Role::COUNT],
    /// Where in the record's list the first one stands, counted from 1; 0 where it does not.
    place: [u8; Role::COUNT],
    /// Bits of those that come more than once.
    again: u32,
    /// Whether a request id is valid that the record shows.
    has_id: bool,
}

impl<'h> Seen<'h> {
    /// Notes only what is looked for of a request whose headers are not copied; false where more of them may be asked for.
    pub(super) fn note_few(&mut self, headers: &'h HeaderMap) -> bool {
        /// Bits of the lengths of the names below: most others are passed over by it.
        const LENGTHS: u32 = 1 << 6 | 1 << 7 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 17;
        for (name, value) in headers {
            let name = name.as_str();
            if 1_u32.checked_shl(name.len() as u32).unwrap_or_default() & LENGTHS == 0 {
                continue;
            }
            let role = match name {
                "traceparent" => Role::TraceParent,
                "tracestate" => Role::TraceState,
                "baggage" => Role::Baggage,
                "cookie" => Role::Cookie,
                "x-request-id" => Role::RequestId,
                "content-type" => Role::ContentType,
                "x-campanile-debug" => Role::DebugToken,
                // What goes on after it is told by this name.
                "upgrade" => return false,
                _ => continue,
            };
            self.note(role, value, 0);
        }
        true
    }

    /// The value of the first one.
    pub(super) fn first(&self, role: Role) -> Option<&'h HeaderValue> {
        self.first.get(role as usize).copied().flatten()
    }

    pub(super) fn lines(&self, role: Role) -> Lines<'h> {
        match self.first(role) {
            None => Lines::None,
            Some(_) if self.again & (1 << role as u32) != 0 => Lines::Many,
            Some(value) => Lines::One(value),
        }
    }

    /// Whether the first one stands in the record's list.
    pub(super) fn is_placed(&self, role: Role) -> bool {
        self.place.get(role as usize).is_some_and(|place| *place > 0)
    }

    /// What the record shows of the first one.
    pub(super) fn shown(&self, parts: &Parts, role: Role) -> Option<Text> {
        let place = *self.place.get(role as usize)?;
        parts.headers.get(usize::from(place.checked_sub(1)?))?.value
    }

    /// What the record shows of a request id that comes once and is valid.
    pub(super) fn id(&self, parts: &Parts) -> Option<Text> {
        let is_one = self.has_id && matches!(self.lines(Role::RequestId), Lines::One(_));
        self.shown(parts, Role::RequestId).filter(|_| is_one)
    }

    /// Notes a header, with its place in the record's list as it is kept here.
    fn note(&mut self, role: Role, value: &'h HeaderValue, place: u8) {
        let (Some(first), Some(at)) = (self.first.get_mut(role as usize), self.place.get_mut(role as usize)) else { return };
        if first.is_some() {
            self.again |= 1 << role as u32;
        } else {
            (*first, *at) = (Some(value), place);
        }
    }
}

/// How headers are copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copying<'r> {
    pub(super) rules: &'r Rules,
    /// Whether headers that tell whole addresses are withheld.
    pub(super) truncates_ip: bool,
}

/// Copies headers of a message that was not seen here, as those of a live one are.
#[cfg(feature = "reading")]
pub(crate) fn copy_headers(rules: &Rules, parts: &mut Parts, side: Side, headers: &HeaderMap) {
    Copying { rules, truncates_ip: false }.copy(parts, side, headers, &mut Seen::default());
}

/// What is shown of a value.
enum Shown {
    Nothing,
    Whole,
    /// The names of cookies.
    Names,
    /// It is a valid request id.
    Id,
    /// It is the record's request id, which stands there already.
    OwnId,
}

impl Copying<'_> {
    /// Copies headers: names, values that are kept, lengths of all values.
    pub(super) fn copy<'h>(self, parts: &mut Parts, side: Side, headers: &'h HeaderMap, seen: &mut Seen<'h>) {
        let is_usual = self.rules.hides_no_header() && !self.truncates_ip;
        let mut copy = parts.copy_headers(side);
        for (name, value) in headers {
            let known = known(name.as_str());
            if let Some(known) = known
                && known.is_plain
                && is_usual
                && !value.is_sensitive()
                && copy.push_whole(known.name, known.look, value.as_bytes())
            {
                if known.role != Role::Plain {
                    seen.note(known.role, value, copy.last());
                }
            } else {
                self.copy_one(&mut copy, (name, known), value, seen);
            }
        }
        copy.finish();
        if self.rules.hashes() {
            self.rules.hash_headers(parts, headers);
        }
    }

    /// Copies one whose value has to be looked at, or that the settings may speak of.
    // Apart from the loop, which is short without it.
    #[inline(never)]
    fn copy_one<'h>(
        self,
        copy: &mut HeaderCopy<'_>,
        (name, known): (&HeaderName, Option<&'static Known>),
        value: &'h HeaderValue,
        seen: &mut Seen<'h>,
    ) {
        let role = known.map_or(Role::Plain, |known| known.role);
        if !copy.admits() {
            return seen.note(role, value, 0);
        }
        let own_id = copy.parts().request_id;
        let shown = self.shown(role, name, known, value, copy.parts());
        let look = match (&shown, known) {
            (Shown::Whole, Some(known)) if known.is_kept => known.look,
            _ => Look::Name,
        };
        let name = known.map_or_else(|| copy.text(name.as_str().as_bytes()), |known| Text::Static(known.name));
        let text = match shown {
            Shown::Nothing => None,
            Shown::Whole => Some(copy.text(value.as_bytes())),
            Shown::Names => Some(copy.text_by(|out| write_names(role == Role::SetCookie, value.as_bytes(), out))),
            Shown::OwnId => Some(own_id),
            Shown::Id => {
                seen.has_id = true;
                Some(copy.text(value.as_bytes()))
            }
        };
        copy.push(name, look, text, value.len());
        seen.note(role, value, copy.last());
    }

    fn shown(self, role: Role, name: &HeaderName, known: Option<&Known>, value: &HeaderValue, parts: &Parts) -> Shown {
        if value.is_sensitive() {
            return Shown::Nothing;
        }
        match role {
            Role::Cookie | Role::SetCookie if !self.rules.hides_header(name) => return Shown::Names,
            Role::RequestId if !self.rules.hides_header(name) => {
                let own_id = parts.str(parts.request_id);
                if !own_id.is_empty() && own_id.as_bytes() == value.as_bytes() {
                    return Shown::OwnId;
                }
                // Shown in the form in which it is taken.
                if RequestId::parse(value.as_bytes()).is_some() {
                    return Shown::Id;
                }
            }
            // The host that was asked may stand behind credentials.
            Role::Host | Role::Forwarded | Role::ForwardedHost if has_any(value.as_bytes(), *b"@") => return Shown::Nothing,
            _ => {}
        }
        let is_shown = self.rules.shows_header(name, known) && !(self.truncates_ip && address::is_told_by(name));
        if is_shown { Shown::Whole } else { Shown::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    fn copied<'h>(parts: &mut Parts, headers: &'h HeaderMap) -> Seen<'h> {
        let mut seen = Seen::default();
        let rules = Rules::default();
        Copying { rules: &rules, truncates_ip: false }.copy(parts, Side::Request, headers, &mut seen);
        seen
    }

    #[test]
    fn headers_that_are_looked_for_are_noted_as_often_as_they_come() {
        let map = headers(&[("tracestate", b"a=1"), ("host", b"shop"), ("accept", b"*/*"), ("tracestate", b"b=2")]);
        let seen = copied(&mut Parts::default(), &map);
        assert!(matches!(seen.lines(Role::TraceState), Lines::Many));
        assert!(matches!(seen.lines(Role::Host), Lines::One(host) if host == "shop"));
        assert!(matches!(seen.lines(Role::Baggage), Lines::None));
        assert_eq!(seen.first(Role::TraceState).map(HeaderValue::as_bytes), Some(b"a=1".as_slice()));
    }

    #[test]
    fn what_the_record_shows_is_found_beside_values_that_are_no_text() {
        let map = headers(&[("accept", b"\xff"), ("x-request-id", b"id-1"), ("x-note", b"no"), ("user-agent", b"\xfe!")]);
        let mut parts = Parts::default();
        let seen = copied(&mut parts, &map);
        assert_eq!(seen.id(&parts).map(|id| parts.str(id)), Some("id-1"));
        assert_eq!(seen.shown(&parts, Role::UserAgent).map(|text| parts.str(text)), Some("\u{fffd}!"));
        let shown: Vec<_> = parts.headers.iter().map(|header| header.value.map(|value| parts.str(value))).collect();
        assert_eq!(shown, [Some("\u{fffd}"), Some("id-1"), None, Some("\u{fffd}!")]);
    }

    #[test]
    fn of_two_request_ids_none_is_the_one() {
        let map = headers(&[("x-request-id", b"id-1"), ("x-request-id", b"id-2")]);
        let mut parts = Parts::default();
        assert_eq!(copied(&mut parts, &map).id(&parts), None);
    }

    #[test]
    fn what_is_not_kept_for_want_of_room_is_noted_all_the_same() {
        let mut map = HeaderMap::new();
        for number in 0..70 {
            map.append(HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap(), HeaderValue::from_static("1"));
        }
        map.append("user-agent", HeaderValue::from_static("late"));
        let mut parts = Parts::default();
        let seen = copied(&mut parts, &map);
        assert!(seen.first(Role::UserAgent).is_some() && !seen.is_placed(Role::UserAgent));
        assert_eq!((parts.headers.len(), parts.dropped_headers), (64, 7));
    }
}
