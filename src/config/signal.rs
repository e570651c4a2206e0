//! The signal to end.

use std::time::Duration;

use super::telemetry::end_installed;

/// How long requests may go on after the signal.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// How long telemetry may take when the process is ended.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// Completes at Ctrl-C, or SIGTERM where there is such a thing: for `axum::serve(…).with_graceful_shutdown(…)`.
///
/// Requests that are still running may then go on for 10 s. After that, or at a second Ctrl-C, what is queued is
/// flushed for up to 2 s and the process ends with status 130: a stream without an end must not keep it alive.
///
/// # Panics
/// Like everything of tokio's, outside a tokio runtime with signals enabled.
pub async fn shutdown_signal() {
    signal().await;
    tokio::spawn(async {
        tokio::select! {
            () = signal() => {}
            () = tokio::time::sleep(DRAIN_DEADLINE) => {}
        }
        let _ = tokio::task::spawn_blocking(|| end_installed(END_DEADLINE)).await;
        std::process::exit(130);
    });
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                () = ctrl_c() => {}
                _ = terminate.recv() => {}
            },
            Err(_) => ctrl_c().await,
        }
    }
    #[cfg(not(unix))]
    ctrl_c().await;
}

/// Never completes where the signal cannot be listened to: a server is not to stop for that.
async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
