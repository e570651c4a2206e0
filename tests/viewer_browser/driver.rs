//! Runs a script that drives a browser.

use std::env;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a script looks at.
pub(crate) trait Looked {
    /// The page's address, with its token.
    fn page(&self) -> &str;

    /// The application's own address.
    fn application(&self) -> &str;
}

/// Node, with the packages that drive a browser.
pub(crate) struct Driver {
    packages: PathBuf,
}

impl Driver {
    /// As `scripts/browser` installed it; where it is optional and missing, the test is left out by name.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
        // The stamp comes last: half an installation is none.
        if packages.join("installed").exists() {
            return Some(Self { packages });
        }
        let is_optional = env::var_os("TEST_BROWSER_OPTIONAL").is_some_and(|value| value == "1");
        assert!(is_optional, "the browser of this test is not installed: run scripts/browser");
        let line = format!("left out: {test} (browser not installed)\n");
        eprint!("{line}");
        if let Some(path) = env::var_os("TEST_LEFT_OUT") {
            // One write for a line: tests in parallel append to the same file.
            File::options().append(true).create(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
        }
        None
    }

    /// Runs `cases/CASE.mjs`; it fails by its exit code, and says why.
    pub(crate) fn run(&self, case: &str, looked: &impl Looked) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/viewer_browser/cases");
        let output = Command::new("node")
            .arg(scripts.join(format!("{case}.mjs")))
            .env("PACKAGES", &self.packages)
            .env("PAGE", looked.page())
            .env("APPLICATION", looked.application())
            .env("PICTURES", self.packages.join("pictures"))
            .stdin(Stdio::null())
            .output()
            .expect("node runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{case}: {}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        eprint!("{said}");
    }
}
