//! Whether, and where, the local page is served: `CAMPANILE_VIEWER`.

use std::net::{Ipv4Addr, SocketAddr};

use super::Builder;
use super::settings::Settings;
use super::value::Reader;
use crate::error::BuildError;

const KEY: &str = "CAMPANILE_VIEWER";

/// Where the page is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewerAt {
    /// Nowhere.
    Off,
    /// At the usual port, or at another one where that is taken.
    Anywhere,
    /// Here alone.
    Address(SocketAddr),
}

#[cfg(feature = "viewer")]
impl std::fmt::Display for ViewerAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Anywhere => f.write_str("on"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What the environment says.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<ViewerAt> {
    let wanted = "on, off, a port such as 7878, or a loopback address with a port such as 127.0.0.1:7878";
    let at = reader.parsed(KEY, wanted, parse);
    if cfg!(not(feature = "viewer")) && at.is_some_and(|at| at != ViewerAt::Off) {
        reader.warnings.push(KEY, "needs the feature `viewer` and is ignored");
    }
    at
}

fn parse(text: &str) -> Option<ViewerAt> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["off", "0", "false"]) {
        return Some(ViewerAt::Off);
    }
    if is_one_of(&["on", "1", "true"]) {
        return Some(ViewerAt::Anywhere);
    }
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let named = || text.strip_prefix("localhost:").and_then(|port| port.parse().ok()).map(local);
    let port = || text.parse().ok().map(local);
    text.parse().ok().or_else(named).or_else(port).map(ViewerAt::Address)
}

/// The key of a setting by which the page would be seen from elsewhere.
pub(super) fn check(settings: &Settings, in_code: bool) -> Result<(), BuildError> {
    match settings.viewer {
        Some(ViewerAt::Address(address)) if !address.ip().is_loopback() => Err(BuildError::new(
            if in_code { "viewer_at" } else { KEY },
            "needs a loopback address such as 127.0.0.1:7878; for other machines, mount Telemetry::viewer behind a sign-in",
        )),
        _ => Ok(()),
    }
}

impl Builder {
    /// Whether the [local page](crate::viewer) of the store is served, at 127.0.0.1: port 7878, else any that is free.
    ///
    /// # Default
    /// With [`from_env`](Self::from_env): in debug builds on a terminal that have a store. Else it is not.
    #[cfg(feature = "viewer")]
    pub fn viewer(mut self, is_on: bool) -> Self {
        self.viewer = Some(if is_on { ViewerAt::Anywhere } else { ViewerAt::Off });
        self
    }

    /// [`viewer`](Self::viewer) at this loopback address alone.
    #[cfg(feature = "viewer")]
    pub fn viewer_at(mut self, address: impl Into<SocketAddr>) -> Self {
        self.viewer = Some(ViewerAt::Address(address.into()));
        self
    }
}

#[cfg(feature = "viewer")]
pub(super) use self::page::Page;

#[cfg(feature = "viewer")]
mod page {
    use std::fmt;
    use std::io::IsTerminal as _;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::PathBuf;
    use std::sync::{Arc, OnceLock, Weak};

    use serde_json::{Value as Json, json};

    use super::{KEY, ViewerAt};
    use crate::config::env::Warnings;
    use crate::config::exporters::causes;
    use crate::config::in_force::InForce;
    use crate::layer::Shared;
    use crate::pipeline::Onlooker;
    use crate::record::Losses;
    use crate::viewer::{Server, Viewer, ViewerService, vitals};

    /// The page of a telemetry.
    #[derive(Clone)]
    pub(in crate::config) struct Page {
        viewer: Viewer,
        /// Where it is served, with its token.
        url: Option<Arc<str>>,
    }

    impl Page {
        /// Makes it, and serves it where the settings say so.
        pub(in crate::config) fn open(
            at: Option<ViewerAt>,
            directory: Option<PathBuf>,
            shared: &Arc<Shared>,
            in_force: InForce,
            warnings: &mut Warnings,
        ) -> Self {
            let problems = Arc::new(OnceLock::new());
            let about = about(Arc::downgrade(shared), in_force, Arc::clone(&problems));
            let page = Self::begin(at, directory, shared, Box::new(about), warnings);
            // Whatever came up until now was the last of it.
            let _ = problems.set(warnings.clone().into_inner());
            page
        }

