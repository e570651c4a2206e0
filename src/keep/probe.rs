//! Health checkers and uptime probes, by what they call themselves.
//!
//! Anybody can call himself so: a probe is shown in fewer words, and never left out when it fails.

/// The name of the probe that a `user-agent` stands for.
pub(crate) fn of(user_agent: &str) -> Option<&'static str> {
    let named = |list: &[(&str, &'static str)], text: &str| {
        // Mostly none begins with the same byte, which is quicker to see than that it begins otherwise.
        let first = text.as_bytes().first();
        let is_it = |(start, _): &&(&str, _)| start.as_bytes().first() == first && text.starts_with(start);
        list.iter().find(is_it).map(|(_, name)| *name)
    };
    let at_start = match user_agent.strip_prefix(BROWSER) {
        None => named(STARTS, user_agent),
        Some(rest) => {
            let rest = rest.strip_prefix([' ', '+']).and_then(|rest| rest.strip_prefix(COMPATIBLE));
            rest.and_then(|rest| named(COMPATIBLES, rest.trim_ascii_start()))
        }
    };
    // Those that run a browser come last in a long text.
    at_start.or_else(|| {
        let last = user_agent.bytes().rposition(|byte| byte == b' ').map_or(0, |blank| blank + 1);
        named(LAST_WORDS, user_agent.get(last..).unwrap_or_default())
    })
}

/// How a `user-agent` begins, and the probe's name.
const STARTS: &[(&str, &str)] = &[
    ("kube-probe/", "kube-probe"),
    ("ELB-HealthChecker/", "ELB-HealthChecker"),
    ("GoogleHC/", "GoogleHC"),
    ("Envoy/HC", "Envoy/HC"),
    ("Pingdom.com_bot_version_", "Pingdom"),
    ("Consul Health Check", "Consul Health Check"),
    ("Amazon-Route53-Health-Check-Service", "Amazon-Route53-Health-Check-Service"),
    ("Amazon Route 53 Health Check Service", "Amazon-Route53-Health-Check-Service"),
    ("GoogleStackdriverMonitoring-UptimeChecks", "GoogleStackdriverMonitoring"),
    ("Load Balancer Agent", "Azure Load Balancer"),
    ("Edge Health Probe", "Azure Front Door"),
    ("Better Uptime Bot", "Better Uptime"),
    ("Better Stack Better Uptime Bot", "Better Uptime"),
    ("Uptime-Kuma/", "Uptime-Kuma"),
    ("updown.io", "updown.io"),
    ("Site24x7", "Site24x7"),
];

/// What those say that look like a browser.
const BROWSER: &str = "Mozilla/5.0";
/// What follows in some of them, behind a space or a plus sign.
const COMPATIBLE: &str = "(compatible;";

/// What comes behind that, and the probe's name.
const COMPATIBLES: &[(&str, &str)] = &[("UptimeRobot/", "UptimeRobot"), ("Cloudflare-Healthchecks/", "Cloudflare-Healthchecks")];

/// How the last word of a `user-agent` begins, and the probe's name.
const LAST_WORDS: &[(&str, &str)] =
    &[("PingdomTMS/", "Pingdom"), ("DatadogSynthetics", "DatadogSynthetics"), ("StatusCake", "StatusCake")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_known_by_their_user_agent() {
        for (user_agent, name) in [
            ("kube-probe/1.31", Some("kube-probe")),
            ("ELB-HealthChecker/2.0", Some("ELB-HealthChecker")),
            ("GoogleHC/1.0", Some("GoogleHC")),
            ("Envoy/HC", Some("Envoy/HC")),
            ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", Some("Pingdom")),
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36 PingdomTMS/2.2", Some("Pingdom")),
            ("Consul Health Check", Some("Consul Health Check")),
            (
                "Amazon-Route53-Health-Check-Service (ref 1; report http://amzn.to/1vsZADi)",
                Some("Amazon-Route53-Health-Check-Service"),
            ),
            ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", Some("UptimeRobot")),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36", None),
            ("curl/8.5.0", None),
            ("Prometheus/2.53.0", None),
            ("my kube-probe/1.31", None),
            ("", None),
        ] {
            assert_eq!(of(user_agent), name, "{user_agent}");
        }
    }
}
