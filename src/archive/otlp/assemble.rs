//! Spans and log records, in any order, become records again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::read_own::Own;
use super::wire::{Any, KeyValue, Line, Log, Span};
use super::{attributes, of_log, of_span};
use crate::archive::imported::Counts;
use crate::archive::make::{Maker, ToldRedaction};
use crate::record::parts::Parts;
use crate::record::{Kind, Record, Resource, SpanId, TraceId};

/// Bytes of text of what waits for the rest of its trace, at most. What is read of them takes about four times as much.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// Records whose ids are remembered, so that none comes twice, and traces that have been told.
const MAX_KNOWN: usize = 2_000_000;
/// Different resources that are remembered.
const MAX_RESOURCES: usize = 1_000;

/// A record, and who wrote it.
pub(in crate::archive) type Made = (Arc<Resource>, Record);

/// What has come of traces that may not be complete.
#[derive(Default)]
pub(in crate::archive) struct Assembly {
    traces: HashMap<TraceId, Trace>,
    /// Traces in the order in which they began to come.
    order: VecDeque<TraceId>,
    bytes: usize,
    told: HashSet<TraceId>,
    known: HashSet<(TraceId, SpanId)>,
    resources: HashMap<Vec<(String, String)>, Arc<Resource>>,
}

#[derive(Default)]
struct Trace {
    spans: Vec<(Arc<Resource>, Span, Option<Own>)>,
    logs: Vec<(Arc<Resource>, Log, Option<Own>)>,
    bytes: usize,
}

impl Assembly {
    /// Takes a line of so many bytes; records that are complete, or have waited for long, are handed to `made`.
    pub(in crate::archive) fn take<E>(
        &mut self,
        line: Line,
        bytes: usize,
        maker: &Maker,
        counts: &mut Counts,
        made: &mut dyn FnMut(Made) -> Result<(), E>,
    ) -> Result<(), E> {
        let spans = line.resource_spans.iter().flat_map(|of| &of.scope_spans).map(|of| of.spans.len());
        let logs = line.resource_logs.iter().flat_map(|of| &of.scope_logs).map(|of| of.log_records.len());
        let each = bytes / spans.chain(logs).sum::<usize>().max(1);
        for of in line.resource_spans {
            let resource = self.resource(of.resource.attributes, maker);
            for mut span in of.scope_spans.into_iter().flat_map(|of| of.spans) {
                let own = Own::take(&mut span.attributes);
                let trace = self.trace(span.trace_id.0, each, counts);
                trace.spans.push((Arc::clone(&resource), span, own));
            }
        }
        for of in line.resource_logs {
            let resource = self.resource(of.resource.attributes, maker);
            for scope in of.scope_logs {
                for mut log in scope.log_records {
                    if !scope.scope.name.is_empty()
                        && scope.scope.name != "campanile"
                        && !log.attributes.iter().any(|pair| pair.key == "target")
                    {
                        let value = Any::Text(scope.scope.name.clone());
                        log.attributes.push(KeyValue { key: "target".to_owned(), value });
                    }
                    let own = Own::take(&mut log.attributes);
                    if log.trace_id.0.is_valid() {
                        self.trace(log.trace_id.0, each, counts).logs.push((Arc::clone(&resource), log, own));
                    } else {
                        let (parts, told) = of_log::outside(log, own);
                        finish(maker, counts, &resource, parts, &told, made)?;
                    }
                }
            }
        }
        while self.bytes > MAX_WAITING_BYTES {
            self.tell_oldest(maker, counts, made)?;
        }
        Ok(())
    }

    /// Hands over everything that is left.
    pub(in crate::archive) fn end<E>(
        &mut self,
        maker: &Maker,
        counts: &mut Counts,
        made: &mut dyn FnMut(Made) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.order.is_empty() {
            self.tell_oldest(maker, counts, made)?;
        }
        Ok(())
    }

