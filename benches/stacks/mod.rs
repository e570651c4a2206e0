//! What stands around the app: nothing, campanile, or what people assemble today.

mod campanile;
mod identity;

use std::net::SocketAddr;
use std::time::Duration;

use ::campanile::Telemetry;
use axum::Router;
pub use campanile_peers::Delivered;
use campanile_peers::{PEERS, Peer, Route, app};

use self::campanile::{OURS, Ours};
use self::identity::{Identity, OwnBodies};
use crate::sink;

/// What is no telemetry at all, to compare with.
const BASELINES: [(&str, &str); 3] = [
    ("bare", "the app alone"),
    ("identity", "a layer that does nothing"),
    ("own-bodies", "a layer that does nothing but wrap bodies"),
];

/// How long a flush may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Names of all stacks, the bare app first; each with what it is.
pub const STACKS: [(&str, &str); BASELINES.len() + OURS.len() + PEERS.len()] = {
    let (ours, peers) = (BASELINES.len(), BASELINES.len() + OURS.len());
    let mut all = [("", ""); BASELINES.len() + OURS.len() + PEERS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < ours {
            BASELINES[at]
        } else if at < peers {
            OURS[at - ours]
        } else {
            PEERS[at - peers]
        };
        at += 1;
    }
    all
};

/// An app with what stands around it.
pub struct Stack {
    pub app: Router,
    name: &'static str,
    around: Around,
    sink: SocketAddr,
}

enum Around {
    Nothing,
    Campanile(Ours),
    Peer(Peer),
}

impl Stack {
    /// Builds it and installs what is global of it: one for each process.
    pub fn new(name: &str, sink: SocketAddr) -> Option<Self> {
        let (name, _) = STACKS.into_iter().find(|(known, _)| *known == name)?;
        let (app, around) = match name {
            "bare" => (app(), Around::Nothing),
            "identity" => (app().layer(Identity), Around::Nothing),
            "own-bodies" => (app().layer(OwnBodies), Around::Nothing),
            _ => match Peer::new(name, sink, &key(name)) {
                Some(peer) => (peer.app.clone(), Around::Peer(peer)),
                None => {
                    let ours = Ours::new(name, sink, &key(name));
                    (ours.app(), Around::Campanile(ours))
                }
            },
        };
        Some(Self { app, name, around, sink })
    }

    /// What runs, where it is campanile.
    pub const fn telemetry(&self) -> Option<&Telemetry> {
        match &self.around {
            Around::Campanile(ours) => Some(ours.telemetry()),
            _ => None,
        }
    }

    /// Whether it is campanile, of which nothing may be lost.
    pub const fn is_ours(&self) -> bool {
        matches!(self.around, Around::Campanile(_))
    }

    /// Whether requests come with a trace that is sampled.
    pub fn is_sampled(&self) -> bool {
        !matches!(self.name, "unsampled" | "flight")
    }

    /// Waits until all that was recorded is where it goes.
    pub fn flush(&self, requests: u64, route: Route) {
        match &self.around {
            Around::Nothing => {}
            Around::Campanile(ours) => assert!(ours.telemetry().flush(DEADLINE), "the flush ended in time"),
            Around::Peer(peer) => peer.flush(requests, route, DEADLINE),
        }
    }

    /// What one request has to leave behind.
    pub fn due(&self, route: Route) -> Delivered {
        match &self.around {
            Around::Nothing => Delivered::default(),
            Around::Campanile(_) => campanile::due(self.name, route),
            Around::Peer(peer) => peer.due(route),
        }
    }

    /// What has arrived by now; ask after [`flush`](Self::flush).
    pub fn delivered(&self, key: &str) -> Delivered {
        let here = match &self.around {
            Around::Nothing => Delivered::default(),
            Around::Campanile(ours) => ours.kept_here(),
            Around::Peer(peer) => peer.kept_here(),
        };
        let (spans, logs) = sink::counted(self.sink, key);
        Delivered { spans, logs, ..here }
    }
}

/// Under which name a process's stack is counted at the sink; several processes may run the same stack.
pub fn key(stack: &str) -> String {
    format!("{stack}-{}", std::process::id())
}
