//! Data runs one way: no module imports one that comes after it, and there is no ring.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its sources has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module, and what of ours it may import. `ARCHITECTURE.md` says why.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("error", &[]),
    ("time", &[]),
    ("escape", &[]),
    ("digits", &[]),
    ("percent", &[]),
    ("base64", &[]),
    ("scan", &[]),
    ("warn", &["escape"]),
    ("random", &["record"]),
    ("query", &["record"]),
    ("group", &["record", "percent"]),
    ("redact", &["record", "error", "percent", "scan"]),
    ("keep", &["record", "query", "error"]),
    ("propagator", &["record", "random", "error", "percent"]),
    ("store", &["record", "query", "group"]),
    ("contrast", &["record", "query", "group", "store"]),
    ("metrics", &["record"]),
    ("vitals", &["record", "time"]),
    ("exporter", &["record", "error", "escape", "digits", "metrics"]),
    ("page", &["record", "escape", "exporter", "store"]),
    ("remote", &["record", "base64", "error", "escape", "digits", "exporter", "metrics", "warn"]),
    ("pipeline", &["record", "group", "keep", "redact", "exporter", "metrics", "time", "warn", "vitals"]),
    ("capture", &["record", "keep", "metrics", "percent", "pipeline", "propagator", "random", "time"]),
    ("replay", &["record", "capture", "escape", "propagator", "redact", "time"]),
    ("control", &["record", "query", "keep", "pipeline", "percent", "random", "time"]),
    ("layer", &["record", "capture", "keep", "control", "propagator", "pipeline", "redact", "random", "scan", "time", "warn"]),
    (
        "archive",
        &[
            "record",
            "base64",
            "capture",
            "error",
            "escape",
            "group",
            "keep",
            "layer",
            "propagator",
            "query",
            "redact",
            "remote",
            "store",
        ],
    ),
    ("viewer", &["record", "archive", "query", "contrast", "store", "escape", "page", "pipeline", "replay", "time"]),
    ("opentelemetry", &["record", "exporter", "remote", "capture"]),
    (
        "config",
        &[
            "record",
            "error",
            "escape",
            "group",
            "keep",
            "exporter",
            "metrics",
            "remote",
            "store",
            "pipeline",
            "capture",
            "control",
            "layer",
            "opentelemetry",
            "viewer",
            "propagator",
            "query",
            "redact",
            "random",
            "time",
            "warn",
        ],
    ),
    ("testing", &["record", "escape", "keep", "exporter", "metrics", "layer", "config"]),
    // Behind a flag of the compiler, for the fuzzer.
    ("fuzzing", &["record", "query", "redact", "propagator", "escape", "capture", "remote"]),
];

/// One exporter writes into the store; no other one knows it.
const EXCEPTIONS: &[(&str, &str)] = &[("src/exporter/store.rs", "store")];

/// Where a path of the crate's root leads, for what `lib.rs` re-exports.
const ROOT_NAMES: &[(&str, &str)] = &[("BuildError", "error"), ("otlp", "remote")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that a source text names behind `crate::`; tests may use what they like.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split(';').next().unwrap_or_default();
            let mut depth = 0;
            let mut word = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.extend(first_word(&std::mem::take(&mut word))),
                    _ => {}
                }
                if depth == 0 && character != ',' {
                    word.push(character);
                }
            }
            found.extend(first_word(&word));
        } else {
            found.extend(first_word(rest));
        }
    }
    found
}

fn first_word(path: &str) -> Option<String> {
    let word: String = path.trim().chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// Each file below `src`, with its module and what it imports.
fn files() -> Vec<(String, String, BTreeSet<String>)> {
    let mut paths = Vec::new();
    rust_files(&root().join("src"), &mut paths);
    let mut out = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        let module = name.trim_start_matches("src/").split(['/', '.']).next().unwrap().to_owned();
        let is_test = name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("/samples.rs");
        if module != "lib" && module != "bin" && !is_test {
            out.push((name, module, imports(&fs::read_to_string(&path).unwrap())));
        }
    }
    out
}

#[test]
fn no_module_imports_what_comes_after_it() {
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().map(|(module, may)| (*module, *may)).collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (file, module, imports) in files() {
        let may = table.get(module.as_str()).unwrap_or_else(|| panic!("{file}: module {module} has no row in the table"));
        for import in imports {
            seen += 1;
            let import = ROOT_NAMES.iter().find(|(name, _)| *name == import).map_or(import.as_str(), |(_, module)| module);
            let is_excepted = EXCEPTIONS.contains(&(file.as_str(), import));
            if import != module && !may.contains(&import) && !is_excepted {
                wrong.push(format!("{file} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 100, "the test has lost sight of the imports: {seen}");
}

#[test]
fn every_row_comes_after_what_it_may_import() {
    for (at, (module, may)) in MAY_IMPORT.iter().enumerate() {
        for import in *may {
            let place = MAY_IMPORT.iter().position(|(name, _)| name == import);
            assert!(place.is_some_and(|place| place < at), "{module} may import {import}, which is not above it");
        }
    }
}

#[test]
fn nobody_climbs_across_modules() {
    for (file, _, _) in files() {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        assert!(!text.contains("super::super"), "{file} climbs with super::super");
    }
}

#[test]
fn command_line_and_examples_use_the_public_face_only() {
    let mut paths = Vec::new();
    rust_files(&root().join("src/bin"), &mut paths);
    rust_files(&root().join("examples"), &mut paths);
    assert!(!paths.is_empty());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("#[path"), "{} includes a file of the library", path.display());
    }
}
