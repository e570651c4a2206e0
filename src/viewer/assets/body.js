// A body: pretty, raw or hex, with a search; what was cut is always said.

import { button, h, later, put } from './dom.js';
import { bytes, count, several } from './format.js';
import { coloured, form, hex, isJson } from './pretty.js';
import { pairs } from './text.js';

const SHOWN = 100_000;

/** The body of one direction; `sent` is how many bytes went over the wire. */
export function body(captured, sent, direction) {
  if (!captured) {
    const why = sent ? `${bytes(sent)}, not kept (see CAMPANILE_BODIES)` : 'none';
    return h('p.dim.body-line', `body: ${why}`);
  }
  if (captured.skipped && !captured.text) return h('p.body-line', h('span.dim', `body: ${bytes(captured.seen_bytes ?? sent)}, not kept: `), captured.skipped);

  const text = captured.text ?? '';
  const type = captured.content_type;
  const isForm = /x-www-form-urlencoded/i.test(type ?? '');
  const ways = { Pretty: isJson(text, type) || isForm, Raw: true, Hex: true };
  const view = h('div.body-view');
  const found = h('span.dim', { role: 'status' });
  let way = ways.Pretty ? 'Pretty' : 'Raw';
  let all = false;

  const tabs = h('div.tabs', { role: 'group', 'aria-label': `How the ${direction} body is shown` }, Object.entries(ways).filter(([, fits]) => fits).map(([label]) =>
    button(label, () => { way = label; draw(); }, { 'aria-pressed': 'false' })));
  const draw = () => {
    for (const tab of tabs.children) tab.setAttribute('aria-pressed', String(tab.textContent === way));
    const cut = all || text.length <= SHOWN ? text : text.slice(0, SHOWN);
    const box = { tabindex: 0, role: 'region', 'aria-label': `${direction} body` };
    const parts = [];
    if (way === 'Hex') {
      const dump = hex(text, all ? Infinity : 16_384);
      parts.push(h('pre.raw', box, dump.text));
      if (dump.rest > 0) parts.push(more(`${several(dump.rest, 'further byte')}`));
    } else if (way === 'Pretty' && isForm) parts.push(pairs(form(cut)));
    else {
      const pre = h('pre.raw', box);
      if (way === 'Pretty') pre.append(coloured(cut));
      else for (let at = 0; at < cut.length; at += 20_000) put(pre, cut.slice(at, at + 20_000));
      parts.push(pre);
    }
    if (cut.length < text.length && way !== 'Hex') parts.push(more(`${several(text.length - cut.length, 'further character')}`));
    view.replaceChildren(...parts);
    mark();
  };
  const more = (label) => h('p', button(`show ${label}`, () => { all = true; draw(); }, { class: 'link' }));

  const input = h('input', { type: 'search', placeholder: 'search', 'aria-label': `Search in the ${direction} body`, class: 'search' });
  let hits = [];
  let at = -1;
  const mark = () => {
    hits = input.value ? ranges(view, input.value) : [];
    at = -1;
    found.textContent = input.value ? several(hits.length, 'hit') : '';
    if (!globalThis.Highlight) return;
    // One name for the bodies of both directions, as the style sheet knows one.
    const others = [...(CSS.highlights.get('found') ?? [])].filter((range) => !view.contains(range.startContainer) && range.startContainer.isConnected);
    CSS.highlights.set('found', new Highlight(...others, ...hits));
    CSS.highlights.delete('found-now');
    if (hits.length) step(1, false);
  };
  const step = (by, tell = true) => {
    if (!hits.length) return;
    at = (at + by + hits.length) % hits.length;
    const hit = hits[at];
    if (globalThis.Highlight) CSS.highlights.set('found-now', new Highlight(hit));
    hit.startContainer.parentElement?.scrollIntoView({ block: 'nearest' });
    if (tell) found.textContent = `${count(at + 1)} of ${count(hits.length)}`;
  };
  input.addEventListener('input', later(120, mark));
  input.addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); step(event.shiftKey ? -1 : 1); } });

  draw();
  const size = captured.truncated
    ? h('strong.warn', `cut: ${bytes(captured.kept_bytes)} of ${bytes(captured.seen_bytes)} kept`)
    : h('span.dim', `${bytes(captured.seen_bytes ?? captured.kept_bytes)}, whole`);
  return h('div.body',
    h('div.body-head', h('span', 'body'), size, type ? h('code.dim', type) : null, captured.encoding === 'lossy' ? h('em', { title: 'Bytes that are no UTF-8 were replaced' }, 'not all of it is text') : null,
      h('span.body-tools', tabs, input, found)),
    view);
}

/** Where the word stands in the element's text, without regard to case. */
function ranges(element, word) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const wanted = word.toLowerCase();
  const result = [];
  for (let node = walker.nextNode(); node && result.length < 2000; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0 && result.length < 2000; at = text.indexOf(wanted, at + wanted.length)) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, Math.min(node.length, at + wanted.length));
      result.push(range);
    }
  }
  return result;
}
