//! What goes on after an upgrade: a span of its own, told once it is over.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use tracing::Level;

use crate::capture::attach::attach_at;
use crate::capture::{Handle, Link, WithExchange, current, handle};
use crate::record::parts::{MAX_FIELD_BYTES, Origin, Parts, Slot, SpanSlot, Text};
use crate::record::{Kind, Record, SpanKind, Value};

/// Target of the span.
const TARGET: &str = "campanile::upgraded";

/// Follows what goes on after the current request was answered with an upgrade, such as a WebSocket.
///
/// Call it in the handler, and move what it gives into the task that has the connection. The request's own record ends
/// with its answer, as [`Outcome::Upgraded`](crate::record::Outcome::Upgraded); this one begins another: a span of the
/// same trace, under the request's, with messages and bytes each way and how it ended. Until then it is one of the
/// requests in flight that `campanile ps` lists. Outside a request the guard does nothing.
///
/// # Example
/// ```ignore
/// use axum::extract::ws::{Message, WebSocketUpgrade};
/// use axum::response::Response;
///
/// async fn echo(upgrade: WebSocketUpgrade) -> Response {
///     let upgraded = campanile::upgraded();
///     upgrade.on_upgrade(async move |mut socket| {
///         while let Some(message) = socket.recv().await {
///             let text = match message {
///                 Ok(Message::Text(text)) => text,
///                 Ok(_) => continue,
///                 Err(error) => return upgraded.fail(&error),
///             };
///             upgraded.received(text.len());
///             upgraded.run(|| tracing::info!("a message"));
///             upgraded.sent(text.len());
///             if let Err(error) = socket.send(Message::Text(text)).await {
///                 return upgraded.fail(&error);
///             }
///         }
///         upgraded.finish();
///     })
/// }
/// ```
pub fn upgraded() -> Upgraded {
    let protocol = handle::header_of_current("upgrade");
    let link = current().map(|request| {
        let link = Arc::new(request.link().upgraded());
        link.list();
        link
    });
    Upgraded { link, protocol, end: "dropped" }
}

/// A connection that was handed over; made by [`upgraded`]. Its end, however it comes, makes exactly one record.
///
/// # Shape
/// A record of [`Kind::Span`] named `websocket` where that was asked for, else `upgraded`. Its fields are
/// `campanile.received.messages`, `campanile.received.bytes`, `campanile.sent.messages`, `campanile.sent.bytes`,
/// `campanile.end` (`finished`, `dropped`, `failed` or `panicked`), `network.protocol.name`, `http.route`,
/// and what was [set](Self::set). Events inside it stand alone, with its id: it may go on for days.
#[must_use = "it is over as soon as it is dropped"]
pub struct Upgraded {
    link: Option<Arc<Link>>,
    /// What the connection was upgraded to, as the request asked for it.
    protocol: Option<String>,
    end: &'static str,
}

impl Upgraded {
    /// Counts a message that came in, of so many bytes.
    pub fn received(&self, bytes: usize) {
        if let Some((link, listed)) = self.link.as_ref().and_then(|link| Some((link, link.listed.as_ref()?))) {
            link.received(bytes as u64);
            listed.received_frames.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a message that went out, of so many bytes.
    pub fn sent(&self, bytes: usize) {
        if let Some(listed) = self.link.as_ref().and_then(|link| link.listed.as_ref()) {
            listed.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            listed.sent_frames.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs `f` as part of it: what it logs belongs here.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.handle() {
            Some(handle) => handle.run(f),
            None => f(),
        }
    }

    /// Makes everything that `future` logs part of it, wherever it is polled.
    pub fn within<F: Future>(&self, future: F) -> WithExchange<F> {
        WithExchange::of(future, self.handle())
    }

    /// Sets a field, replacing an earlier value of the same key.
    pub fn set<'a>(&self, key: &str, value: impl Into<Value<'a>>) {
        if let Some(handle) = self.handle() {
            handle.set(key, value);
        }
    }

    /// Puts an error on the record, with its sources and the caller's location: the connection failed.
    #[track_caller]
    pub fn fail<E: Error + 'static>(&self, error: &E) {
        let location = Location::caller();
        self.run(|| attach_at(error, location, None));
    }

    /// Ends it, as it was meant to end.
    pub fn finish(mut self) {
        self.end = "finished";
    }

    fn handle(&self) -> Option<Handle> {
        self.link.clone().map(Handle::new)
    }
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        let end = if thread::panicking() { "panicked" } else { self.end };
        let parts = link.close().unwrap_or_else(|| link.hub.pipeline.parts());
        link.hub.pipeline.offer(record(&link, parts, self.protocol.as_deref(), end));
    }
}

/// The record of it; `parts` holds what was set, and its errors.
fn record(link: &Link, mut parts: Box<Parts>, protocol: Option<&str>, end: &'static str) -> Record {
    let now_ns = link.now_ns();
    link.stamp(&mut parts, Kind::Span);
    parts.duration_ns = now_ns;
    let mut fields = std::mem::take(&mut parts.attributes);
    if let Some(listed) = &link.listed {
        parts.parent_span_id = listed.parent_span_id;
        let counts = [
            ("campanile.received.messages", listed.received_frames.load(Ordering::Relaxed)),
            ("campanile.received.bytes", link.request_bytes()),
            ("campanile.sent.messages", listed.sent_frames.load(Ordering::Relaxed)),
            ("campanile.sent.bytes", listed.sent_bytes.load(Ordering::Relaxed)),
        ];
        for (name, count) in counts {
            parts.push_field(&mut fields, Text::Static(name), Slot::U64(count));
        }
        let (method, path, _) = listed.head();
        parts.method = parts.push_text(method, MAX_FIELD_BYTES);
        parts.path = parts.push_text(path, MAX_FIELD_BYTES);
        if let Some(route) = listed.route() {
            let route = parts.push_text(route, MAX_FIELD_BYTES);
            parts.route = Some(route);
            parts.push_field(&mut fields, Text::Static("http.route"), Slot::Text(route));
        }
    }
    if let Some(protocol) = protocol {
        let protocol = parts.push_text(protocol, MAX_FIELD_BYTES);
        parts.push_field(&mut fields, Text::Static("network.protocol.name"), Slot::Text(protocol));
    }
    let error = parts.failures.first().map(|failure| failure.type_name);
    let error = error.map(|name| if name == Text::EMPTY { Text::Static("_OTHER") } else { name });
    let end = if error.is_some() && end != "panicked" { "failed" } else { end };
    parts.push_field(&mut fields, Text::Static("campanile.end"), Slot::Text(Text::Static(end)));
    let name = if protocol == Some("websocket") { "websocket" } else { "upgraded" };
    let error = error.unwrap_or(if end == "panicked" { Text::Static("panic") } else { Text::EMPTY });
    let level = if error == Text::EMPTY { Level::INFO } else { Level::ERROR };
    let origin = Origin { name: Text::Static(name), target: Text::Static(TARGET), file: Text::EMPTY, line: 0, level };
    let span = SpanSlot {
        id: link.span_id,
        parent: parts.parent_span_id,
        origin,
        kind: SpanKind::Internal,
        error,
        start_ns: 0,
        end_ns: now_ns,
        fields,
    };
    parts.spans.insert(0, span);
    Record::new(parts)
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("link", &self.link).finish_non_exhaustive()
    }
}
