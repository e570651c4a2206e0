//! What is noted of a body while it passes: its first bytes where they are asked for, and messages of gRPC.

mod media;
mod settings;
mod tap;

use std::fmt;
use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Buf;

#[cfg(feature = "reading")]
pub(crate) use self::media::of as media_of;
pub use self::settings::Bodies;
pub(crate) use self::tap::{Rules, Tap};
use super::rpc::Messages;
use crate::pipeline::Pipeline;
use crate::record::Record;

/// Pieces of one frame that are looked at; frames of more pieces are very rare.
const PIECES: usize = 16;

/// Which way a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Response,
}

/// Looks at each frame of one body, and copies what is to be kept. Takes nothing out and holds no frame.
#[derive(Default)]
pub(crate) struct Watch {
    tap: Option<Tap>,
    messages: Option<Messages>,
}

impl Watch {
    /// `None` where there is nothing to note.
    pub(crate) fn new(tap: Option<Tap>, messages: Option<Messages>) -> Option<Self> {
        (tap.is_some() || messages.is_some()).then_some(Self { tap, messages })
    }

    /// Looks at a frame that is on its way.
    pub(crate) fn see(&mut self, frame: &Pieces<'_>) {
        if self.messages.is_none() && self.tap.as_ref().is_none_or(Tap::is_full) {
            return;
        }
        for piece in frame.slices.iter().take(frame.count) {
            self.take(piece);
        }
        if frame.missed > 0 {
            self.miss(frame.missed);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap.keep(bytes);
        }
        if let Some(messages) = &mut self.messages {
            messages.see(bytes);
        }
    }

    /// Bytes passed that could not be looked at.
    fn miss(&mut self, bytes: usize) {
        if let Some(tap) = &mut self.tap {
            tap.close();
        }
        if let Some(messages) = &mut self.messages {
            messages.skip(bytes);
        }
    }

    /// Puts what was noted on the finished record.
    pub(crate) fn settle(self, record: &mut Record, way: Way, pipeline: &Pipeline) {
        if let Some(tap) = self.tap {
            tap.settle(record, way, pipeline);
        }
        let Some(messages) = self.messages else { return };
        let parts = record.parts_mut();
        match way {
            Way::Request => parts.rpc_request_messages = messages.count(),
            Way::Response => parts.rpc_response_messages = messages.count(),
        }
    }

    /// The status of gRPC that stood in the body itself, as it does in grpc-web.
    pub(crate) fn rpc_status(&self) -> Option<u8> {
        self.messages.as_ref().and_then(Messages::status)
    }
}

/// Where the bytes of one frame lie.
///
/// A `Buf` is somebody else's code: it runs here and not under a lock, and what it panics about is theirs to find out.
pub(crate) struct Pieces<'a> {
    slices: [IoSlice<'a>; PIECES],
    count: usize,
    /// Bytes behind them that cannot be seen.
    missed: usize,
}

impl<'a> Pieces<'a> {
    pub(crate) fn of<D: Buf>(data: &'a D) -> Self {
        catch_unwind(AssertUnwindSafe(|| Self::look(data))).unwrap_or_else(|_| Self::new(usize::MAX))
    }

    fn new(missed: usize) -> Self {
        Self { slices: [IoSlice::new(&[]); PIECES], count: 0, missed }
    }

    fn look<D: Buf>(data: &'a D) -> Self {
        let (all, first) = (data.remaining(), data.chunk());
        let mut pieces = Self::new(all);
        if first.len() >= all {
            let [slice, ..] = &mut pieces.slices;
            (*slice, pieces.count, pieces.missed) = (IoSlice::new(first.get(..all).unwrap_or_default()), 1, 0);
            return pieces;
        }
        let count = data.chunks_vectored(&mut pieces.slices);
        for slice in pieces.slices.iter().take(count) {
            // No more than it said, whatever it shows.
            let Some(left) = pieces.missed.checked_sub(slice.len()) else { break };
            pieces.missed = left;
            pieces.count += 1;
        }
        pieces
    }
}

impl fmt::Debug for Watch {
    /// Without what was seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
