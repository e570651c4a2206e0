//! Names of source files, the same on every machine that builds.

/// Directories that hold source files, where there is no `src`.
const SOURCES: [&str; 3] = ["tests", "examples", "benches"];
/// Directories that hold the crates of a workspace.
const WORKSPACES: [&str; 8] = ["crates", "packages", "libs", "services", "apps", "components", "modules", "members"];

/// A file's path from the crate that it belongs to, with `/` between its parts: `src/orders.rs`, `crates/api/src/orders.rs`,
/// and of a dependency `sqlx-core/src/pool.rs`, without its version.
pub(super) fn file(path: &str) -> String {
    let path = path.replace('\\', "/");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let behind = |marks: &[&str]| {
        let at = parts.windows(marks.len()).rposition(|window| window == marks)?;
        parts.get(at + marks.len()..)
    };
    // `registry/src/<index>/<name>-<version>/…`
    if let Some([_, package, rest @ ..]) = behind(&["registry", "src"]) {
        return join(without_version(package), rest);
    }
    // `git/checkouts/<name>-<hash>/<revision>/…`
    if let Some([name, _, rest @ ..]) = behind(&["git", "checkouts"]) {
        return join(name.rsplit_once('-').map_or(*name, |(name, _)| name), rest);
    }
    // `/rustc/<hash>/library/core/…`, and where the sources are installed `…/rustlib/src/rust/library/core/…`.
    if let Some(rest) = behind(&["rustlib", "src", "rust", "library"]) {
        return rest.join("/");
    }
    if let Some([_, library, rest @ ..]) = behind(&["rustc"])
        && *library == "library"
    {
        return rest.join("/");
    }
    let source = parts.iter().rposition(|part| *part == "src");
    let Some(at) = source.or_else(|| parts.iter().rposition(|part| SOURCES.contains(part))) else {
        // A script of one file, or a layout of its own: what stands last is all that two machines surely share.
        return parts.last().copied().unwrap_or_default().to_owned();
    };
    let is_member = at.checked_sub(2).and_then(|at| parts.get(at)).is_some_and(|part| WORKSPACES.contains(part));
    parts.get(if is_member { at - 2 } else { at }..).unwrap_or_default().join("/")
}

fn join(name: &str, rest: &[&str]) -> String {
    std::iter::once(name).chain(rest.iter().copied()).collect::<Vec<_>>().join("/")
}

/// `sqlx-core` of `sqlx-core-0.8.2`.
fn without_version(package: &str) -> &str {
    let version = package.match_indices('-').map(|(at, _)| at).find(|at| {
        package.get(at + 1..).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()) && rest.contains('.'))
    });
    version.and_then(|at| package.get(..at)).unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::file;

    #[test]
    fn machines_that_build_agree() {
        for (path, expected) in [
            ("src/orders.rs", "src/orders.rs"),
            ("./src/orders.rs", "src/orders.rs"),
            ("/home/ci/build-17/shop/src/orders.rs", "src/orders.rs"),
            ("C:\\agent\\_work\\3\\s\\src\\orders\\mod.rs", "src/orders/mod.rs"),
            ("/srv/src/shop/src/orders.rs", "src/orders.rs"),
            ("/build/crates/api/src/main.rs", "crates/api/src/main.rs"),
            ("crates/api/src/main.rs", "crates/api/src/main.rs"),
            (
                "/home/ci/.cargo/registry/src/index-1949cf8c6b5b557f/sqlx-core-0.8.2/src/pool/inner.rs",
                "sqlx-core/src/pool/inner.rs",
            ),
            ("/home/ci/.cargo/git/checkouts/pay-rs-8c1b2d/4f1e0aa/src/lib.rs", "pay-rs/src/lib.rs"),
            ("/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/option.rs", "core/src/option.rs"),
            ("/home/ci/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/option.rs", "core/src/option.rs"),
            ("/build/shop/tests/orders.rs", "tests/orders.rs"),
            ("src/orders/tests/late.rs", "src/orders/tests/late.rs"),
            ("main.rs", "main.rs"),
            ("", ""),
        ] {
            assert_eq!(file(path), expected, "{path}");
        }
    }
}
