//! Two servers that play the same cases: one with the layer, one without.

use campanile::record::Outcome;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tracing::subscriber::DefaultGuard;

use crate::play::{Case, Log, Play, Stack, Telemetries, Variant, cloned};
use crate::support::{Server, serve_with};

pub(crate) struct Pair {
    pub(crate) bare: Side,
    pub(crate) with: Side,
    seen: Telemetries,
    stack: Stack,
    about: String,
    _subscribed: Option<DefaultGuard>,
}

pub(crate) struct Side {
    pub(crate) server: Server,
    pub(crate) log: Log,
    pub(crate) gate: std::sync::Arc<tokio::sync::Semaphore>,
}

impl Pair {
    pub(crate) async fn new(
        (stack, variant): (Stack, Variant),
        cases: &[Case],
        change: fn(&mut auto::Builder<TokioExecutor>),
    ) -> Self {
        let seen = Telemetries::new(stack, variant);
        let subscribed = seen.subscribe(stack);
        let side = async |seen| {
            let play = Play::all(cases.to_vec());
            let (log, gate) = (play.log.clone(), play.gate.clone());
            Side { server: serve_with(cloned(stack, seen, play), change).await, log, gate }
        };
        let (bare, with) = (side(None).await, side(Some(&seen)).await);
        Self { bare, with, seen, stack, about: format!("{stack:?}, {}", variant.0), _subscribed: subscribed }
    }

    /// Compares what clients of the two saw.
    #[track_caller]
    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(&self, with: T, bare: T, cases: &[Case]) {
        let numbers: Vec<_> = cases.iter().map(|case| case.number).collect();
        assert_eq!(with, bare, "{}, cases {numbers:?}, the last of them {:#?}", self.about, cases.last());
    }

    /// Waits until every connection has ended, compares what the services saw, and looks at the records.
    ///
    /// `outcome` says how the record of a case ends; panics are answers where the flag is set.
    pub(crate) async fn stop(self, outcome: impl Fn(u64, bool) -> Outcome) {
        let Self { bare, with, seen, stack, about, _subscribed } = self;
        tokio::join!(bare.server.stop(), with.server.stop());
        let is_catching = stack == Stack::CatchPanic;
        let (bare, with) = (bare.log.take(), with.log.take());
        for (number, lines) in &bare {
            assert_eq!(with.get(number), Some(lines), "inside: {about}, case {number}");
        }
        assert_eq!(with.len(), bare.len(), "{about}");
        let expected = bare.into_keys().map(|number| (number, outcome(number, is_catching)));
        crate::one_record_each(&seen, expected.collect());
    }
}
