use tracing::Level;

use super::*;
use crate::record::{TraceFlags, TraceId};

fn read<const N: usize>(variables: [(&str, &str); N]) -> (Settings, Vec<String>) {
    let mut warnings = Warnings::default();
    let settings = Settings::from_env(&variables.into_iter().collect(), &mut warnings);
    (settings, warnings.into_inner())
}

#[test]
fn an_empty_environment_gives_the_defaults() {
    let (settings, warnings) = read([]);
    assert_eq!(warnings, Vec::<String>::new());
    assert!(!settings.is_off && !settings.is_sdk_disabled && settings.propagators == Propagators::default());
    assert_eq!(settings.sampler, Sampler::DEFAULT);
    assert_eq!((settings.console, settings.store, settings.file), (None, None, None));
    assert_eq!(settings.store_max_bytes, 512 << 20);
    assert_eq!(settings.store_max_age.as_secs(), 7 * 86_400);
    assert_eq!(settings.level, LevelFilter::DEBUG);
    assert!(settings.console_filter.would_enable("x", &Level::INFO));
}

#[test]
fn everything_can_be_set() {
    let (settings, warnings) = read([
        ("CAMPANILE", "off"),
        ("OTEL_SDK_DISABLED", "TRUE"),
        ("OTEL_SERVICE_NAME", "shop"),
        ("OTEL_TRACES_SAMPLER", "AlwayS_off"),
        ("OTEL_PROPAGATORS", "none"),
        ("RUST_LOG", "debug"),
        ("CAMPANILE_CONSOLE", "ECS"),
        ("CAMPANILE_LEVEL", "trace"),
        ("CAMPANILE_STORE", "/var/lib/shop"),
        ("CAMPANILE_STORE_MAX_BYTES", "2GiB"),
        ("CAMPANILE_STORE_MAX_AGE", "12h"),
        ("CAMPANILE_FILE", "/var/log/shop.jsonl"),
    ]);
    assert_eq!(warnings, Vec::<String>::new());
    assert!(settings.is_off && settings.propagators == Propagators::NONE);
    assert!(settings.is_sdk_disabled, "EN-14");
    assert_eq!(settings.resource.service_name(), "shop");
    assert_eq!(settings.sampler, Sampler::ALWAYS_OFF);
    assert!(settings.console_filter.would_enable("x", &Level::DEBUG));
    assert_eq!((settings.console, settings.level), (Some(Console::Ecs), LevelFilter::TRACE));
    assert_eq!(settings.store, Some(StoreAt::Directory("/var/lib/shop".into())));
    assert_eq!((settings.store_max_bytes, settings.store_max_age.as_secs()), (2 << 30, 43_200));
    assert_eq!(settings.file, Some("/var/log/shop.jsonl".into()));
}

#[test]
fn what_cannot_be_followed_is_the_default_and_a_warning_that_names_the_key_only() {
    for key in [
        "CAMPANILE",
        "OTEL_SDK_DISABLED",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_TRACES_SAMPLER",
        "OTEL_PROPAGATORS",
        "CAMPANILE_CONSOLE",
        "CAMPANILE_LEVEL",
        "CAMPANILE_TRUST_INBOUND_IDS",
        "CAMPANILE_RESTART_TRACES",
        "CAMPANILE_TRACE_RESPONSE",
        "CAMPANILE_STORE_MAX_BYTES",
        "CAMPANILE_STORE_MAX_AGE",
        "CAMPANILE_STROE",
        "CAMPANILE_TRUSTED_PROXIES",
        "CAMPANILE_FORWARDED_BY",
        "CAMPANILE_TRUNCATE_IP",
        "CAMPANILE_QUIET_ROUTES",
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
    ] {
        let (settings, warnings) = read([(key, "canary-26 99999999999999999999")]);
        assert!(matches!(warnings.as_slice(), [one] if one.starts_with(key) && !one.contains("canary")), "{key}: {warnings:?}");
        let mut default = Settings::default();
        default.resource.clone_from(&settings.resource);
        assert_eq!(format!("{settings:?}"), format!("{default:?}"), "{key}");
    }
}

#[test]
fn the_store_is_switched_or_given_a_directory() {
    for (text, expected) in [
        ("off", Some(StoreAt::Off)),
        ("False", Some(StoreAt::Off)),
        ("on", Some(StoreAt::Directory(".campanile".into()))),
        ("1", Some(StoreAt::Directory(".campanile".into()))),
        ("./requests", Some(StoreAt::Directory("./requests".into()))),
        ("", None),
    ] {
        assert_eq!(read([("CAMPANILE_STORE", text)]).0.store, expected, "{text}");
    }
    let (settings, _) = read([("CAMPANILE_STORE", "on"), ("OTEL_SERVICE_NAME", "../../x\0y")]);
    assert_eq!(settings.store, Some(StoreAt::Directory(".campanile".into())), "EN-13: the name is in no path");
}

#[test]
fn a_sampler_takes_its_ratio_from_the_second_variable() {
    let sampler = |name, ratio| read([("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", ratio)]);
    let (settings, warnings) = sampler("traceidratio", "0.25");
    assert_eq!((settings.sampler, warnings), (Sampler::ratio(0.25).unwrap(), vec![]));
    let (settings, warnings) = sampler("parentbased_traceidratio", "0");
    assert_eq!((settings.sampler, warnings), (Sampler::ALWAYS_OFF.parent_based(), vec![]));
    assert!(settings.sampler.sample(Some(TraceFlags::SAMPLED), TraceId([1; 16])));
    for ratio in ["1.5", "-1", "NaN", "canary"] {
        let (settings, warnings) = sampler("traceidratio", ratio);
        assert_eq!(settings.sampler, Sampler::ALWAYS_ON, "EN-30: {ratio}");
        let expected = "OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1; the default is used";
        assert_eq!(warnings, [expected], "EN-30: {ratio}");
    }
    let (settings, warnings) = sampler("always_on", "1.5");
    assert_eq!((settings.sampler, warnings), (Sampler::ALWAYS_ON, vec![]), "it has no ratio to take");
    let (settings, warnings) = read([("OTEL_TRACES_SAMPLER_ARG", "0.1")]);
    assert_eq!((settings.sampler, warnings), (Sampler::DEFAULT, vec![]));
}
