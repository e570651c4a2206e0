//! Who is speaking: what the process, its machine and the environment tell about it.

use std::env::consts;

use super::env::{Env, Warnings};
use super::release;
use crate::random;
use crate::record::Resource;

const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Variables that a pod's description commonly fills from the downward API.
const FROM_POD: &[(&str, &str)] = &[
    ("K8S_CLUSTER_NAME", "k8s.cluster.name"),
    ("K8S_NAMESPACE_NAME", "k8s.namespace.name"),
    ("K8S_NODE_NAME", "k8s.node.name"),
    ("K8S_DEPLOYMENT_NAME", "k8s.deployment.name"),
    ("K8S_POD_NAME", "k8s.pod.name"),
    ("K8S_POD_UID", "k8s.pod.uid"),
    ("K8S_CONTAINER_NAME", "k8s.container.name"),
];

/// The resource as detected. What the environment says wins over what was found out; what code sets afterwards, with
/// [`Resource::set`], wins over both.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, resource. Command arguments are left out: they can hold secrets.
pub(super) fn detect(env: &Env, warnings: &mut Warnings) -> Resource {
    let mut resource = Resource::default();
    let program = program();
    let unknown = program.as_deref().map_or("unknown_service".to_owned(), |name| format!("unknown_service:{name}"));
    resource.set("service.name", unknown);
    resource.set("service.instance.id", uuid::Builder::from_random_bytes(random::bytes()).into_uuid().to_string());
    resource.set("telemetry.sdk.language", "rust");
    resource.set("telemetry.sdk.name", env!("CARGO_PKG_NAME"));
    resource.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    resource.set("process.pid", std::process::id().to_string());
    if let Some(name) = program {
        resource.set("process.executable.name", name);
    }
    if let Some(name) = host_name(env) {
        resource.set("host.name", name);
    }
    resource.set("host.arch", arch(consts::ARCH));
    resource.set("os.type", os_type(consts::OS));
    for (key, name) in FROM_POD {
        if let Some(value) = env.text(key, warnings) {
            resource.set(*name, value);
        }
    }
    release::detect(&mut resource, env, warnings);
    if let Some(list) = env.text(ATTRIBUTES, warnings) {
        match attributes(list) {
            Some(pairs) => pairs.into_iter().for_each(|(name, value)| resource.set(name, value)),
            None => warnings.push(ATTRIBUTES, "is ignored: it needs name=value,name=value with valid percent-encoding"),
        }
    }
    if let Some(name) = env.text(SERVICE_NAME, warnings) {
        resource.set("service.name", name);
    }
    resource
}

/// The pairs of a list; `None` when any of them is not right, as the specification wants it.
fn attributes(list: &str) -> Option<Vec<(String, String)>> {
    let pair = |member: &str| {
        let (name, value) = member.split_once('=')?;
        let (name, value) = (percent_decode(name.trim())?, percent_decode(value.trim())?);
        (!name.is_empty()).then_some((name, value))
    };
    list.split(',').filter(|member| !member.trim().is_empty()).map(pair).collect()
}

/// Undoes percent-encoding; `None` for half an escape and for what is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

fn program() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

fn host_name(env: &Env) -> Option<String> {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    // Where there is no such file, most shells and Windows tell the name. A bad one is not worth a warning.
    let from_env = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|key| env.text(key, &mut Warnings::default()));
    let name = from_kernel.or_else(|| from_env().map(str::to_owned))?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// OpenTelemetry's word for a processor.
fn arch(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// OpenTelemetry's word for an operating system.
fn os_type(rust: &str) -> &str {
    match rust {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn detected<const N: usize>(variables: [(&str, &str); N]) -> (Resource, Vec<String>) {
        let mut warnings = Warnings::default();
        let resource = detect(&variables.into_iter().collect(), &mut warnings);
        (resource, warnings.into_inner())
    }

    #[test]
    fn without_any_setting_the_program_gives_its_name() {
        let (resource, warnings) = detected([]);
        assert_eq!(warnings, Vec::<String>::new());
        let program = resource.attribute("process.executable.name").unwrap();
        assert_eq!(resource.service_name(), format!("unknown_service:{program}"));
        assert_eq!(resource.attribute("telemetry.sdk.name"), Some("campanile"));
        assert_eq!(resource.attribute("process.pid"), Some(std::process::id().to_string().as_str()));
        let instance = uuid::Uuid::parse_str(resource.attribute("service.instance.id").unwrap()).unwrap();
        assert_eq!(instance.get_version_num(), 4);
        assert_ne!(detected([]).0.attribute("service.instance.id"), resource.attribute("service.instance.id"));
    }

    #[test]
    fn the_service_name_wins_over_the_list_and_the_list_over_detection() {
        let list = "service.name=listed,service.version=1.2,host.name=here,a=x%2Cy%3Dz, b = %C3%A9 ,";
        let (pod, version) = (("K8S_POD_NAME", "pod-1"), ("DD_VERSION", "0.9"));
        let (resource, warnings) = detected([(ATTRIBUTES, list), (SERVICE_NAME, "named"), pod, version]);
        assert_eq!(warnings, Vec::<String>::new());
        let attributes = ["service.name", "service.version", "host.name", "a", "b", "k8s.pod.name"];
        let values = attributes.map(|name| resource.attribute(name).unwrap_or("nothing"));
        assert_eq!(values, ["named", "1.2", "here", "x,y=z", "é", "pod-1"]);
        assert_eq!(detected([(ATTRIBUTES, list)]).0.service_name(), "listed");
        assert_eq!(detected([(SERVICE_NAME, "")]).0.service_name(), detected([]).0.service_name(), "empty is unset");
    }

    #[test]
    fn one_bad_pair_discards_the_list_with_one_warning() {
        for list in ["service.name=a,service.name=b,%zz=1", "a=%", "a=%f", "a=%ff", "a=1,b", "=1", "a=1,%=canary"] {
            let (resource, warnings) = detected([(ATTRIBUTES, list)]);
            assert_eq!(resource.service_name(), detected([]).0.service_name(), "EN-12: {list}");
            assert_eq!(resource.attribute("a"), None, "{list}");
            let expected = "OTEL_RESOURCE_ATTRIBUTES is ignored: it needs name=value,name=value with valid percent-encoding";
            assert_eq!(warnings, [expected], "EN-12: {list}");
        }
    }

    #[test]
    fn a_name_that_is_a_path_stays_a_name() {
        let (resource, _) = detected([(SERVICE_NAME, "../../x\0y")]);
        assert_eq!(resource.service_name(), "../../x\0y", "EN-13: no file is named after it");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_unicode_is_ignored_with_a_warning() {
        use std::os::unix::ffi::OsStringExt as _;
        let env: Env = [(SERVICE_NAME, OsString::from_vec(vec![0xff, 0xfe]))].into_iter().collect();
        let mut warnings = Warnings::default();
        let resource = detect(&env, &mut warnings);
        assert!(resource.service_name().starts_with("unknown_service"), "EN-18");
        assert_eq!(warnings.into_inner(), ["OTEL_SERVICE_NAME is not Unicode and is ignored"], "EN-18");
    }
}
