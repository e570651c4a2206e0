// The list of requests: a table of which only the lines in sight are in the document.

import { href } from './api.js';
import { button, fill, h, set } from './dom.js';
import { bytes, clock, count, duration, ending, moment, shortType, tone } from './format.js';

const COLUMNS = ['Time', 'Method', 'Status', 'Took', 'Request', 'What happened', 'Id'];
const OVERSCAN = 10;

/** The table. `onopen`, `onexpand(group)`, `onend()` when the end comes into sight, `onselect(row)`. */
export function table({ onexpand, onend, onselect, ongap, isMarked }) {
  const body = h('tbody', { role: 'rowgroup' });
  const whole = h('table.requests', { role: 'table', 'aria-label': 'Requests, the newest first' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, COLUMNS.map((name, i) => h(`th.c${i}`, { role: 'columnheader', scope: 'col' }, name)))),
    body);
  const foot = h('div.foot');
  const scroller = h('div.scroller', whole, foot);

  let shown = [];
  let tops = [0];
  let selected = null;
  const made = new Map();
  const narrow = matchMedia('(max-width: 720px)');
  const height = (line) => (line.kind === 'row' ? (narrow.matches ? 50 : 27) : 24);

  const measure = () => {
    tops = new Array(shown.length + 1);
    tops[0] = 0;
    for (let i = 0; i < shown.length; i += 1) tops[i + 1] = tops[i] + height(shown[i]);
    body.style.height = `${tops[shown.length]}px`;
  };
  const lineAt = (y) => {
    let low = 0;
    let high = shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const draw = () => {
    const from = Math.max(0, lineAt(scroller.scrollTop) - OVERSCAN);
    const to = Math.min(shown.length, lineAt(scroller.scrollTop + scroller.clientHeight) + OVERSCAN);
    const wanted = new Map();
    for (let i = from; i < to; i += 1) wanted.set(shown[i].key, i);
    // Where none of them stays, as when many come in at once, they are written over: that is much less than to make others.
    const spare = [...made.keys()].some((name) => wanted.has(name)) ? [] : [...body.children].filter((element) => element.places);
    for (const [name, element] of made) {
      if (wanted.has(name)) continue;
      if (element.contains(document.activeElement)) scroller.focus({ preventScroll: true });
      if (!spare.includes(element)) element.remove();
      made.delete(name);
    }
    // Lines that stay are never moved, so that none loses the focus.
    let cursor = body.firstChild;
    for (const [name, i] of wanted) {
      const line = shown[i];
      let element = made.get(name);
      if (!element || element.n !== line.n) {
        const next = line.kind === 'row' && spare.length ? write(spare.shift(), line.row) : make(line);
        if (element) {
          if (cursor === element) cursor = element.nextSibling;
          element.remove();
        }
        made.set(name, next);
        element = next;
      }
      element.style.transform = `translateY(${tops[i]}px)`;
      element.setAttribute('aria-rowindex', String(i + 2));
      if (element === cursor) cursor = cursor.nextSibling;
      else body.insertBefore(element, cursor);
    }
    for (const element of spare) element.remove();
    if (tops[shown.length] - scroller.scrollTop - scroller.clientHeight < 600) onend();
  };

  const make = (line) => {
    const element = line.kind === 'row' ? requestLine(line.row) : line.kind === 'fold' ? foldLine(line) : gapLine(line);
    element.n = line.n;
    return element;
  };

  const requestLine = (row) => {
    const cells = COLUMNS.map((_, i) => h(`td.c${i}`, { role: 'cell' }));
    const status = h('span.status');
    const link = h('a');
    cells[2].append(status);
    cells[4].append(link);
    const line = h('tr', { role: 'row' }, cells);
    line.places = { cells, status, link };
    line.addEventListener('click', (event) => {
      if (event.target.closest('a') || getSelection().toString()) return;
      if (event.ctrlKey || event.metaKey) open(link.href, '_blank', 'noopener');
      else link.click();
    });
    link.addEventListener('focus', () => select(line.dataset.id));
    return write(line, row);
  };
  const write = (line, row) => {
    const { cells: [at, method, , took, target, happened, id], status, link } = line.places;
    const isRequest = !row.kind || row.kind === 'request';
    line.className = `line ${tone(row)}${row.id === selected ? ' selected' : ''}${isMarked(row.id) ? ' marked' : ''}`;
    line.dataset.id = row.id;
    set(at, 'title', moment(row.at_ms));
    fill(at, clock(row.at_ms));
    fill(method, isRequest ? row.method : row.kind);
    fill(status, isRequest ? ending(row) : (row.level ?? '').toLowerCase());
    fill(took, row.partial ? h('em', { title: 'It had run so long when it was reported' }, `${duration(row.ms)}…`) : duration(row.ms));
    // A hundredth of a second to ten seconds, in equal steps for each factor of ten.
    const share = Math.max(0, Math.min(1, Math.log10(Math.max(row.ms ?? 0, 1)) / 4));
    took.style.setProperty('--share', share.toFixed(3));
    set(target, 'title', [row.route, row.query ? `?${row.query}` : null].filter(Boolean).join('\n'));
    set(link, 'href', href(`r/${row.id}`));
    fill(link, path(row));
    fill(happened, what(row));
    fill(id, row.short);
    return line;
  };
  const foldLine = (line) => h('tr.fold', { role: 'row' },
    h('td', { role: 'cell', colspan: COLUMNS.length },
      button(`same error ${count(line.n)} more`, () => onexpand(line.group), { class: 'link', title: 'Show them one by one' })));
  const gapLine = (line) => h('tr.fold', { role: 'row' },
    h('td', { role: 'cell', colspan: COLUMNS.length },
      button(`${count(line.n)} more came at this point`, ongap, { class: 'link', title: 'They came faster than a page can show; they are stored. Loads the list anew' })));

  const select = (id) => {
    if (selected !== id) {
      made.get(selected)?.classList.remove('selected');
      selected = id;
      made.get(selected)?.classList.add('selected');
    }
    onselect?.(selected);
  };
  const reveal = (i) => {
    const head = whole.tHead.offsetHeight;
    if (tops[i] < scroller.scrollTop) scroller.scrollTop = tops[i];
    else if (tops[i + 1] + head > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = tops[i + 1] + head - scroller.clientHeight;
    draw();
  };

  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; draw(); });
  };
  scroller.tabIndex = -1;
  scroller.addEventListener('scroll', soon, { passive: true });
  new ResizeObserver(soon).observe(scroller);
  narrow.addEventListener('change', () => { measure(); soon(); });

  return {
    scroller,
    body,
    foot,
    show(lines, known) {
      shown = lines;
      whole.setAttribute('aria-rowcount', String(known ? lines.length + 1 : -1));
      measure();
      draw();
    },
    /** Makes those lines anew whose look has changed. */
    refresh(...ids) {
      for (const id of ids) made.get(id)?.classList.toggle('marked', isMarked(id));
    },
    /** Goes so many requests down, or up. */
    move(step) {
      const count = shown.length;
      if (!count) return;
      let i = shown.findIndex((line) => line.key === selected);
      if (i < 0) i = step > 0 ? lineAt(scroller.scrollTop) - 1 : lineAt(scroller.scrollTop) + 1;
      do i += step; while (i >= 0 && i < count && shown[i].kind !== 'row');
      if (i < 0 || i >= count) return;
      select(shown[i].key);
      reveal(i);
      made.get(selected)?.querySelector('a')?.focus({ preventScroll: true });
    },
    selected: () => shown.find((line) => line.key === selected)?.row ?? null,
    forget() { select(null); },
    isAtTop: () => scroller.scrollTop < 4,
    toTop() { scroller.scrollTop = 0; },
  };
}