    fn trace(&mut self, id: TraceId, bytes: usize, counts: &mut Counts) -> &mut Trace {
        self.bytes += bytes;
        let trace = self.traces.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            Trace::default()
        });
        if trace.bytes == 0 && self.told.contains(&id) {
            counts.late += 1;
        }
        trace.bytes += bytes;
        trace
    }

    fn resource(&mut self, pairs: Vec<KeyValue>, maker: &Maker) -> Arc<Resource> {
        let pairs: Vec<_> = pairs.into_iter().map(|pair| (pair.key, attributes::text(pair.value))).collect();
        if let Some(known) = self.resources.get(&pairs) {
            return Arc::clone(known);
        }
        let resource = Arc::new(maker.resource(&pairs));
        if self.resources.len() < MAX_RESOURCES {
            self.resources.insert(pairs, Arc::clone(&resource));
        }
        resource
    }

    fn tell_oldest<E>(
        &mut self,
        maker: &Maker,
        counts: &mut Counts,
        made: &mut dyn FnMut(Made) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(id) = self.order.pop_front() else { return Ok(()) };
        let Some(trace) = self.traces.remove(&id) else { return Ok(()) };
        self.bytes = self.bytes.saturating_sub(trace.bytes);
        if self.told.len() < MAX_KNOWN {
            self.told.insert(id);
        }
        self.tell(trace, maker, counts, made)
    }

    /// Makes the records of one trace.
    fn tell<E>(
        &mut self,
        trace: Trace,
        maker: &Maker,
        counts: &mut Counts,
        made: &mut dyn FnMut(Made) -> Result<(), E>,
    ) -> Result<(), E> {
        let spans = self.without_copies(trace.spans, counts);
        let roots = Roots::of(&spans);
        let mut open: Vec<Open> = Vec::new();
        let mut place: HashMap<SpanId, usize> = HashMap::new();
        let mut children = Vec::new();
        for (resource, span, own) in spans {
            let id = span.span_id.0;
            if roots.of.get(&id) != Some(&id) {
                children.push(span);
                continue;
            }
            let is_own = own.is_some();
            let is_request = own.as_ref().map_or_else(|| of_span::is_request(&span), |own| own.kind == Kind::Request);
            let mut span = span;
            let events = std::mem::take(&mut span.events);
            let (mut parts, told) = if is_request { of_span::request(maker, span, own) } else { of_span::outside(span, own) };
            for event in events {
                of_log::of_span(&mut parts, event, id);
            }
            place.insert(id, open.len());
            open.push(Open { resource, parts, told, is_own });
        }
        for mut child in children {
            let root = roots.of.get(&child.span_id.0).and_then(|root| place.get(root));
            let Some(root) = root.and_then(|at| open.get_mut(*at)) else { continue };
            let (events, id) = (std::mem::take(&mut child.events), child.span_id.0);
            of_span::child(&mut root.parts, child);
            for event in events {
                of_log::of_span(&mut root.parts, event, id);
            }
        }
        for (resource, log, own) in trace.logs {
            // One that was written here as a record of its own stays one.
            let root = roots.of.get(&log.span_id.0).filter(|_| own.is_none()).and_then(|root| place.get(root));
            match root.and_then(|at| open.get_mut(*at)).filter(|open| open.parts.kind == Kind::Request) {
                Some(open) => of_log::inside(&mut open.parts, log, open.is_own),
                None => {
                    let (parts, told) = of_log::outside(log, own);
                    finish(maker, counts, &resource, parts, &told, made)?;
                }
            }
        }
        for Open { resource, mut parts, told, is_own } in open {
            if !is_own {
                parts.spans.sort_by_key(|span| span.start_ns);
                parts.events.sort_by_key(|event| event.time_ns);
            }
            finish(maker, counts, &resource, parts, &told, made)?;
        }
        Ok(())
    }

    /// Spans by their ids, each once.
    fn without_copies(
        &mut self,
        spans: Vec<(Arc<Resource>, Span, Option<Own>)>,
        counts: &mut Counts,
    ) -> Vec<(Arc<Resource>, Span, Option<Own>)> {
        let mut kept = Vec::with_capacity(spans.len());
        for one in spans {
            let key = (one.1.trace_id.0, one.1.span_id.0);
            if !one.1.span_id.0.is_valid() {
                counts.nameless += 1;
            } else if self.known.contains(&key) {
                counts.copies += 1;
            } else {
                if self.known.len() < MAX_KNOWN {
                    self.known.insert(key);
                }
                kept.push(one);
            }
        }
        kept
    }
}

/// A record that is being put together.
struct Open {
    resource: Arc<Resource>,
    parts: Box<Parts>,
    told: Vec<ToldRedaction>,
    is_own: bool,
}

/// Which span's record each span belongs to.
struct Roots {
    of: HashMap<SpanId, SpanId>,
}

impl Roots {
    /// A request is a root, and so is what was written here as a record; every other span belongs to the nearest of them
    /// around it in the same service, and stands alone where there is none.
    fn of(spans: &[(Arc<Resource>, Span, Option<Own>)]) -> Self {
        let by_id: HashMap<SpanId, usize> = spans.iter().enumerate().map(|(at, (_, span, _))| (span.span_id.0, at)).collect();
        let mut of: HashMap<SpanId, SpanId> = HashMap::new();
        for (_, span, _) in spans {
            let (mut at, mut way) = (span.span_id.0, Vec::new());
            let root = loop {
                if let Some(known) = of.get(&at) {
                    // What stands alone takes nobody in.
                    break by_id.get(known).and_then(|at| spans.get(*at)).filter(|it| is_root(it)).map(|_| *known);
                }
                let Some(here) = by_id.get(&at).and_then(|at| spans.get(*at)) else { break None };
                if is_root(here) {
                    break Some(at);
                }
                way.push(at);
                let parent = here.1.parent_span_id.0;
                let is_same = by_id.get(&parent).and_then(|at| spans.get(*at)).is_some_and(|around| around.0 == here.0);
                if !is_same || way.contains(&parent) {
                    break None;
                }
                at = parent;
            };
            of.entry(span.span_id.0).or_insert(root.unwrap_or(span.span_id.0));
            for id in way {
                of.insert(id, root.unwrap_or(id));
            }
        }
        Self { of }
    }
}

fn is_root((_, span, own): &(Arc<Resource>, Span, Option<Own>)) -> bool {
    own.is_some() || of_span::is_request(span)
}

fn finish<E>(
    maker: &Maker,
    counts: &mut Counts,
    resource: &Arc<Resource>,
    parts: Box<Parts>,
    told: &[ToldRedaction],
    made: &mut dyn FnMut(Made) -> Result<(), E>,
) -> Result<(), E> {
    match maker.finish(parts, told) {
        Some(record) => made((Arc::clone(resource), record)),
        None => {
            counts.unreadable += 1;
            Ok(())
        }
    }
}
