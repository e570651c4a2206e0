//! `campanile diff`: what is different about the requests that match.

use std::path::Path;
use std::time::Duration;

use campanile::contrast::{self, Contrast, Difference, Finding, Options, Spread, Stage};
use campanile::exporter::escape;
use campanile::store::Reader;
use serde_json::json;

use crate::args::Diff;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
use crate::progress::Progress;
use crate::render::{at, cut, ms, share};

/// Cells of an attribute with its value, at most.
const LABEL: usize = 72;

/// Compares and prints.
pub(crate) fn run(args: &Diff, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let mut options = Options::default();
    options.within = Duration::from_secs(args.seconds.max(1));
    let mut progress = Progress::new();
    let contrast = contrast::of(&mut reader, &query, &options, |read| progress.tell(read))?;
    progress.end();
    if args.common.json {
        output.write(&json(&contrast))?;
    } else {
        output.write(&text(&contrast, args.limit))?;
    }
    output.flush()?;
    for warning in reader.warnings().iter().chain(&contrast.notices) {
        output.complain(warning);
    }
    if contrast.selected == 0 {
        return Err(Failure::new(Failure::NOTHING, "nothing matches"));
    }
    Ok(())
}

fn text(contrast: &Contrast, limit: usize) -> String {
    let Contrast { selected, rest, .. } = contrast;
    if *selected == 0 {
        return String::new();
    }
    let routes = match contrast.routes.as_slice() {
        [route] if route.is_empty() => "without a route".to_owned(),
        [route] => format!("of {}", escape(route)),
        several => format!("of the same {} routes", several.len()),
    };
    let (from, until) = (at(contrast.from_unix_ns), at(contrast.until_unix_ns));
    let matching = if *selected == 1 { "request matches" } else { "requests match" };
    let others = if *rest == 1 { "other" } else { "others" };
    let mut out = format!("{selected} {matching} and {rest} {others} {routes}, {from} to {until}\n");
    if !contrast.is_enough() {
        out.push_str(&format!(
            "Too few to tell what is different: that needs at least {} that match and {} others in the same time.\n",
            Contrast::LEAST_SELECTED,
            Contrast::LEAST_REST
        ));
        return out;
    }
    if contrast.findings.is_empty() {
        out.push_str(&format!(
            "Nothing stands out: {} values and numbers were compared, and none differs more than chance may make it.\n",
            contrast.compared
        ));
        return out;
    }
    for (stage, title) in [(Stage::Arrival, "known when they came"), (Stage::Course, "what happened then")] {
        let rows: Vec<_> = contrast
            .findings
            .iter()
            .filter(|finding| finding.stage == stage)
            .map(|finding| (label(finding), told(finding)))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let shown = rows.get(..limit).unwrap_or(&rows);
        let width = shown.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
        out.push_str(&format!("\n{title}\n"));
        for (label, told) in shown {
            out.push_str(&format!("  {label:width$}  {told}\n"));
        }
        if shown.len() < rows.len() {
            out.push_str(&format!("  and {} more; -n shows them\n", rows.len() - shown.len()));
        }
    }
    out
}

fn label(finding: &Finding) -> String {
    let name = escape(&finding.name);
    let label = match &finding.difference {
        Difference::Value { value: Some(value), .. } => format!("{name}={}", escape(value)),
        Difference::Value { value: None, .. } => format!("{name} is absent"),
        _ => name.to_string(),
    };
    cut(&label, LABEL)
}

fn told(finding: &Finding) -> String {
    match &finding.difference {
        Difference::Value { selected_with, selected, rest_with, rest, .. } => {
            let (left, right) = (share(*selected_with, *selected), share(*rest_with, *rest));
            format!("{selected_with} of {selected} ({left}) vs {rest_with} of {rest} ({right})")
        }
        Difference::Numbers { selected, rest, .. } => {
            format!("median {} vs {}", spread(&finding.name, selected), spread(&finding.name, rest))
        }
        _ => String::new(),
    }
}

fn spread(name: &str, spread: &Spread) -> String {
    let one = |number: f64| match name {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds are whole and not negative")]
        "http.server.request.duration" | "campanile.time_to_first_byte" => ms(number as u64),
        name if name.ends_with(".size") => format!("{number} B"),
        _ => format!("{number}"),
    };
    format!("{} ({} to {})", one(spread.median), one(spread.least), one(spread.most))
}

fn json(contrast: &Contrast) -> String {
    let finding = |finding: &Finding| {
        let stage = if finding.stage == Stage::Arrival { "arrival" } else { "course" };
        let mut object = json!({
            "stage": stage, "name": finding.name, "strength": finding.strength, "chance": finding.chance,
        });
        let more = match &finding.difference {
            Difference::Value { value, selected_with, selected, rest_with, rest, .. } => json!({
                "value": value, "selected_with": selected_with, "selected": selected, "rest_with": rest_with, "rest": rest,
            }),
            Difference::Numbers { selected, rest, above, .. } => {
                let spread = |spread: &Spread| json!({ "count": spread.count, "least": spread.least, "median": spread.median, "most": spread.most });
                json!({ "selected": spread(selected), "rest": spread(rest), "above": above })
            }
            _ => json!({}),
        };
        if let (Some(object), serde_json::Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
    };
    let object = json!({
        "selected": contrast.selected,
        "rest": contrast.rest,
        "is_enough": contrast.is_enough(),
        "routes": contrast.routes,
        "from_unix_ns": contrast.from_unix_ns,
        "until_unix_ns": contrast.until_unix_ns,
        "compared": contrast.compared,
        "findings": contrast.findings.iter().map(finding).collect::<Vec<_>>(),
        "notices": contrast.notices,
    });
    full::line(object)
}
