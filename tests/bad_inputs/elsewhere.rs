//! Cases that are no requests: each runs in the test that is named here, or is listed with the part that is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use campanile::Env;
use campanile::exporter::Memory;

/// What happens to a case.
enum Case {
    /// Runs in this test, whose file is below the crate's root.
    Runs(&'static str, &'static str),
    /// Cannot run yet: this part does not exist.
    Missing(&'static str),
}
use Case::{Missing, Runs};

const OTLP_ENV: &str = "src/config/otlp_tests.rs";
const RESOURCE: &str = "src/config/resource.rs";
const FAULTS: &str = "src/remote/tests/faults.rs";
const GRPC: &str = "src/remote/tests/grpc.rs";
const TLS: &str = "src/remote/tests/tls.rs";
const SAMPLES: &str = "src/exporter/tests.rs";
const VIEWER: &str = "tests/viewer_http.rs";
const VIEWER_APP: &str = "tests/viewer_app.rs";
/// Sends the requests of the catalogue as they stand there.
const CATALOGUED: &str = "every_request_of_the_catalogue_is_answered_as_it_says";
const STORE_FILES: &str = "tests/store/files.rs";
const LOCKED: &str = "tests/store/locked.rs";
const AGEING: &str = "tests/store/ageing.rs";
const HERE: &str = "tests/bad_inputs/elsewhere.rs";

const CLI: &str = "tests/cli_inputs.rs";
const PURGE: &str = "tests/purge.rs";

const CASES: &[(&str, Case)] = &[
    ("CL-01", Runs(CLI, "cl_01_a_special_file_is_no_store")),
    ("CL-02", Runs(CLI, "cl_02_an_export_never_writes_through_a_link")),
    ("CL-04", Runs(CLI, "cl_04_what_stands_after_two_dashes_is_data")),
    ("CL-05", Runs(CLI, "cl_05_an_argument_that_is_no_text_is_an_error")),
    ("CL-06", Runs(CLI, "cl_06_settings_are_shown_without_secrets")),
    ("CL-08", Runs(PURGE, "cl_08_it_prints_the_count_first_and_removes_nothing_unless_it_is_told_yes")),
    ("EN-01", Runs(OTLP_ENV, "en_01_an_endpoint_without_a_scheme_is_refused_with_what_to_write")),
    // TLS is always built in with OTLP, so the case's build without it does not exist; its point is held instead.
    ("EN-02", Runs(TLS, "an_https_endpoint_is_never_spoken_to_plainly")),
    ("EN-04", Runs(OTLP_ENV, "en_04_credentials_of_the_endpoint_are_never_shown")),
    ("EN-05", Runs(OTLP_ENV, "en_05_headers_are_decoded_and_never_shown")),
    ("EN-06", Runs(OTLP_ENV, "en_06_bad_headers_are_told_by_position")),
    ("EN-08", Runs(OTLP_ENV, "en_08_a_number_beyond_all_bounds_leaves_the_default")),
    ("EN-09", Runs(OTLP_ENV, "en_09_a_queue_of_nothing_leaves_the_default")),
    ("EN-10", Runs(OTLP_ENV, "en_10_a_huge_queue_is_clamped")),
    ("EN-12", Runs(RESOURCE, "one_bad_pair_discards_the_list_with_one_warning")),
    ("EN-13", Runs(HERE, "en_13_no_file_is_named_after_the_service")),
    ("EN-14", Runs(HERE, "en_14_a_disabled_sdk_has_no_exporters")),
    ("EN-16", Runs("src/config/filter.rs", "a_broken_filter_is_the_default_and_a_warning")),
    ("EN-17", Runs(FAULTS, "proxy_variables_are_not_honoured")),
    ("EN-18", Runs(RESOURCE, "a_name_that_is_not_unicode_is_ignored_with_a_warning")),
    ("EN-20", Missing("spool")),
    ("EN-21", Missing("spool")),
    ("EN-22", Runs("tests/redaction.rs", "en_22_a_pattern_that_is_too_large_stops_the_start")),
    ("EN-24", Missing("webhook exporter")),
    ("EN-25", Missing("webhook exporter")),
    ("EN-26", Runs(VIEWER_APP, "en_26_an_address_that_others_can_reach_stops_the_start")),
    ("EN-28", Missing("Sentry exporter")),
    ("EN-29", Missing("syslog exporter")),
    ("EN-30", Runs("src/keep/sampler.rs", "a_ratio_outside_the_range_is_an_error_without_the_value")),
    ("EV-13", Runs(SAMPLES, "ev_13_ev_14_times_at_both_ends_of_the_clock_are_written_by_every_exporter")),
    ("EV-14", Runs(SAMPLES, "ev_13_ev_14_times_at_both_ends_of_the_clock_are_written_by_every_exporter")),
    ("RR-01", Runs(FAULTS, "an_endless_body_is_not_read_and_its_connection_is_closed")),
    ("RR-02", Runs(FAULTS, "an_endless_body_is_not_read_and_its_connection_is_closed")),
    ("RR-04", Runs(FAULTS, "a_redirect_is_not_followed")),
    ("RR-05", Runs(FAULTS, "retry_after_is_obeyed_and_clamped")),
    ("RR-06", Runs(FAULTS, "retry_after_is_obeyed_and_clamped")),
    ("RR-08", Runs(FAULTS, "retry_after_is_obeyed_and_clamped")),
    ("RR-09", Runs(FAULTS, "retry_after_is_obeyed_and_clamped")),
    ("RR-10", Missing("Sentry exporter")),
    ("RR-12", Runs(FAULTS, "a_permanent_refusal_is_not_retried")),
    // Of this one, keeping what was refused until the age limit needs the spool.
    ("RR-13", Runs(FAULTS, "a_permanent_refusal_is_not_retried")),
    ("RR-14", Runs(FAULTS, "a_batch_that_is_too_large_is_halved_down_to_one")),
    ("RR-16", Runs(FAULTS, "a_partial_success_is_counted_escaped_and_never_sent_again")),
    ("RR-17", Runs(FAULTS, "a_success_that_cannot_be_decoded_is_a_success")),
    ("RR-18", Runs(FAULTS, "a_success_in_a_foreign_media_type_is_flagged")),
    ("RR-20", Runs(FAULTS, "a_dripping_answer_ends_at_the_total_deadline")),
    ("RR-21", Runs(FAULTS, "a_reset_in_the_middle_of_a_request_is_retried")),
    ("RR-22", Runs(FAULTS, "a_refused_connection_is_retried_with_backoff_until_it_expires")),
    ("RR-24", Runs(TLS, "a_certificate_for_another_host_gets_no_telemetry")),
    ("RR-25", Runs(TLS, "a_self_signed_certificate_gets_no_telemetry")),
    ("RR-26", Runs(TLS, "tls_1_1_is_refused")),
    ("RR-28", Runs(GRPC, "a_server_supplied_delay_is_clamped")),
    ("RR-29", Runs(GRPC, "an_exhausted_receiver_is_tried_again_only_where_it_says_when")),
    ("RR-30", Runs(GRPC, "a_missing_status_is_not_a_success")),
    ("RR-32", Runs(FAULTS, "a_cookie_is_forgotten")),
    ("ST-01", Runs(STORE_FILES, "st_01_noise_in_the_middle_of_a_file_is_noticed_and_hides_nothing_else")),
    ("ST-02", Runs(STORE_FILES, "st_02_an_empty_file_is_initialised_or_passed_over_and_stops_nobody")),
    ("ST-04", Runs(STORE_FILES, "st_04_a_newer_file_is_read_by_nobody_and_written_by_nobody")),
    ("ST-05", Runs(STORE_FILES, "st_05_a_file_that_was_copied_without_its_log_opens_with_what_is_in_it")),
    ("ST-06", Runs(STORE_FILES, "st_06_a_file_with_anything_but_our_tables_is_refused_and_nothing_of_it_runs")),
    ("ST-08", Runs(LOCKED, "st_08_a_lock_that_nobody_lets_go_of_delays_no_request_and_costs_no_record")),
    ("ST-09", Runs(STORE_FILES, "st_09_a_link_is_never_followed")),
    // Of this one, how long a write takes at most is measured by the bench `ageing`.
    ("ST-10", Runs(AGEING, "st_10_the_size_limit_is_never_exceeded_while_an_application_writes_flat_out")),
    ("VW-01", Runs(VIEWER, CATALOGUED)),
    ("VW-02", Runs(VIEWER, CATALOGUED)),
    ("VW-04", Runs(VIEWER, CATALOGUED)),
    ("VW-05", Runs(VIEWER, CATALOGUED)),
    ("VW-06", Runs(VIEWER, CATALOGUED)),
    ("VW-08", Runs(VIEWER, CATALOGUED)),
    ("VW-09", Runs(VIEWER, CATALOGUED)),
    ("VW-10", Runs(VIEWER, CATALOGUED)),
    ("VW-12", Runs(VIEWER, CATALOGUED)),
    ("VW-13", Runs(VIEWER, CATALOGUED)),
    ("VW-14", Runs(VIEWER, CATALOGUED)),
    ("VW-16", Runs(VIEWER, CATALOGUED)),
    ("VW-17", Runs(VIEWER, CATALOGUED)),
    ("VW-18", Runs(VIEWER, CATALOGUED)),
    ("VW-20", Runs(VIEWER, CATALOGUED)),
    ("VW-21", Runs(VIEWER, CATALOGUED)),
    ("VW-22", Runs(VIEWER, CATALOGUED)),
    ("VW-24", Runs(VIEWER, CATALOGUED)),
    ("VW-25", Runs(VIEWER, CATALOGUED)),
    ("VW-26", Runs(VIEWER, CATALOGUED)),
    ("VW-28", Runs(VIEWER, CATALOGUED)),
    ("VW-29", Runs(VIEWER, CATALOGUED)),
    (
        "VW-30",
        Runs("tests/viewer_flood.rs", "vw_30_questions_beyond_what_is_answered_at_a_time_are_refused_and_requests_do_not_notice"),
    ),
    ("VW-32", Runs(VIEWER, "vw_32_a_head_that_does_not_come_is_not_waited_for_and_there_are_so_many_connections")),
    ("VW-33", Runs(VIEWER, CATALOGUED)),
    ("VW-34", Runs(VIEWER, CATALOGUED)),
    ("VW-36", Runs("tests/viewer_browser/main.rs", "what_was_recorded_is_text_whatever_it_says")),
    ("VW-37", Runs("tests/viewer_browser/main.rs", "what_was_recorded_is_text_whatever_it_says")),
];

/// Areas that have to be complete here.
const AREAS: [&str; 5] = ["cli", "env_config", "remote_response", "store_files", "viewer_http"];

/// Cases of other areas that only the library's own tests can bring about.
const OTHERS: [&str; 2] = ["EV-13", "EV-14"];

#[test]
fn every_case_of_the_built_areas_runs_or_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalogue = fs::read_to_string(root.join("tests/data/bad-inputs.json")).unwrap();
    let catalogue: serde_json::Value = serde_json::from_str(&catalogue).unwrap();
    let cases = catalogue["cases"].as_array().unwrap().iter();
    let wanted: BTreeSet<_> = cases
        .filter(|case| AREAS.contains(&case["area"].as_str().unwrap()) || OTHERS.contains(&case["id"].as_str().unwrap()))
        .map(|case| case["id"].as_str().unwrap().to_owned())
        .collect();
    let listed: BTreeMap<_, _> = CASES.iter().map(|(id, case)| ((*id).to_owned(), case)).collect();
    assert_eq!(wanted, listed.keys().cloned().collect());

