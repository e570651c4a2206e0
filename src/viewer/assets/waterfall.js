// What happened when: the spans of a request as bars below each other, with their events in line.

import { button, h } from './dom.js';
import { brief, duration, several, shortType } from './format.js';
import { recall, remember } from './memory.js';
import { long, plain } from './text.js';

const SHOWN = 300;
const LEVELS = ['ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'];

/** The panel's body and its switches, for a record of the API. */
export function waterfall(record) {
  const body = h('div.waterfall');
  let withEvents = recall('events', true);
  let all = false;
  const total = Math.max(record.ms ?? 0, 0.001, ...record.spans.map((span) => span.start_ms + (span.ms ?? 0)), ...record.events.map((event) => event.at_ms));
  const share = (ms) => `${Math.max(0, Math.min(100, (100 * ms) / total)).toFixed(3)}%`;
  const marks = ticks(total);

  const draw = () => {
    const lines = order(record, withEvents);
    const shown = all ? lines : lines.slice(0, SHOWN);
    body.replaceChildren(axis(marks, share));
    const list = h('ul.bars', { 'aria-label': 'Spans and events in the order of time' }, shown.map((line) => (line.event ? eventLine(line, share) : spanLine(line, share))));
    list.style.setProperty('--tick', share(marks[1] ?? total));
    body.append(list);
    if (shown.length < lines.length) body.append(h('p.panel-body', button(`show all ${several(lines.length, 'line')}`, () => { all = true; draw(); }, { class: 'link' })));
  };
  draw();

  const toggle = h('input', { type: 'checkbox', checked: withEvents, onchange: () => { withEvents = toggle.checked; remember('events', withEvents); draw(); } });
  const switches = record.events.length ? h('label', toggle, ` ${several(record.events.length, 'event')} in line`) : null;
  return { body, switches };
}

/** Round moments along the axis. */
function ticks(total) {
  const rough = total / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const found = [];
  for (let at = 0; at <= total; at += step) found.push(at);
  return found;
}

function axis(marks, share) {
  return h('div.axis', { 'aria-hidden': 'true' }, h('span'), h('div.scale', marks.map((at, i) => {
    const mark = h('span', i === 0 ? '0' : brief(at));
    mark.style.left = share(at);
    return mark;
  })), h('span'));
}

/** Spans below their parents, events at their time inside the span that they belong to. */
function order(record, withEvents) {
  const known = new Set(record.spans.map((span) => span.id));
  const inside = new Map();
  const put = (parent, item) => {
    const name = parent && known.has(parent) ? parent : null;
    if (!inside.has(name)) inside.set(name, []);
    inside.get(name).push(item);
  };
  for (const span of record.spans) put(span.parent === span.id ? null : span.parent, { span, at: span.start_ms });
  if (withEvents) for (const event of record.events) put(event.span, { event, at: event.at_ms });
  const whole = { name: [record.method, record.route ?? record.path].filter(Boolean).join(' ') || record.message || 'request', start_ms: 0, ms: record.ms, fields: [], finished: !record.partial };
  const lines = [{ span: whole, depth: 0, whole: true, failed: Boolean(record.error || record.failed), record }];
  const seen = new Set();
  const walk = (parent, depth) => {
    const items = (inside.get(parent) ?? []).sort((a, b) => a.at - b.at);
    for (const item of items) {
      lines.push({ ...item, depth });
      if (item.span && !seen.has(item.span.id)) {
        seen.add(item.span.id);
        walk(item.span.id, depth + 1);
      }
    }
  };
  walk(null, 1);
  return lines;
}

function spanLine({ span, depth, whole, failed, record }, share) {
  const bad = failed || span.status === 'error' || span.error_type;
  const bar = h(`span.span-bar${bad ? '.bad' : ''}${span.is_client ? '.out' : ''}${whole ? '.whole' : ''}`);
  bar.style.left = share(span.start_ms);
  bar.style.width = share(span.ms ?? 0);
  const track = h('span.track', { 'aria-hidden': 'true' }, bar);
  if (whole) for (const [name, at] of [['head', record.head_ms], ['first byte', record.ttfb_ms]]) {
    if (at === null || at === undefined || at <= 0) continue;
    const mark = h('span.moment', { title: `${name} after ${duration(at)}` });
    mark.style.left = share(at);
    track.append(mark);
  }
  const about = whole ? [] : [
    span.target ? ['target', span.target] : null,
    span.file ? ['place', [span.file, span.line].filter(Boolean).join(':')] : null,
    span.url ? ['url', span.url] : null,
    span.status ? ['status', span.status] : null,
    span.error_type ? ['error', span.error_type] : null,
    ['started after', duration(span.start_ms)],
    ...(span.fields ?? []),
  ].filter(Boolean);
  const name = h('span.name', span.is_client ? h('span.tag', 'out') : null, span.name, span.finished === false ? h('em', ' not finished') : null);
  const inline = (span.fields ?? []).slice(0, 3).map(([n, v]) => `${n}=${plain(v)}`).join(' ');
  return line({ name: [name, inline && !whole ? h('span.inline.dim', inline) : null], track, end: duration(span.ms), about, depth, label: whole ? 'the whole request' : span.name, bad });
}

function eventLine({ event, depth }, share) {
  const level = LEVELS.includes(event.level) ? event.level.toLowerCase() : 'info';
  const dot = h(`span.event-dot.${level}`);
  dot.style.left = share(event.at_ms);
  const about = [
    event.target ? ['target', event.target] : null,
    event.file ? ['place', [event.file, event.line].filter(Boolean).join(':')] : null,
    ...(event.fields ?? []),
  ].filter(Boolean);
  const text = event.message || event.name || '';
  const inline = (event.fields ?? []).slice(0, 4).map(([n, v]) => `${n}=${plain(v).slice(0, 200)}`).join(' ');
  const name = [h(`span.level.${level}`, event.level), ' ', h('span.event-text', text.length > 300 ? `${text.slice(0, 300)}…` : text), inline ? h('span.inline.dim', inline) : null];
  if (text.length > 300) about.unshift(['message', text]);
  return line({ name, track: h('span.track', { 'aria-hidden': 'true' }, dot), end: `+${duration(event.at_ms)}`, about, depth, label: shortType(text).slice(0, 80), event: true });
}

/** One line, which a click opens when there is more to say. */
function line({ name, track, end, about, depth, bad, event }) {
  const head = about.length
    ? h('button.bar-line', { type: 'button', 'aria-expanded': 'false', onclick: () => toggle() }, h('span.what', name), track, h('span.end', end))
    : h('div.bar-line', h('span.what', name), track, h('span.end', end));
  head.style.setProperty('--depth', Math.min(depth, 12));
  const item = h(`li${bad ? '.bad' : ''}${event ? '.event' : ''}`, head);
  let more = null;
  const toggle = () => {
    if (more) {
      more.remove();
      more = null;
    } else {
      more = h('dl.about', about.map(([key, value]) => h('div', h('dt', key), h('dd', long(value)))));
      item.append(more);
    }
    head.setAttribute('aria-expanded', String(more !== null));
  };
  return item;
}
