//! Reports about a request that is still running.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::listed::{Listed, Stage};
use crate::capture::{Exchange, Link};
use crate::record::parts::{CUT_MARK, Parts, Slot, Text};
use crate::record::{Kind, Outcome};
use crate::time;

/// Frames after which there is a report ahead of its time.
const MANY_FRAMES: u64 = 1_000;
/// Such a report comes no sooner than this after the one before.
const SOONEST_NS: u64 = 1_000_000_000;
/// The longest time between two reports for the console; between the first ones it doubles.
const MAX_PAUSE_NS: u64 = 300 * 1_000_000_000;
/// Larger buffers are not copied: of such a request a report says only what the list knows.
const MAX_COPIED_BYTES: usize = 256 * 1024;
/// Bytes of path or route that are copied.
const MAX_BYTES: usize = 256;
/// What a report says about progress.
const FRAMES: &str = "campanile.frames";

/// The report that a request owes now.
pub(super) fn due(link: &Link, every: Duration, has_screen: impl FnOnce() -> bool) -> Option<Box<Parts>> {
    let listed = link.listed.as_ref()?;
    if link.is_over() {
        return None;
    }
    let (now_ns, every_ns) = (link.now_ns(), time::ns(every));
    let frames = listed.sent_frames.load(Ordering::Relaxed).saturating_add(listed.received_frames.load(Ordering::Relaxed));
    let mut stage = listed.stage();
    let left = stage.left.take();
    if stage.count == 0 {
        (stage.due_ns, stage.shown_ns) = (every_ns, every_ns);
    } else if left.is_none() && !std::mem::take(&mut stage.is_open) {
        let is_early =
            frames.saturating_sub(stage.last_frames) >= MANY_FRAMES && now_ns.saturating_sub(stage.last_ns) >= SOONEST_NS;
        if now_ns < stage.due_ns && !is_early {
            return None;
        }
        stage.due_ns = now_ns.saturating_add(every_ns);
        // Nobody polls what was upgraded.
        if !listed.is_upgrade {
            listed.ask(true);
            stage.is_open = true;
            return None;
        }
    }
    listed.ask(false);
    stage.is_open = false;
    (stage.last_ns, stage.last_frames) = (now_ns, frames);
    let is_first = stage.count == 0;
    stage.count = stage.count.saturating_add(1);
    let number = stage.count - 1;
    let is_shown = !is_first && is_shown(&mut stage, now_ns) && has_screen();
    drop(stage);
    listed.reported();
    let mut parts = left.unwrap_or_else(|| known(link, listed));
    finish(&mut parts, link, listed, (now_ns, frames));
    (parts.report, parts.is_shown) = (Some(number), is_shown);
    Some(parts)
}

/// Whether it is time for a line on the console.
fn is_shown(stage: &mut Stage, now_ns: u64) -> bool {
    if now_ns < stage.shown_ns {
        return false;
    }
    stage.shown_ns = now_ns.saturating_add(now_ns.min(MAX_PAUSE_NS));
    true
}

/// What the list knows.
fn known(link: &Link, listed: &Listed) -> Box<Parts> {
    let mut parts = link.hub.pipeline.parts();
    link.stamp(&mut parts, Kind::Partial);
    (parts.is_asked, parts.on_trial) = (link.wanted.is_certain, link.wanted.is_on_trial());
    let (method, path, is_cut) = listed.head();
    parts.method = parts.push_text(method, MAX_BYTES);
    parts.path = match is_cut {
        true => parts.push_fmt(MAX_BYTES, format_args!("{path}{CUT_MARK}")),
        false => parts.push_text(path, MAX_BYTES),
    };
    parts.route = listed.route().map(|route| parts.push_text(route, MAX_BYTES));
    parts.parent_span_id = listed.parent_span_id;
    parts.peer = listed.peer;
    (parts.client, parts.client_port) = listed.client;
    parts.head_ns = listed.head_ns();
    parts.status = listed.status();
    if listed.is_upgrade {
        parts.outcome = Outcome::Upgraded;
    }
    parts
}

/// What changes from one report to the next.
fn finish(parts: &mut Parts, link: &Link, listed: &Listed, (now_ns, frames): (u64, u64)) {
    parts.kind = Kind::Partial;
    parts.duration_ns = now_ns;
    parts.response_bytes = listed.sent_bytes.load(Ordering::Relaxed);
    parts.request_bytes = Some(link.request_bytes()).filter(|bytes| *bytes > 0);
    if frames > 0 {
        parts.set_attribute(Text::Static(FRAMES), Slot::U64(frames));
    }
    let room = (2 * MAX_COPIED_BYTES).saturating_sub(parts.size_bytes());
    if let Some(inbox) = link.copy_inbox(room.min(MAX_COPIED_BYTES)) {
        parts.append(&inbox);
    }
}

impl Exchange {
    /// Leaves a copy of what there is so far, where a report is asked for.
    pub(crate) fn report_if_asked(&self) {
        if let Some(listed) = self.link.listed.as_ref().filter(|listed| listed.is_asked()) {
            self.leave_copy(listed);
        }
    }

    #[cold]
    fn leave_copy(&self, listed: &Listed) {
        listed.ask(false);
        if self.parts.size_bytes() > MAX_COPIED_BYTES {
            // The worker reports what it knows itself.
            return;
        }
        let mut copy = self.parts.clone();
        (copy.charged_bytes, copy.charged_room) = (0, 0);
        copy.scratch = Default::default();
        let pipeline = &self.link.hub.pipeline;
        let old = if pipeline.admits_copy(&mut copy) { listed.stage().left.replace(copy) } else { Some(copy) };
        if let Some(old) = old {
            pipeline.recycle(old);
        }
    }
}