    for id in listed.keys() {
        println!("{id} {}", runs(id));
    }
}

/// Says where a case runs, and that the test is there.
pub(crate) fn runs(id: &str) -> String {
    let (_, case) = CASES.iter().find(|(listed, _)| *listed == id).expect("a case of this list");
    match case {
        Runs(file, test) => {
            let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            assert!(text.contains(&format!("fn {test}(")), "{id}: {file} has no test {test}");
            let names_it = text.contains(id) || text.contains(&id.replace('-', "_").to_lowercase());
            assert!(names_it, "{id}: {file} does not name it");
            format!("runs as {test} in {file}")
        }
        Missing(part) => format!("cannot run: no {part}"),
    }
}

#[test]
fn en_14_a_disabled_sdk_has_no_exporters() {
    for value in ["TRUE", "true"] {
        let env: Env = [("OTEL_SDK_DISABLED", value)].into_iter().collect();
        let telemetry = campanile::builder().env(env).exporter(Memory::new()).build().unwrap();
        assert!(telemetry.stats().exporters.is_empty(), "EN-14");
    }
}

#[test]
fn en_13_no_file_is_named_after_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let name = ("OTEL_SERVICE_NAME", "../../x\u{0}y");
    let env: Env = [name, ("CAMPANILE_STORE", store.to_str().unwrap()), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
    let telemetry = campanile::builder().env(env).build().unwrap();
    telemetry.shutdown_blocking(campanile::Telemetry::SHUTDOWN_DEADLINE);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "EN-13");
    for entry in fs::read_dir(store).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "EN-13: {name}");
    }
}

#[test]
fn a_store_that_cannot_be_used_is_a_warning_and_the_application_starts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let env: Env = [("CAMPANILE_STORE", file.to_str().unwrap()), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
    let telemetry = campanile::builder().env(env).exporter(Memory::new()).build().unwrap();
    assert_eq!(telemetry.stats().exporters.len(), 1);
    assert!(telemetry.warnings().iter().any(|warning| warning.starts_with("CAMPANILE_STORE ")), "{:?}", telemetry.warnings());
}

#[test]
fn a_ratio_in_code_outside_of_its_range_is_an_error_that_names_the_key() {
    let error = campanile::builder().sample_ratio(1.5).build().unwrap_err();
    assert_eq!(error.key(), "sample_ratio");
    assert!(!error.to_string().contains("1.5"), "{error}");
}
