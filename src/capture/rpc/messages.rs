//! Messages of gRPC, counted as they pass.

/// Flag and length in front of each message.
const PREFIX: usize = 5;
/// Flag of gRPC-Web's trailers.
const TRAILERS: u8 = 0x80;
/// Bytes of such trailers that are looked at.
const MAX_TRAILERS: usize = 8 * 1024;

/// Finds the borders of messages, however frames cut them. Only prefixes are looked at, and nothing is kept.
pub(crate) struct Messages {
    prefix: [u8; PREFIX],
    prefix_bytes: usize,
    /// Bytes of the current message that are still to come.
    left: u32,
    count: u32,
    /// The borders are not known any more.
    is_lost: bool,
    /// gRPC-Web's trailers so far.
    trailers: Option<Vec<u8>>,
    status: Option<u8>,
}

impl Messages {
    pub(crate) const fn new(form: super::Form) -> Option<Self> {
        let trailers = match form {
            super::Form::Plain => None,
            super::Form::Web => Some(Vec::new()),
            super::Form::WebText => return None,
        };
        Some(Self { prefix: [0; PREFIX], prefix_bytes: 0, left: 0, count: 0, is_lost: false, trailers, status: None })
    }

    /// Messages that passed whole, where that is known.
    pub(crate) fn count(&self) -> Option<u32> {
        (!self.is_lost).then_some(self.count)
    }

    /// The status that gRPC-Web's trailers named.
    pub(crate) const fn status(&self) -> Option<u8> {
        self.status
    }

    /// Looks at the next bytes.
    pub(crate) fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_lost {
            let missing = PREFIX - self.prefix_bytes;
            if missing > 0 {
                let (start, rest) = bytes.split_at(missing.min(bytes.len()));
                if let Some(place) = self.prefix.get_mut(self.prefix_bytes..self.prefix_bytes + start.len()) {
                    place.copy_from_slice(start);
                }
                self.prefix_bytes += start.len();
                bytes = rest;
                if self.prefix_bytes == PREFIX {
                    let [_, length @ ..] = self.prefix;
                    self.begin(u32::from_be_bytes(length));
                }
            } else {
                let (start, rest) = bytes.split_at(bytes.len().min(self.left as usize));
                self.collect(start);
                bytes = rest;
                self.pass(start.len());
            }
        }
    }

    /// Bytes passed that could not be looked at.
    pub(crate) fn skip(&mut self, bytes: usize) {
        if self.prefix_bytes == PREFIX && bytes <= self.left as usize && !self.is_trailers() {
            self.pass(bytes);
        } else {
            self.is_lost = true;
        }
    }

    fn is_trailers(&self) -> bool {
        self.trailers.is_some() && self.prefix.first().is_some_and(|flag| flag & TRAILERS != 0)
    }

    fn begin(&mut self, length: u32) {
        self.left = length;
        // Flags that nobody has defined: this is something else.
        self.is_lost = self.prefix.first().is_some_and(|flag| *flag > 1) && !self.is_trailers();
        self.pass(0);
    }

    fn collect(&mut self, bytes: &[u8]) {
        if self.is_trailers()
            && let Some(trailers) = &mut self.trailers
        {
            let room = MAX_TRAILERS.saturating_sub(trailers.len());
            trailers.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
    }

    fn pass(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(u32::try_from(bytes).unwrap_or(u32::MAX));
        if self.left > 0 || self.is_lost {
            return;
        }
        if self.is_trailers() {
            self.status = self.trailers.as_deref().and_then(status_in).or(self.status);
        } else {
            self.count = self.count.saturating_add(1);
        }
        self.prefix_bytes = 0;
    }
}

/// `grpc-status` in lines as HTTP/1.1 has them.
fn status_in(trailers: &[u8]) -> Option<u8> {
    trailers.split(|byte| *byte == b'\n').find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        name.trim_ascii().eq_ignore_ascii_case(b"grpc-status").then(|| super::code(value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Form;

    fn message(flag: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![flag];
        bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn a_message_that_did_not_end_is_not_counted() {
        let mut messages = Messages::new(Form::Plain).unwrap();
        messages.see(&message(0, b"one"));
        messages.see(&message(1, b""));
        messages.see(&message(0, b"three")[..9]);
        assert_eq!(messages.count(), Some(2));
    }

    #[test]
    fn an_absurd_length_never_ends() {
        let mut messages = Messages::new(Form::Plain).unwrap();
        messages.see(&[0, 0xff, 0xff, 0xff, 0xff]);
        for _ in 0..1000 {
            messages.see(&[0; 4096]);
        }
        assert_eq!(messages.count(), Some(0));
    }

    #[test]
    fn what_is_not_grpc_is_not_counted() {
        let mut messages = Messages::new(Form::Plain).unwrap();
        messages.see(b"<html>not found</html>");
        assert_eq!(messages.count(), None);
    }

    #[test]
    fn unseen_bytes_lose_the_borders_only_where_one_may_lie_in_them() {
        let mut messages = Messages::new(Form::Plain).unwrap();
        messages.see(&message(0, &[0; 100])[..50]);
        messages.skip(55);
        messages.see(&message(0, b"x"));
        assert_eq!(messages.count(), Some(2));
        messages.skip(1);
        assert_eq!(messages.count(), None);
    }

    #[test]
    fn trailers_in_the_body_have_the_status() {
        for (trailers, expected) in [
            ("grpc-status: 0\r\ngrpc-message: fine\r\n", Some(0)),
            ("x: y\r\nGrpc-Status:13\r\n", Some(13)),
            ("grpc-status:many\r\n", Some(2)),
            ("grpc-message:no status\r\n", None),
        ] {
            let mut messages = Messages::new(Form::Web).unwrap();
            messages.see(&message(0, b"hello"));
            for byte in message(TRAILERS, trailers.as_bytes()) {
                messages.see(&[byte]);
            }
            assert_eq!((messages.count(), messages.status()), (Some(1), expected), "{trailers}");
        }
    }

    proptest! {
        #[test]
        fn the_count_does_not_care_where_frames_are_cut(
            sizes in prop::collection::vec(0_usize..40, 0..20),
            cuts in prop::collection::vec(1_usize..13, 1..60),
        ) {
            let bytes: Vec<u8> = sizes.iter().flat_map(|size| message(0, &vec![7; *size])).collect();
            let mut messages = Messages::new(Form::Plain).unwrap();
            let (mut rest, mut cuts) = (bytes.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (frame, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                messages.see(frame);
                rest = after;
            }
            prop_assert_eq!(messages.count(), Some(sizes.len() as u32));
        }

        #[test]
        fn no_bytes_make_it_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..20)) {
            let mut messages = Messages::new(Form::Web).unwrap();
            for frame in &frames {
                messages.see(frame);
                messages.skip(frame.len());
            }
            let _ = messages.count();
        }
    }
}
