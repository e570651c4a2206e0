//! The page itself: one frame for all of them, with a view that can be read before the script has done anything.

mod view;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value as Json, json};

use super::assets;
use super::body::Body;
use super::core::Core;
use super::params::Params;
use super::problem::Problem;
use super::{answer, api};
use crate::escape::escape;
use crate::page::visible_json;

/// Which page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Page<'a> {
    List,
    /// One request, by its id.
    Request(&'a str),
    /// The same as a file of this kind.
    File(&'a str, &'static str),
    Errors,
    Group(&'a str),
    Routes,
    Running,
    Health,
    Compare(&'a str, &'a str),
}

/// Kinds of files that a request can be had as.
const FILES: [&str; 4] = ["txt", "json", "har", "zip"];

impl<'a> Page<'a> {
    pub(super) fn of(segments: &[&'a str]) -> Option<Self> {
        Some(match segments {
            [""] => Self::List,
            ["r", id] => match id.rsplit_once('.').and_then(|(id, end)| Some((id, FILES.iter().find(|file| **file == end)?))) {
                Some((id, kind)) => Self::File(id, kind),
                None => Self::Request(id),
            },
            ["errors"] => Self::Errors,
            ["errors", group] => Self::Group(group),
            ["routes"] => Self::Routes,
            ["running"] => Self::Running,
            ["health"] => Self::Health,
            ["compare", a, b] => Self::Compare(a, b),
            _ => return None,
        })
    }

    /// What its script asks first.
    fn question(self, params: &Params) -> (Vec<&'a str>, String) {
        let query = params.text("q").filter(|query| !query.is_empty());
        let query =
            query.map(|query| percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC).to_string());
        let and = |mark: char| query.as_ref().map(|query| format!("{mark}q={query}")).unwrap_or_default();
        match self {
            Self::List => (vec!["events"], format!("?limit=100{}", and('&'))),
            Self::Request(id) | Self::File(id, _) => (vec!["events", id], String::new()),
            Self::Errors => (vec!["errors"], and('?')),
            Self::Group(group) => (vec!["errors", group], String::new()),
            Self::Routes => (vec!["routes"], and('?')),
            Self::Running => (vec!["running"], String::new()),
            Self::Health => (vec!["health"], String::new()),
            Self::Compare(a, b) => (vec!["compare"], format!("?a={a}&b={b}")),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::List | Self::Request(_) | Self::File(..) => "Requests",
            Self::Errors | Self::Group(_) => "Errors",
            Self::Routes => "Routes",
            Self::Running => "Running",
            Self::Health => "Health",
            Self::Compare(..) => "Compare",
        }
    }
}

/// The way from a page to the first one, as a browser resolves it: `./`, `../`, and so on.
pub(super) fn base(path: &str) -> String {
    match path.matches('/').count() {
        0 | 1 => "./".to_owned(),
        depth => "../".repeat(depth - 1),
    }
}

/// Answers with a page, or with the file that it stands for.
pub(super) async fn answer(core: &Arc<Core>, page: Page<'_>, params: &Params, base: &str) -> Result<Response<Body>, Problem> {
    if let Page::File(id, kind) = page {
        return api::file(core, id, kind).await;
    }
    let (path, query) = page.question(params);
    let asked = Params::parse(query.strip_prefix('?'));
    let (status, answer) = match api::question(core, &path, &asked).await {
        Ok(answer) => (StatusCode::OK, answer),
        // The page can say it better than a bare message, and asks again.
        Err(problem) => (problem.status, problem.json()),
    };
    let text = match page {
        Page::Request(id) if status == StatusCode::OK => api::text(core, id).await.ok(),
        _ => None,
    };
    let first = json!({ "path": format!("api/{}{query}", path.join("/")), "answer": answer });
    let main = view::of(page, &answer, text.as_deref(), base);
    Ok(answer::html(status, frame(core, page, base, &first, &main)))
}

fn frame(core: &Core, page: Page<'_>, base: &str, first: &Json, main: &str) -> String {
    let mut out = String::with_capacity(main.len() + 4096);
    let links = [("./", "Requests"), ("errors", "Errors"), ("routes", "Routes"), ("running", "Running"), ("health", "Health")];
    let links: String = links
        .iter()
        .map(|(to, name)| {
            let current = if *name == page.title() { " aria-current=\"page\"" } else { "" };
            format!("<a href=\"{base}{}\"{current}>{name}</a> ", to.trim_start_matches("./"))
        })
        .collect();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\" data-base=\"{base}\" data-change=\"{}\" data-version=\"{}\">\n<head>\n\
         <meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · campanile</title>\n",
        core.secrets.change(),
        env!("CARGO_PKG_VERSION"),
        page.title(),
    );
    head_of_assets(&mut out, base, true);
    // Data does not end the element, and hides nothing in it.
    let first = visible_json(&first.to_string()).replace('<', "\\u003c");
    let _ = write!(
        out,
        "</head>\n<body>\n<header><nav aria-label=\"Pages\">{links}</nav></header>\n<main id=\"app\">\n{main}\n</main>\n\
         <script type=\"application/json\" id=\"first\">{first}</script>\n</body>\n</html>\n"
    );
    out
}

/// The style, and the scripts where they are wanted. What they name themselves stands beside them, in the same version.
fn head_of_assets(out: &mut String, base: &str, has_script: bool) {
    let place = format!("{base}assets/{}", assets::version());
    if has_script {
        // The first one waits for nothing: it chooses the theme before anything is drawn.
        let _ = writeln!(out, "<script src=\"{place}/theme.js\"></script>");
        let _ = writeln!(out, "<script defer src=\"{place}/chart.js\"></script>");
        let _ = writeln!(out, "<script type=\"module\" src=\"{place}/app.js\"></script>");
    }
    let _ = writeln!(out, "<link rel=\"stylesheet\" href=\"{place}/app.css\">");
    let _ = writeln!(out, "<link rel=\"icon\" href=\"{place}/icon.svg\">");
}

/// The page that asks for the token, once.
pub(super) fn asking(base: &str, said: Option<&str>) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n<title>Token · campanile</title>\n");
    head_of_assets(&mut out, base, false);
    let said = said.map(|said| format!("<p role=\"alert\">{}</p>\n", Html(said))).unwrap_or_default();
    let _ = write!(
        out,
        "</head>\n<body>\n<main>\n<h1>Who is asking?</h1>\n{said}\
         <p>The requests of this application are shown to whoever has its token. It stands in the address that was printed \
         when it was started, behind <code>token=</code>, and in the file <code>viewer.token</code> in the directory of the \
         store, in its first line.</p>\n\
         <form method=\"post\">\n<label for=\"token\">Token</label>\n\
         <input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"off\" required autofocus size=\"40\">\n\
         <button>Open</button>\n</form>\n\
         <p>If this browser was let in before and came here by a link of another site, <a href=\"\">open it once more</a>.</p>\n\
         </main>\n</body>\n</html>\n"
    );
    out
}

/// Text in HTML: nothing in it is markup, and nothing in it hides or turns what stands beside it.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in escape(self.0).to_string().chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}
