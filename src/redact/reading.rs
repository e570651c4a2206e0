//! How a text is read, by what it is.

use super::json::Outcome;
use super::note::Notes;
use super::rules::{MAX_TEXT_BYTES, Rules};
use super::suspect::is_suspect;
use super::text::Nature;
use super::{CUT_MARK, REDACTED, json, uncut};
use crate::record::parts::Media;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Plain,
    /// It may be percent-encoded.
    Percent,
    Path,
    Query,
    /// A whole URL.
    Url,
    /// What was kept of a body, and whether that is not all of it.
    Body(Media, bool),
}

impl Rules {
    /// A text without its secrets; `None` when there are none.
    pub(super) fn read(&self, text: &str, reading: Reading, notes: &mut Notes) -> Option<String> {
        match reading {
            Reading::Plain => self.plain(text, notes),
            Reading::Percent => self.percent(text, notes),
            Reading::Path => self.path(text, notes),
            Reading::Query => self.query(text, notes),
            Reading::Url => self.url(text, notes),
            Reading::Body(media, is_cut) => self.body(text, media, is_cut, notes),
        }
    }

    /// Whether a text may hold secrets: what is known by its shape, encoded, beyond a limit, or asked for by the settings.
    pub(super) fn may_hide(&self, text: &[u8], reading: Reading) -> bool {
        self.may_hide_plainly(text) || self.hides(text, reading)
    }

    /// The same for a text that is nothing but that.
    #[inline]
    pub(super) fn may_hide_plainly(&self, text: &[u8]) -> bool {
        self.patterns.is_some() || text.len() > MAX_TEXT_BYTES || is_suspect(text, &self.keys)
    }

    /// What [`is_suspect`] does not know of.
    fn hides(&self, text: &[u8], reading: Reading) -> bool {
        let is_encoded = || text.iter().any(|byte| matches!(byte, b'%' | b'+'));
        match reading {
            Reading::Plain => false,
            Reading::Percent => is_encoded(),
            // An authority, or a mail address.
            Reading::Path => text.iter().any(|byte| matches!(byte, b'%' | b'@')),
            Reading::Query => is_encoded() || self.hides_pair(text),
            Reading::Url => is_encoded() || text.contains(&b'@') || self.hides_pair(text),
            // JSON is read to its end, to see whether it can be.
            Reading::Body(media, is_cut) => media != Media::Text || is_cut,
        }
    }

    fn plain(&self, text: &str, notes: &mut Notes) -> Option<String> {
        let (start, is_cut) = uncut(text);
        let new = self.text(start, Nature { is_cut, ..Nature::default() }, notes)?;
        Some(if is_cut { new + CUT_MARK } else { new })
    }

    fn path(&self, path: &str, notes: &mut Notes) -> Option<String> {
        let (path, is_cut) = uncut(path);
        // An authority, as CONNECT names one.
        if !path.starts_with('/')
            && let Some((userinfo, host)) = path.rsplit_once('@').filter(|(userinfo, _)| !userinfo.starts_with(REDACTED))
        {
            notes.push("", "user and password of a URL", userinfo);
            return Some(format!("{REDACTED}@{host}"));
        }
        let nature = Nature { is_path: path.starts_with('/'), is_cut };
        let whole = self.text(path, nature, notes);
        let shown = whole.as_deref().unwrap_or(path);
        let new = if shown.contains('%') { self.segments(shown, nature, notes).or(whole) } else { whole };
        new.map(|new| if is_cut { new + CUT_MARK } else { new })
    }

    /// What is encoded is looked at segment by segment, so that only the guilty one goes.
    fn segments(&self, path: &str, nature: Nature, notes: &mut Notes) -> Option<String> {
        let mut out = super::rewrite::Rewrite::new(path);
        let mut at = 0;
        for segment in path.split('/') {
            let end = at + segment.len();
            let is_cut = nature.is_cut && end == path.len();
            if let Some(new) = self.encoded(segment, Nature { is_cut, ..nature }, notes) {
                out.replace(at..end, &new);
            }
            at = end + 1;
        }
        out.finish()
    }

    /// A whole URL: each of its parts by its own rule.
    fn url(&self, url: &str, notes: &mut Notes) -> Option<String> {
        let (start, query) = url.split_once('?').map_or((url, None), |(start, query)| (start, Some(query)));
        let clear = self.plain(start, notes);
        let start = clear.as_deref().unwrap_or(start);
        let behind = start.find("://").map_or(0, |at| at + 3);
        let at = start.get(behind..).and_then(|rest| rest.find('/')).map_or(start.len(), |at| behind + at);
        let (place, path) = start.split_at_checked(at).unwrap_or((start, ""));
        let new_path = self.path(path, notes);
        let new_query = query.and_then(|query| self.query(query, notes));
        if clear.is_none() && new_path.is_none() && new_query.is_none() {
            return None;
        }
        let mut new = format!("{place}{}", new_path.as_deref().unwrap_or(path));
        if let Some(query) = new_query.as_deref().or(query) {
            new.extend(["?", query]);
        }
        Some(new)
    }

    /// A text that may be percent-encoded.
    fn percent(&self, text: &str, notes: &mut Notes) -> Option<String> {
        let (start, is_cut) = uncut(text);
        let new = self.encoded(start, Nature { is_cut, ..Nature::default() }, notes)?;
        Some(if is_cut { new + CUT_MARK } else { new })
    }

    fn body(&self, text: &str, media: Media, is_cut: bool, notes: &mut Notes) -> Option<String> {
        let (start, is_marked) = uncut(text);
        let is_cut = is_cut || is_marked;
        let json = |notes: &mut Notes| match json::redact(self, start, notes) {
            Outcome::Read(new) => new,
            Outcome::Broken(new) => Some(new),
        };
        let new = match media {
            Media::Json => json(notes),
            // Many a client sends JSON and calls it a form; a `=` in it would stand between no key and no value.
            Media::Form => {
                let new = if json::looks_like(start) { json(notes) } else { None };
                self.form(new.as_deref().unwrap_or(start), is_cut, notes).or(new)
            }
            Media::Text => self.text(start, Nature { is_cut, ..Nature::default() }, notes),
        };
        new.map(|new| if is_marked { new + CUT_MARK } else { new })
    }
}
