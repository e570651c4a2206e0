//! What a query is about: the time it spans, and the attributes it names.

use super::columns::Column;
use super::expr::{Expr, Number, Test};
use super::source::Source;
use super::{Query, number};

impl Query {
    /// The moments between which everything that matches began, where the query itself says so.
    pub(crate) fn window(&self, now_unix_ns: u64) -> (Option<u64>, Option<u64>) {
        let now = number(now_unix_ns);
        let (mut latest_from, mut first_before) = (None, None);
        let mut narrow = |expr: &Expr| {
            if let Expr::Test(Test::Time { from, before }) = expr {
                let moment = |moment: &super::time::Moment| u64::try_from(moment.unix_ns(now)).unwrap_or_default();
                latest_from = latest_from.max(from.as_ref().map(moment));
                first_before = match (first_before, before.as_ref().map(moment)) {
                    (Some(known), Some(new)) => Some(u64::min(known, new)),
                    (known, new) => known.or(new),
                };
            }
        };
        match &self.root {
            Expr::All(terms) => terms.iter().for_each(&mut narrow),
            expr => narrow(expr),
        }
        (latest_from, first_before)
    }

    /// The attributes that it compares, by their names in OpenTelemetry.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        collect(&self.root, &mut names);
        names
    }
}

fn collect<'a>(expr: &'a Expr, names: &mut Vec<&'a str>) {
    match expr {
        Expr::All(terms) | Expr::Any(terms) => terms.iter().for_each(|term| collect(term, names)),
        Expr::Not(expr) => collect(expr, names),
        Expr::Test(test) => match test {
            Test::Status(_) => names.push("http.response.status_code"),
            Test::DurationNs(_) => names.extend(["http.server.request.duration", "campanile.time_to_first_byte"]),
            Test::Column(Column::Method, _) => names.push("http.request.method"),
            Test::Column(Column::Route, _) => names.push("http.route"),
            Test::Column(Column::User, _) => names.push("user.id"),
            Test::In(source, _) => names_of(source, names),
            Test::Resource(name, _) => names.push(name),
            Test::Client(_) => names.push("client.address"),
            Test::Release(_) => names.extend(["service.version", "vcs.ref.head.revision"]),
            Test::Class(_) => names.push("campanile.error.class"),
            Test::Group(..) => names.extend(["campanile.group", "error.type", "error.message"]),
            Test::Number(Number::InFlight, _) => names.push("campanile.in_flight"),
            Test::Number(Number::TimeToFirstByteNs, _) => names.push("campanile.time_to_first_byte"),
            Test::Number(Number::RequestBytes, _) => names.push("http.request.body.size"),
            Test::Number(Number::ResponseBytes, _) => names.push("http.response.body.size"),
            Test::Outcome(_) => names.push("campanile.outcome"),
            Test::Level(_) => names.push("event"),
            _ => {}
        },
    }
}

fn names_of<'a>(source: &'a Source, names: &mut Vec<&'a str>) {
    match source {
        Source::Attribute(name) => names.push(name),
        Source::Error => names.extend(["error.type", "error.message"]),
        Source::ErrorType => names.push("error.type"),
        Source::ErrorMessage => names.push("error.message"),
        Source::Event => names.push("event"),
        Source::Host => names.push("server.address"),
        Source::UserAgent => names.push("user_agent.original"),
        Source::Any | Source::Span | Source::Body | Source::Header(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000_000_000;

    #[test]
    fn the_window_is_what_has_to_hold() {
        let window = |text: &str| {
            let (from, before) = Query::parse(text).unwrap().window(NOW);
            (from.map(|at| (NOW - at) / 1_000_000_000), before.map(|at| (NOW - at) / 1_000_000_000))
        };
        assert_eq!(window("status:5xx"), (None, None));
        assert_eq!(window("since:10m"), (Some(600), None));
        assert_eq!(window("since:1h since:10m until:1m until:2m status:5xx"), (Some(600), Some(120)));
        assert_eq!(window("since:10m or status:5xx"), (None, None), "it does not have to hold");
        assert_eq!(window("-since:10m"), (None, None));
    }

    #[test]
    fn names_are_those_of_attributes() {
        let query = Query::parse("status:5xx (ms>3 or -order.region:eu) user:7 \"words\"").unwrap();
        let expected = [
            "http.response.status_code",
            "http.server.request.duration",
            "campanile.time_to_first_byte",
            "order.region",
            "user.id",
        ];
        assert_eq!(query.names(), expected);
    }
}
