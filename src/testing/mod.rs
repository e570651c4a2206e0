//! For tests of your own telemetry: what does a request leave behind?
//!
//! [`start`] gives a telemetry of its own to each test, so that tests may run side by side. Nothing becomes global, but for
//! one thing that nobody notices: from the first [`start`] on, `tracing` asks again at every callsite.
//!
//! ```
//! use axum::{Router, body::Body, extract::Path, routing::get};
//! use campanile::testing;
//! use http::Request;
//! use tower::ServiceExt as _; // for `oneshot`
//! use tracing::Level;
//!
//! async fn order(Path(id): Path<u32>) -> String {
//!     campanile::set("order.id", id);
//!     tracing::info!(lines = 3, "loaded order");
//!     format!("order {id}")
//! }
//!
//! // #[tokio::test]
//! # #[tokio::main(flavor = "current_thread")] async fn main() { an_order_is_told().await }
//! async fn an_order_is_told() {
//!     let t = testing::start();
//!     let app = Router::new().route("/orders/{id}", get(order)).layer(t.layer());
//!
//!     let response = app.oneshot(Request::get("/orders/981").body(Body::empty()).unwrap()).await.unwrap();
//!     let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
//!     assert_eq!(body, "order 981");
//!
//!     let record = t.one_record().await;
//!     record
//!         .assert()
//!         .status(200)
//!         .route("/orders/{id}")
//!         .attribute("order.id", 981)
//!         .event(Level::INFO, "loaded order")
//!         .no_errors();
//! }
//! ```
//!
//! The record is finished when the body of the response has been read: a response that is dropped before is one whose client
//! went away. [`Kit::send`] sends a request and reads the whole response.
//!
//! # Which code is heard
//! Spans and events find their request through the thread's own subscriber, which [`start`] sets and the [`Kit`] takes back
//! when it is dropped. Everything on the test's thread is heard, and with `#[tokio::test]`, whose runtime has one thread,
//! that is every task. On a runtime with several threads, and in threads that the code begins, hand it on:
//!
//! ```
//! use tracing::instrument::WithSubscriber as _;
//!
//! # #[tokio::main(flavor = "multi_thread")] async fn main() {
//! let t = campanile::testing::start();
//! let task = tokio::spawn(async { tracing::info!("heard") }.with_subscriber(t.dispatch()));
//! task.await.unwrap();
//! # assert_eq!(t.everything().len(), 1);
//! # }
//! ```
//! Records of the `log` crate are not heard: its logger is always the process's. A panic's message is recorded, its place
//! only where a telemetry was [installed](crate::Telemetry::install).
//!
//! # A client that goes away
//! ```
//! use axum::{Router, body::Body, routing::get};
//! use campanile::{record::Outcome, testing};
//! use http::Request;
//!
//! async fn slow() -> &'static str {
//!     std::future::pending().await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let t = testing::start();
//! let app = Router::new().route("/slow", get(slow)).layer(t.layer());
//!
//! t.disconnect_before_head(app, Request::get("/slow").body(Body::empty()).unwrap()).await;
//!
//! t.one_record().await.assert().outcome(Outcome::ClientGoneBeforeHead);
//! # }
//! ```

#![expect(clippy::panic, reason = "a check of a test fails by panicking, and nothing else calls this module")]

mod alarm;
mod assert;
mod client;
mod dump;
mod listen;
mod wait;

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;

pub use self::assert::Assert;
pub use self::wait::{OneRecord, Records};

use self::dump::{Count, dump};
use self::listen::Listener;
use self::wait::requests;
use crate::config::{Builder, Telemetry, builder};
use crate::exporter::Memory;
use crate::keep::Keep;
use crate::layer::ObserveLayer;
use crate::record::Record;

/// Starts a telemetry for the running test: into memory, with all detail kept and otherwise the default settings, heard on
/// this thread.
///
/// # Panics
/// When there is no thread to be had.
#[track_caller]
pub fn start() -> Kit {
    start_with(|builder| builder)
}

