// Two texts beside each other, line by line.

import { h } from './dom.js';
import { duration } from './format.js';
import { indented, isJson } from './pretty.js';

const MOST = 1500;

/** Lines with what became of each: `[' ' | '-' | '+', text]`. */
export function diffLines(before, after) {
  const a = before.split('\n').slice(0, MOST);
  const b = after.split('\n').slice(0, MOST);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const x = a.slice(start, a.length - end);
  const y = b.slice(start, b.length - end);
  // The longest common part, from the ends of both.
  const width = y.length + 1;
  const best = new Uint16Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; i -= 1) {
    for (let j = y.length - 1; j >= 0; j -= 1) {
      best[i * width + j] = x[i] === y[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const out = a.slice(0, start).map((line) => [' ', line]);
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      out.push([' ', x[i]]);
      i += 1;
      j += 1;
    } else if (j >= y.length || (i < x.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) out.push(['-', x[i++]]);
    else out.push(['+', y[j++]]);
  }
  return out.concat(a.slice(a.length - end).map((line) => [' ', line]));
}

/** Both texts as one, with what went and what came; JSON is indented first. */
export function textDiff(before, after, type, label) {
  const ready = (text) => (isJson(text, type) ? indented(text) : text);
  const [a, b] = [ready(before ?? ''), ready(after ?? '')];
  if (a === b) return h('p.dim', `${label}: the same`);
  const words = { '-': 'removed', '+': 'added' };
  return h('pre.raw.diff', { tabindex: 0, role: 'region', 'aria-label': `${label}: differences` }, diffLines(a, b).map(([sign, line]) =>
    h(`span.diff-line${sign === '-' ? '.went' : sign === '+' ? '.came' : ''}`, words[sign] ? h('span.unseen', `${words[sign]}: `) : null, h('span.sign', { 'aria-hidden': 'true' }, sign), `${line}\n`)));
}

/** Where two answers differ: `[{where, before, after}]`. */
export function differenceTable(list, before = 'Before', after = 'Now') {
  if (!list?.length) return h('p.dim', 'No differences.');
  return h('div.scroll-x', h('table.plain', h('thead', h('tr', h('th', { scope: 'col' }, 'Where'), h('th', { scope: 'col' }, before), h('th', { scope: 'col' }, after))),
    h('tbody', list.map((one) => h('tr', h('th', { scope: 'row' }, one.where), h('td.mono.wrap', shown(one.where, one.before)), h('td.mono.wrap', shown(one.where, one.after)))))));
}

function shown(where, value) {
  return typeof value === 'number' && /[_.]ms$/.test(where) ? duration(value) : clip(value);
}

function clip(value) {
  const text = value === null || value === undefined ? '–' : String(value);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