/** The path, with what stands in its route's places made visible. */
function path(row) {
  if (row.kind && row.kind !== 'request') return h('span.path', row.message ?? '');
  const parts = (row.path ?? '').split('/');
  const route = (row.route ?? '').split('/');
  const fits = route.length === parts.length;
  const pieces = parts.map((part, i) => [i ? '/' : '', fits && /^\{.*\}$/.test(route[i]) ? h('b', part) : part]);
  return [h('span.path', pieces), row.query ? h('span.query', `?${row.query}`) : null];
}

function what(row) {
  if (row.error) return [h('strong', shortType(row.error.type)), ' ', h('span', row.error.message)];
  const how = fate(row);
  const fields = (row.fields ?? []).map(([name, value]) => h('span.field', h('i', `${name}=`), value, ' '));
  const sent = !how && !fields.length && row.response_bytes ? h('span.dim', bytes(row.response_bytes)) : null;
  return [how ? h('em', how, ' ') : null, row.message && row.kind === 'request' ? h('span', row.message, ' ') : null, fields, sent];
}

/** How it ended, unless it was simply answered. */
export function fate(row) {
  if (row.partial) return 'reported while it ran';
  if (!row.outcome || row.outcome === 'answered') return null;
  return { aborted: 'client left', abandoned: 'client left', panicked: 'panicked', upgraded: 'upgraded', body_error: 'body failed' }[row.outcome] ?? row.outcome.replaceAll('_', ' ');
}