/// [`start`] with settings.
///
/// # Panics
/// When a setting cannot be followed.
///
/// # Example
/// ```
/// use campanile::{Bodies, testing};
///
/// let t = testing::start_with(|builder| builder.capture_bodies(Bodies::on()).service_name("shop"));
/// # drop(t);
/// ```
#[track_caller]
pub fn start_with(change: impl FnOnce(Builder) -> Builder) -> Kit {
    let listener = Listener::default();
    let telemetry = match change(builder().keep(Keep::all())).exporter(listener.clone()).build() {
        Ok(telemetry) => telemetry,
        Err(error) => panic!("the telemetry of this test cannot be started: {error}"),
    };
    let dispatch = listen::dispatch(&telemetry);
    let guard = tracing::dispatcher::set_default(&dispatch);
    Kit { _guard: guard, dispatch, listener, telemetry, on_this_thread: PhantomData }
}

/// The telemetry of one test, and what came out of it; made by [`start`].
///
/// It stays on its thread, as the thread's subscriber is part of it. Of two on one thread the later one hears the events.
#[must_use = "dropping it ends the telemetry"]
pub struct Kit {
    // Goes first: what ends with the telemetry is not heard any more.
    _guard: DefaultGuard,
    dispatch: Dispatch,
    listener: Listener,
    telemetry: Telemetry,
    on_this_thread: PhantomData<*const ()>,
}

impl Kit {
    /// How long is waited for what has to happen, before the test fails.
    pub const DEADLINE: Duration = Duration::from_secs(5);

    /// The layer that records every request that passes it.
    pub fn layer(&self) -> ObserveLayer {
        self.telemetry.layer()
    }

    /// The telemetry, for code that takes one.
    pub const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The subscriber that hears for it, to be handed on to other threads.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }

    /// Where records and metrics are kept, for what is not asked here.
    pub const fn memory(&self) -> &Memory {
        &self.listener.memory
    }

    /// Waits until the record of a request is there, and returns it.
    ///
    /// A record is finished when the body of its response has been read or dropped. `.await` it, or
    /// [`wait`](OneRecord::wait) on a thread that may block.
    ///
    /// # Panics
    /// When none came within the [`DEADLINE`](Self::DEADLINE), or more than one. The message tells which.
    #[track_caller]
    pub fn one_record(&self) -> OneRecord {
        OneRecord::new(self.records(1))
    }

    /// Waits until the records of `count` requests are there, and returns them in the order of their ends.
    ///
    /// # Panics
    /// When fewer came within the [`DEADLINE`](Self::DEADLINE), or more.
    #[track_caller]
    pub fn records(&self, count: usize) -> Records {
        Records::new(&self.listener, &self.telemetry, count)
    }

    /// Checks that no request was recorded so far.
    ///
    /// # Panics
    /// When one was.
    #[track_caller]
    pub fn no_records(&self) {
        let found: Vec<_> = requests(&self.everything()).cloned().collect();
        assert!(found.is_empty(), "no request should have been recorded, and {}", Count(&found));
    }

    /// Everything that was finished so far: requests, and events and spans outside any request.
    ///
    /// # Panics
    /// When it cannot be had within the [`DEADLINE`](Self::DEADLINE).
    #[track_caller]
    #[must_use]
    pub fn everything(&self) -> Vec<Record> {
        assert!(self.telemetry.flush(Self::DEADLINE), "the telemetry of this test is stuck: {:?}", self.telemetry.stats());
        self.listener.memory.records()
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("memory", &self.listener.memory).finish_non_exhaustive()
    }
}

impl Record {
    /// Begins checks of the record, for tests.
    #[must_use = "it checks nothing by itself"]
    pub const fn assert(&self) -> Assert<'_> {
        Assert::new(self)
    }

    /// The whole record in lines for people, as failed checks of tests show it; control characters are escaped.
    #[must_use]
    pub fn describe(&self) -> String {
        dump(self)
    }
}
