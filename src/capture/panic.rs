//! Where a panic happened, which only the panic hook is told.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use super::Exchange;
use crate::record::parts::{FailureSlot, MAX_FIELD_BYTES, Text};
use crate::record::{FailureKind, SpanId};

/// What the hook saw of the last panic on this thread.
#[derive(Clone, Debug)]
pub(crate) struct PanicPlace {
    message: String,
    file: String,
    line: u32,
    backtrace: Option<String>,
}

thread_local! {
    static LAST: RefCell<Option<PanicPlace>> = const { RefCell::new(None) };
}

/// What the hook saw of the panic that said `message`, if that was the last one on this thread.
///
/// It may have been another one: a panic that was carried over from another thread and resumed here calls no hook. It
/// stays for the exchange around this one.
pub(crate) fn last_panic(message: &str) -> Option<PanicPlace> {
    let of_it = |last: &RefCell<Option<PanicPlace>>| {
        last.try_borrow().ok().and_then(|last| last.as_ref().filter(|place| place.message == message).cloned())
    };
    LAST.try_with(of_it).ok().flatten()
}

/// Notes the place of every panic, and then calls the hook that was there before.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            before(info);
        }));
    });
}

fn note(info: &PanicHookInfo<'_>) {
    let Some(location) = info.location() else { return };
    // As for the standard hook, RUST_BACKTRACE decides.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let message = message_of(info.payload()).to_owned();
    let place = PanicPlace { message, file: location.file().to_owned(), line: location.line(), backtrace };
    let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(place)));
}

/// What a panic said.
pub(crate) fn message_of<'a>(payload: &'a (dyn Any + 'static)) -> &'a str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("<non-string panic>")
}

impl Exchange {
    /// Puts a panic on the record.
    pub(crate) fn fail_by_panic(&mut self, message: &str, place: Option<PanicPlace>) {
        let (time_ns, span): (u64, SpanId) = (self.now_ns(), self.innermost());
        let parts = &mut self.parts;
        let message = parts.push_text(message, MAX_FIELD_BYTES);
        let (mut file, mut line, mut backtrace) = (Text::EMPTY, 0, Text::EMPTY);
        if let Some(place) = place {
            file = parts.push_text(&place.file, MAX_FIELD_BYTES);
            line = place.line;
            if let Some(text) = place.backtrace {
                backtrace = parts.push_text(&text, MAX_FIELD_BYTES);
            }
        }
        let kind = FailureKind::Panic;
        self.panic(FailureSlot { kind, time_ns, span, type_name: Text::EMPTY, message, file, line, backtrace, causes: (0, 0) });
    }
}