        fn begin(
            at: Option<ViewerAt>,
            directory: Option<PathBuf>,
            shared: &Arc<Shared>,
            about: Box<dyn Fn() -> Json + Send + Sync>,
            warnings: &mut Warnings,
        ) -> Self {
            let by_place = cfg!(debug_assertions) && directory.is_some() && std::io::stdout().is_terminal();
            let at = at.unwrap_or(if by_place { ViewerAt::Anywhere } else { ViewerAt::Off });
            let has_store = directory.is_some();
            let page = Self { viewer: Viewer::of_application(directory, about), url: None };
            if at == ViewerAt::Off || !shared.is_on {
                return page;
            }
            if !has_store {
                warnings.push(KEY, "needs a store; there is none");
                return page;
            }
            match serve(&page.viewer, at) {
                Ok(server) => {
                    if let Some(warning) = server.warning() {
                        warnings.push(KEY, format_args!("has a token that will not outlive the process: {warning}"));
                    }
                    // Answers in production tell nothing of where they could be looked at.
                    if cfg!(debug_assertions) {
                        shared.link_to(&format!("http://{}/r/", server.address()));
                    }
                    let url = Some(Arc::from(server.url()));
                    shared.keep_page(Box::new(server));
                    Self { url, ..page }
                }
                Err(error) => {
                    warnings.push(KEY, format_args!("is left out: {error}{}", causes(&error)));
                    page
                }
            }
        }

        /// Where it is served, for the one who started it.
        pub(in crate::config) fn url(&self) -> Option<&str> {
            self.url.as_deref()
        }

        pub(in crate::config) fn service(&self) -> ViewerService {
            self.viewer.service()
        }
    }

    /// Its address has a secret.
    impl fmt::Debug for Page {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Page").field("is_served", &self.url.is_some()).finish_non_exhaustive()
        }
    }

    fn serve(viewer: &Viewer, at: ViewerAt) -> Result<Server, crate::viewer::ServeError> {
        let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match at {
            ViewerAt::Address(address) => viewer.serve(address),
            _ => viewer.serve(local(Viewer::DEFAULT_PORT)).or_else(|_| viewer.serve(local(0))),
        }
    }

    /// What the application tells of itself.
    fn about(shared: Weak<Shared>, in_force: InForce, problems: Arc<OnceLock<Vec<String>>>) -> impl Fn() -> Json + Send + Sync {
        let onlooker = Onlooker::new();
        move || {
            let Some(shared) = shared.upgrade() else { return Json::Null };
            let pipeline = &shared.hub.pipeline;
            let stats = pipeline.stats();
            // What settings asked to leave out is not lost.
            let lost = |losses: &Losses| {
                let losses = losses.clone().unasked();
                let by_reason = losses.iter().map(|(reason, count)| json!([reason.as_str(), count]));
                (losses.total(), by_reason.collect::<Json>())
            };
            let (lost_before, lost_before_by) = lost(&stats.dropped);
            let exporters = stats.exporters.iter().map(|it| {
                let (lost, lost_by) = lost(&it.dropped);
                json!({
                    "name": it.name, "offered": it.offered, "delivered": it.delivered, "queued": it.queued,
                    "lost": lost, "lost_by": lost_by,
                    "metrics_delivered": it.metrics_delivered, "metrics_failed": it.metrics_failed,
                })
            });
            json!({
                "pid": std::process::id(),
                "offered": stats.offered,
                "live": stats.live,
                "forwarded": stats.forwarded,
                "queued": stats.queued,
                "memory_bytes": stats.memory_bytes,
                "body_bytes": shared.bodies.as_ref().map_or(0, |rules| rules.held_bytes()),
                "lost": lost_before,
                "lost_by": lost_before_by,
                "left_out": stats.dropped.total().saturating_sub(lost_before),
                "vitals": vitals(onlooker.look(pipeline)),
                "exporters": exporters.collect::<Json>(),
                "settings": in_force.json(),
                "reads_environment": in_force.reads_env(),
                "problems": problems.get(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_short() {
        let at = |text: &str| parse(text);
        let local = |port: u16| Some(ViewerAt::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        assert_eq!((at("On"), at("off")), (Some(ViewerAt::Anywhere), Some(ViewerAt::Off)));
        assert_eq!((at("9000"), at("localhost:9000"), at("127.0.0.1:9000")), (local(9000), local(9000), local(9000)));
        assert_eq!(at("[::1]:9000"), Some(ViewerAt::Address("[::1]:9000".parse().unwrap())));
        for text in ["", "yes", "99999", "127.0.0.1", "example.org:80", "-1"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
