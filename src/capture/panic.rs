//! Panics: where they happened, which only the hook is told, and whose they are.
//!
//! The hook runs on the thread that panics, whatever that thread was doing: it waits for no lock, runs nothing of the
//! application's, and ends in the hook that was there before.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::panic::{self, Location, PanicHookInfo};
use std::sync::{Arc, Mutex, Once, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::hub::hub_of_thread;
use super::write::tell_failure;
use super::{Exchange, Hub, Link, current};
use crate::pipeline::is_quiet;
use crate::record::parts::{FailureSlot, MAX_BACKTRACE_BYTES, MAX_FIELD_BYTES, Parts, cut_at};
use crate::record::{FailureKind, Kind, Outcome, Record, SpanId};
use crate::time;

/// How long the end of the process is put off for what is queued to be written.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Of a text so much is kept, so that what is cut to its limit later is still marked as cut.
const BEYOND: usize = 4;

/// What the hook saw of a panic.
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

/// The telemetry that was installed last: it is told of panics that no other one has to do with.
static INSTALLED: Mutex<Weak<Hub>> = Mutex::new(Weak::new());

/// What the hook saw of the panic that said `message`, if that was the last one on this thread.
///
/// It may have been another one: a panic that was carried over from another thread and resumed here calls no hook. It
/// stays for the exchange around this one.
pub(crate) fn last_panic(message: &str) -> Option<PanicPlace> {
    let message = beginning(message, MAX_FIELD_BYTES);
    let of_it = |last: &RefCell<Option<PanicPlace>>| {
        last.try_borrow().ok().and_then(|last| last.as_ref().filter(|place| place.message == message).cloned())
    };
    LAST.try_with(of_it).ok().flatten()
}

/// Puts every panic on the record that it belongs to, and then calls the hook that was there before.
pub(crate) fn install_hook(hub: &Arc<Hub>) {
    static ONCE: Once = Once::new();
    *INSTALLED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::downgrade(hub);
    ONCE.call_once(|| {
        // Read now, as the environment may be locked when the hook runs.
        let _ = wants_backtrace();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            before(info);
        }));
    });
}

