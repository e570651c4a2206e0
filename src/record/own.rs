//! Which code is the application's own: what was not fetched by cargo and does not come with the compiler.

/// Whether a source file is the application's own.
///
/// By where cargo and the compiler keep what they fetch; whoever vendors differently names own targets in the settings.
pub(crate) fn is_own_file(file: &str) -> bool {
    const FOREIGN: [&str; 6] = ["registry/src/", "git/checkouts/", "/rustc/", "/vendor/", "/nix/store/", "/rustlib/src/"];
    const FOREIGN_ON_WINDOWS: [&str; 4] = ["registry\\src\\", "git\\checkouts\\", "\\vendor\\", "\\rustlib\\src\\"];
    !FOREIGN.iter().chain(&FOREIGN_ON_WINDOWS).any(|part| file.contains(part))
}

/// Whether a crate is one that carries an application rather than being one: the standard library, runtimes, frameworks,
/// and what wraps errors.
///
/// Asked only where a build without debug information left no source file to go by.
pub(crate) fn is_carrier(krate: &str) -> bool {
    CARRIERS.binary_search(&krate).is_ok() || krate.starts_with("__")
}

/// Sorted, to be searched.
const CARRIERS: [&str; 80] = [
    "actix_http",
    "actix_web",
    "addr2line",
    "alloc",
    "anyhow",
    "async_std",
    "async_stream",
    "async_trait",
    "axum",
    "axum_core",
    "axum_extra",
    "backtrace",
    "bytes",
    "color_eyre",
    "core",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_utils",
    "deadpool",
    "diesel",
    "eyre",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_util",
    "gimli",
    "h2",
    "hashbrown",
    "http",
    "http_body",
    "http_body_util",
    "hyper",
    "hyper_util",
    "lock_api",
    "matchit",
    "mio",
    "native_tls",
    "object",
    "once_cell",
    "openssl",
    "panic_abort",
    "panic_unwind",
    "parking_lot",
    "pin_project",
    "pin_project_lite",
    "proc_macro",
    "prost",
    "rayon",
    "rayon_core",
    "reqwest",
    "ring",
    "rustc_demangle",
    "rustls",
    "scoped_tls",
    "serde",
    "serde_core",
    "serde_json",
    "smol",
    "sqlx",
    "sqlx_core",
    "std",
    "test",
    "thiserror",
    "tokio",
    "tokio_rustls",
    "tokio_stream",
    "tokio_tungstenite",
    "tokio_util",
    "tonic",
    "tower",
    "tower_http",
    "tower_layer",
    "tower_service",
    "tracing",
    "tracing_core",
    "tracing_error",
    "tracing_futures",
    "tracing_subscriber",
    "tungstenite",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_code_is_what_cargo_did_not_fetch() {
        assert!(is_own_file("src/main.rs"));
        assert!(is_own_file("/home/me/shop/src/orders.rs"));
        assert!(!is_own_file("/home/me/.cargo/registry/src/index-1/sqlx-0.8/src/lib.rs"));
        assert!(!is_own_file("/home/me/.cargo/git/checkouts/a-1/src/lib.rs"));
        assert!(!is_own_file("C:\\Users\\me\\.cargo\\git\\checkouts\\a-1\\src\\lib.rs"));
        assert!(!is_own_file("/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/option.rs"));
    }

    #[test]
    fn what_carries_an_application_is_found_by_name() {
        for krate in ["actix_http", "std", "tokio", "serde_json", "tracing_core", "__rustc"] {
            assert!(is_carrier(krate), "{krate}");
        }
        assert!(!is_carrier("shop"));
        assert!(CARRIERS.is_sorted());
    }
}
