//! The page on a port of its own.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use super::core::Core;
use super::gate::Access;
use super::route;
use crate::pipeline;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 64;
/// How long the head of a request may take to come.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The largest head, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Said to whoever comes when there is no room, as far as it is heard.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The page on a port of its own; ends when it is dropped, which waits for nothing.
pub struct Server {
    address: SocketAddr,
    core: Arc<Core>,
    end: watch::Sender<bool>,
}

/// Why the page cannot be served.
#[derive(Debug)]
pub struct ServeError {
    message: &'static str,
    cause: Option<io::Error>,
}

impl Server {
    pub(super) fn start(core: Arc<Core>, address: SocketAddr) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() {
            return Err(ServeError { message: "the page is served at loopback addresses alone", cause: None });
        }
        let failed = |error| ServeError { message: "the page's address cannot be bound", cause: Some(error) };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (end, ended) = watch::channel(false);
        let shared = Arc::clone(&core);
        let serve = move || {
            pipeline::hush();
            super::pool::give_way();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(accept(listener, shared, address.port(), ended));
            }
        };
        std::thread::Builder::new().name("campanile-viewer".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Self { address, core, end })
    }

    /// Where it is served.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address to open, with the token: for the one who started it, and for nobody else.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.core.secrets.token())
    }

    /// Why the token is not the one that was kept, or will not be.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.core.secrets.problem()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The last to hold a telemetry may be a request, or the page's own thread: neither waits for a thread to end.
        let _ = self.end.send(true);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

async fn accept(listener: TcpListener, core: Arc<Core>, port: u16, mut ended: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ended.changed() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, most likely: others need some time to close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            let _ = stream.try_write(FULL);
            continue;
        };
        let core = Arc::clone(&core);
        drop(tokio::spawn(async move {
            serve(stream, core, port).await;
            drop(place);
        }));
    }
}

async fn serve(stream: TcpStream, core: Arc<Core>, port: u16) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let core = Arc::clone(&core);
        async move { Ok::<_, std::convert::Infallible>(route::answer(&core, Access::Own { port }, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(MAX_HEAD);
    // A broken connection is the other side's business.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