/// As for the standard hook, `RUST_BACKTRACE` decides.
fn wants_backtrace() -> bool {
    static WANTS: OnceLock<bool> = OnceLock::new();
    *WANTS.get_or_init(|| std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0"))
}

fn note(info: &PanicHookInfo<'_>) {
    // A thread of ours answers for itself, and a value that panics while it is formatted for us leaves a mark in its place.
    if is_quiet() || current::is_busy() {
        return;
    }
    let Some(location) = info.location() else { return };
    let message = message_of(info.payload());
    let is_last = cfg!(panic = "abort") || ends_the_process(message, location);
    // It stays with the thread, which counts against no budget: no more of it than a record takes.
    let backtrace = wants_backtrace().then(|| printed(&Backtrace::force_capture(), MAX_BACKTRACE_BYTES));
    let message = beginning(message, MAX_FIELD_BYTES).to_owned();
    let seen = PanicPlace { message, file: location.file().to_owned(), line: location.line(), backtrace };
    let hub = seen.put(is_last);
    let _ = LAST.try_with(|last| last.try_borrow_mut().map(|mut last| *last = Some(seen)));
    if is_last {
        end(hub);
    }
}

fn beginning(text: &str, max: usize) -> &str {
    cut_at(text, max + BEYOND).0
}

/// [`beginning`] of what a value prints: the rest, which may be megabytes of frames, is not even written.
fn printed(value: &dyn fmt::Display, max: usize) -> String {
    struct Short {
        text: String,
        left: usize,
    }
    impl fmt::Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let (kept, is_cut) = cut_at(text, self.left);
            self.text.push_str(kept);
            self.left -= kept.len();
            if is_cut { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut short = Short { text: String::new(), left: max + BEYOND };
    // The error is ours: there was more than is wanted.
    let _ = write!(short, "{value}");
    short.text
}

/// Whether no unwinding follows: a destructor panicked while another panic was unwinding, or a function that must not
/// unwind did.
///
/// # Source
/// `core::panicking::panic_in_cleanup` and `panic_cannot_unwind`, which say so and stand nowhere else.
fn ends_the_process(message: &str, location: &Location<'_>) -> bool {
    matches!(message, "panic in a destructor during cleanup" | "panic in a function that cannot unwind")
        && location.file().replace('\\', "/").ends_with("library/core/src/panicking.rs")
}

impl PanicPlace {
    /// Puts it on the request of this thread, else on a record of its own; gives the telemetry that has it.
    fn put(&self, is_last: bool) -> Option<Arc<Hub>> {
        let here = current::with(|exchange| {
            exchange.fail_by_panic(&self.message, Some(self));
            Arc::clone(&exchange.link.hub)
        });
        if here.is_some() {
            if is_last && let Some(exchange) = current::take() {
                // Nobody will come back to end it.
                let counts_request_bytes = exchange.link.request_bytes() > 0;
                exchange.finish(Outcome::Panicked, counts_request_bytes);
            }
            return here;
        }
        let tied =
            current::guest().map(|link| (link.span_id, link)).or_else(|| current::visited().map(|(link, span)| (span, link)));
        if let Some((span, link)) = tied {
            self.put_elsewhere(&link, span, is_last);
            return Some(Arc::clone(&link.hub));
        }
        let hub = hub_in_charge()?;
        let mut parts = hub.pipeline.parts();
        (parts.kind, parts.start_unix_ns) = (Kind::Event, time::unix_ns());
        self.push(&mut parts, (SpanId::INVALID, 0));
        tell_failure(&mut parts, &hub);
        hub.pipeline.offer(Record::new(parts));
        Some(hub)
    }

    /// On the record of a request whose exchange is not here; on one of its own where that is over or will never be.
    fn put_elsewhere(&self, link: &Arc<Link>, span: SpanId, is_last: bool) {
        let mut parts = link.hub.pipeline.parts();
        self.push(&mut parts, (span, link.now_ns()));
        let late = if is_last { Err(parts) } else { link.try_deliver(parts) };
        if let Err(parts) = late {
            link.deliver_late(parts);
        }
    }

    fn push(&self, parts: &mut Parts, at: (SpanId, u64)) {
        parts.make_room_for_failure();
        let text_bytes = parts.text.len();
        let message = parts.push_text(&self.message, MAX_FIELD_BYTES);
        let file = parts.push_text(&self.file, MAX_FIELD_BYTES);
        let backtrace = self.backtrace.as_deref().map(|text| parts.push_text(text, MAX_BACKTRACE_BYTES)).unwrap_or_default();
        let failure = FailureSlot { message, file, line: self.line, backtrace, ..FailureSlot::new(FailureKind::Panic, at) };
        if !parts.push_failure(failure) {
            parts.text.truncate(text_bytes);
        }
    }
}

/// The telemetry that listens to this thread, else the one that is installed.
fn hub_in_charge() -> Option<Arc<Hub>> {
    hub_of_thread().or_else(|| INSTALLED.try_lock().ok()?.upgrade())
}

/// Has what is queued written before the process ends.
fn end(hub: Option<Arc<Hub>>) {
    let until = Instant::now() + LAST_WORDS;
    let installed = INSTALLED.try_lock().ok().and_then(|installed| installed.upgrade());
    let other = installed.filter(|installed| hub.as_ref().is_none_or(|hub| !Arc::ptr_eq(hub, installed)));
    for hub in hub.into_iter().chain(other) {
        hub.pipeline.flush(until.saturating_duration_since(Instant::now()));
    }
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
    /// Puts a panic on the record, unless it is there already.
    pub(crate) fn fail_by_panic(&mut self, message: &str, place: Option<&PanicPlace>) {
        let at = (self.innermost(), self.now_ns());
        match place {
            Some(place) => place.push(&mut self.parts, at),
            None => {
                let message = self.parts.push_text(message, MAX_FIELD_BYTES);
                self.parts.push_failure(FailureSlot { message, ..FailureSlot::new(FailureKind::Panic, at) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_panic_no_more_stays_with_its_thread_than_a_record_takes() {
        let telemetry = crate::builder().build().unwrap();
        telemetry.install();
        let said = "é".repeat(1_000_000);
        let message = said.clone();
        let seen = std::thread::spawn(move || {
            let payload = panic::catch_unwind(|| panic!("{message}")).unwrap_err();
            last_panic(message_of(&*payload))
        });
        let place = seen.join().unwrap().expect("it is found by its whole message");
        assert!((MAX_FIELD_BYTES..=MAX_FIELD_BYTES + BEYOND).contains(&place.message.len()));
        let mut parts = Parts::default();
        place.push(&mut parts, (SpanId::INVALID, 0));
        let text = parts.str(parts.failures[0].message);
        assert!(
            text.ends_with(crate::record::parts::CUT_MARK)
                && said.starts_with(text.trim_end_matches(crate::record::parts::CUT_MARK)),
            "{}",
            text.len()
        );
    }

    #[test]
    fn of_a_backtrace_no_more_is_written_than_a_record_takes() {
        struct Deep(std::cell::Cell<usize>);
        impl fmt::Display for Deep {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for frame in 0..1_000_000 {
                    self.0.set(frame);
                    writeln!(f, "{frame:8}: recursé")?;
                }
                Ok(())
            }
        }
        let deep = Deep(std::cell::Cell::new(0));
        let text = printed(&deep, MAX_BACKTRACE_BYTES);
        assert!((MAX_BACKTRACE_BYTES..=MAX_BACKTRACE_BYTES + BEYOND).contains(&text.len()), "{}", text.len());
        assert!(text.starts_with("       0: recursé\n") && deep.0.get() < 3000, "{} frames", deep.0.get());
        assert_eq!(printed(&"short", MAX_BACKTRACE_BYTES), "short");
    }

    #[test]
    fn a_panic_that_is_caught_while_a_thread_ends_ends_nothing_else() {
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                let _ = panic::catch_unwind(|| panic!("in a destructor of the thread"));
            }
        }
        thread_local! {
            static FIRST: Last = const { Last };
        }
        let telemetry = crate::builder().build().unwrap();
        telemetry.install();
        let thread = std::thread::spawn(|| {
            FIRST.with(|_| ());
            // Makes whatever the hook uses of the thread, which is gone before or after the first.
            let _ = panic::catch_unwind(|| panic!("before"));
            tracing::info!("said");
        });
        assert!(thread.join().is_ok());
    }
}
