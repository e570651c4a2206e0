// The list: what was asked, live, newest first.

import { get, here, href } from './api.js';
import { heatMap, rateChart } from './charts.js';
import { dialog, copy, say, title, trouble, whisper } from './frame.js';
import { button, fill, h } from './dom.js';
import { several } from './format.js';
import { facets } from './facets.js';
import { filterBox } from './filter.js';
import { lines } from './fold.js';
import { bind } from './keys.js';
import { listen } from './live.js';
import { recall, remember } from './memory.js';
import { purge } from './purge.js';
import { add, has, instant, remove, speaksOf, term, without } from './query.js';
import { table } from './rows.js';
import { marks, toggleMark } from './marks.js';
import { go } from './ways.js';

const PAGE = 100;
/** Records that are held in the page, and new ones that wait while one reads. */
const MOST = 20_000;
const MOST_LIVE = 4_000;
const MOST_WAITING = 1_000;
/** The longest rest between two drawings of new ones, in milliseconds. */
const MOST_REST = 400;
const VIEWS = [
  ['Failed', 'status>=500 or outcome:panicked'],
  ['Slow', 'ms>500'],
  ['Writes', 'method:POST,PUT,PATCH,DELETE'],
];
const TIMES = [['15 min', '15m'], ['1 h', '1h'], ['24 h', '24h'], ['7 d', '7d']];

export function listPage({ main, aside }) {
  title('Requests');
  let query = new URLSearchParams(location.search).get('q') ?? '';
  let records = [];
  let next = null;
  let cursor = null;
  let stream = null;
  let isPaused = false;
  let waiting = [];
  let skipped = 0;
  let isLoading = false;
  let loads = 0;
  let hovered = false;
  let folding = recall('folding', true);
  const open = new Set();

  // What is asked.
  const filter = filterBox({ value: query, onchange: (text) => ask(text) });
  const views = h('div.chips', { role: 'group', 'aria-label': 'Saved queries' });
  const notice = h('div.notice', { role: 'status' });
  const state = h('span.state');
  const pauseButton = button('Pause', () => pause(!isPaused), { class: 'pause', 'aria-pressed': 'false', title: 'Pause (p)' });
  fill(aside, state, pauseButton);

  const drawViews = () => {
    const own = recall('queries', []);
    const chip = (label, text, extra) => h('span.chip-box',
      button(label, () => set(query.trim() === text ? '' : text), { class: 'chip', 'aria-pressed': String(query.trim() === text), title: text }), extra);
    const canKeep = query.trim() && ![...VIEWS, ...own].some(([, text]) => text === query.trim());
    fill(views,
      VIEWS.map(([label, text]) => chip(label, text)),
      own.map(([label, text]) => chip(label, text, button('×', () => { remember('queries', own.filter(([, other]) => other !== text)); drawViews(); }, { class: 'chip-x', 'aria-label': `Forget ${label}` }))),
      canKeep ? button('☆ keep', () => { remember('queries', [...own, [query.trim().slice(0, 28), query.trim()]]); drawViews(); say('Query kept'); }, { class: 'chip faint', title: 'Keep this query in the browser' }) : null,
      h('span.gap'),
      TIMES.map(([label, value]) => {
        const one = `since:${value}`;
        const on = has(query, one);
        return button(label, () => set(on ? remove(query, one) : add(without(query, 'since', 'until', 'time'), one)), { class: 'chip', 'aria-pressed': String(on), 'aria-label': `Last ${label}` });
      }),
      button('Same errors folded', () => { folding = !folding; remember('folding', folding); drawViews(); draw(); }, { class: 'chip', 'aria-pressed': String(folding), title: 'Further failures of one cause in one line (e)' }),
      button('Delete what matches…', () => purge(query, ({ records: gone }) => { say(`${several(gone, 'record')} deleted`, { aloud: false }); load(); }), { class: 'chip faint', 'aria-haspopup': 'dialog' }),
      button('Facets', () => { column.box.classList.toggle('open'); }, { class: 'chip only-narrow', 'aria-controls': 'facets' }));
  };

  // What is drawn.
  const onbrush = ({ since, until, from_ms, to_ms }) => {
    let text = without(query, 'since', 'until', 'time');
    text = add(add(text, `since:${instant(since)}`), `until:${instant(until)}`);
    if (from_ms !== undefined && (from_ms !== null || to_ms !== null)) {
      text = without(text, 'ms', 'duration');
      if (from_ms !== null) text = add(text, `ms>=${from_ms}`);
      if (to_ms !== null) text = add(text, `ms<${to_ms}`);
    }
    set(text);
  };
  const requests = rateChart({ onbrush });
  const latency = heatMap({ onbrush });
  const charts = h('div.charts', requests.figure, latency.figure);
  charts.addEventListener('dblclick', () => set(without(query, 'since', 'until', 'time', 'ms', 'duration')));
  const column = facets({ onterm: (one, opposite) => set(has(query, one) ? remove(query, one) : add(remove(query, opposite), one)) });
  const news = button('', () => release(), { class: 'news', hidden: true });
  const rows = table({
    onexpand: (group) => { open.add(group); draw(); },
    onend: () => older(),
    onselect: () => {},
    ongap: () => load(),
    isMarked: (id) => marks().includes(id),
  });
  rows.scroller.addEventListener('scroll', () => { if (rows.isAtTop() && !isReading()) release(); }, { passive: true });
  rows.body.addEventListener('pointerenter', (event) => { hovered = event.pointerType === 'mouse'; });
  rows.body.addEventListener('pointerleave', () => { hovered = false; if (!isReading()) release(); });
  const bottom = h('div.hints', { 'aria-hidden': 'true' },
    [['j k', 'move'], ['enter', 'open'], ['f', 'filter by a value'], ['m', 'mark'], ['d', 'compare marked'], ['c', 'copy as curl'], ['r', 'replay'], ['?', 'all keys']]
      .map(([name, text]) => h('span', h('kbd', name), text)));
  const found = h('h1.unseen', 'Requests');
  main.className = 'list';
  fill(main, found, h('div.ask', filter.box, views, notice), charts,
    h('div.both', h('div.main-column', h('div.news-holder', news), rows.scroller), column.box), bottom);

  // New rows wait while one reads: scrolled down, with a line chosen, or with the pointer on the lines.
  const isReading = () => isPaused || !rows.isAtTop() || hovered || rows.body.contains(document.activeElement);
  const arrive = ({ records: fresh, skipped: more = 0 }) => {
    if (!fresh?.length && !more) return;
    // A reconnect may bring some once more.
    const known = new Set([...waiting, ...records.slice(0, 600)].map((row) => row.id));
    waiting = [...fresh.filter((row) => !known.has(row.id)), ...waiting];
    skipped += more;
    if (waiting.length > MOST_WAITING) {
      skipped += waiting.length - MOST_WAITING;
      waiting.length = MOST_WAITING;
    }
    follow();
    soonCount();
  };
  // Lines that all change four times a second are read by nobody: the longer they take to draw, the longer the page rests, so
  // that whoever types or clicks meanwhile does not wait.
  let rested = 0;
  let resting = 0;
  const follow = () => {
    if (isReading()) return tellNews();
    if (resting) return;
    const now = performance.now();
    if (now < rested) {
      resting = setTimeout(() => { resting = 0; follow(); }, rested - now);
      return;
    }
    release();
    rested = performance.now() + Math.min(MOST_REST, 10 * (performance.now() - now));
  };
  const tellNews = () => {
    const n = waiting.length + skipped;
    news.hidden = n === 0;
    news.textContent = `↑ ${several(n, 'new request')}`;
    news.title = 'They wait while you read (.)';
  };
  const release = () => {
    if (isPaused) pause(false);
    if (waiting.length || skipped) {
      const gap = skipped ? [{ gap: skipped, id: String(performance.now()) }] : [];
      records = [...waiting, ...gap, ...records];
      waiting = [];
      skipped = 0;
      if (records.length > MOST_LIVE && rows.isAtTop()) {
        records.length = MOST_LIVE;
        next = null;
      }
      if (!rows.isAtTop()) rows.toTop();
      draw();
    }
    tellNews();
  };
  const pause = (to) => {
    isPaused = to;
    pauseButton.textContent = to ? 'Resume' : 'Pause';
    pauseButton.setAttribute('aria-pressed', String(to));
    showState(to ? 'paused' : 'live');
    if (!to && rows.isAtTop()) release();
  };
  const showState = (to) => {
    const word = isPaused ? 'paused' : to;
    state.className = `state ${word}`;
    state.textContent = { live: 'live', lost: 'reconnecting', paused: 'paused', off: 'stored' }[word] ?? word;
  };

  const draw = () => {
    rows.show(lines(records, { folding, open }), next === null);
    const end = isLoading ? 'loading…' : records.length === 0 ? null : next !== null ? '' : records.length >= MOST_LIVE ? 'older ones: narrow the query, or choose a time' : `that is all · ${several(records.length, 'request')}`;
    if (records.length === 0 && !isLoading) {
      fill(rows.foot, h('div.empty',
        h('strong', query.trim() ? 'Nothing matches' : 'No requests yet'),
        query.trim() ? [h('p', 'among what is stored. New ones appear here as they end.'), button('Clear the filter', () => set(''))] : h('p', 'They appear here as they end.')));
    } else fill(rows.foot, end ? h('p.dim', end) : null);
  };

  const load = async () => {
    const mine = (loads += 1);
    isLoading = true;
    stream?.stop();
    stream = null;
    main.classList.add('busy');
    try {
      const answer = await get('api/events', { q: query.trim(), limit: PAGE });
      if (mine !== loads) return;
      records = answer.records;
      next = answer.next;
      cursor = answer.live;
      waiting = [];
      skipped = 0;
      isLoading = false;
      open.clear();
      rows.toTop();
      rows.forget();
      tellNews();
      draw();
      tellNotice(answer);
      if (cursor !== null && cursor !== undefined) stream = listen({ query: query.trim(), cursor, onrecords: arrive, onstate: showState });
      else showState('off');
      charted = 0;
      counted = 0;
      time = null;
      chart();
      countFacets();
    } catch (error) {
      if (mine !== loads) return;
      isLoading = false;
      records = [];
      next = null;
      draw();
      fill(rows.foot, trouble(error, load));
    } finally {
      if (mine === loads) main.classList.remove('busy');
    }
  };
  const older = async () => {
    if (isLoading || next === null || records.length >= MOST) return;
    const mine = loads;
    isLoading = true;
    try {
      const answer = await get('api/events', { q: query.trim(), limit: PAGE, cursor: next });
      if (mine !== loads) return;
      records = records.concat(answer.records);
      next = answer.next;
    } catch (error) {
      if (mine === loads) {
        next = null;
        say(error.message);
      }
    } finally {
      if (mine === loads) {
        isLoading = false;
        draw();
      }
    }
  };
  const tellNotice = (answer) => {
    const text = answer.notice;
    const parts = [
      text ? h('p.warn', h('strong', 'Taken as text: '), text.message ?? text, text.hint ? h('span.dim', ` ${text.hint}`) : null) : null,
      (answer.warnings ?? []).map((warning) => h('p.warn', warning)),
    ];
    fill(notice, parts);
  };

  // The drawings and counts cost the server more than the list, so they rest twenty times as long as they took.
  let charted = 0;
  let counted = 0;
  /** The shortest of some times that has all of the first page in it, so that it fits to how much comes. */
  const choose = () => {
    const [now, newest, oldest] = [Date.now(), records[0]?.at_ms, records.at(-1)?.at_ms];
    if (newest === undefined) return { last: 900_000 };
    const last = [60_000, 300_000, 900_000].find((ms) => now - oldest < ms);
    if (last || now - newest < 900_000) return { last: last ?? 900_000 };
    const margin = Math.max(1000, (newest - oldest) / 50);
    return { since_ms: oldest - margin, until_ms: newest + margin };
  };
  let time = null;
  const chart = async () => {
    const mine = loads;
    const asked = performance.now();
    const now = Date.now();
    const range = {};
    if (!speaksOf(query, 'since', 'until', 'time')) {
      time ??= choose();
      if (time.since_ms && !waiting.length && !(records[0]?.at_ms > time.until_ms)) Object.assign(range, time);
      else Object.assign(range, { since_ms: now - (time.last ?? 900_000), until_ms: now });
    }
    charted = Infinity;
    try {
      const course = await get('api/course', { q: query.trim(), ...range, buckets: 90 });
      if (mine !== loads) return;
      charts.classList.remove('missing');
      requests.show(course);
      latency.show(course);
    } catch {
      charts.classList.add('missing');
    } finally {
      if (mine === loads) charted = performance.now() + Math.max(2000, 20 * (performance.now() - asked));
    }
  };
  const countFacets = async () => {
    const mine = loads;
    const asked = performance.now();
    counted = Infinity;
    const answer = await column.ask(query.trim());
    if (mine !== loads) return;
    counted = performance.now() + Math.max(8000, 20 * (performance.now() - asked));
    if (answer && isFirst) {
      isFirst = false;
      return;
    }
    if (answer && toTell) whisper(`${several(answer.matching, 'request')} match`);
    toTell = false;
  };
  let isFirst = true;
  let toTell = false;
  const soonCount = () => {
    if (document.hidden) return;
    if (performance.now() > charted) chart();
    if (performance.now() > counted && !column.box.matches(':hover')) countFacets();
  };
  setInterval(() => { if (!isPaused && !document.hidden && main.isConnected && performance.now() > charted && stream) chart(); }, 2500);

  const address = (text) => href('') + (text.trim() ? `?q=${encodeURIComponent(text.trim())}` : '');
  const ask = (text) => {
    query = text;
    toTell = true;
    history.replaceState(null, '', address(text));
    drawViews();
    load();
  };
  const set = (text) => {
    if (text.trim() === query.trim()) return;
    history.pushState(null, '', address(text));
    filter.set(text);
  };
  addEventListener('popstate', () => {
    if (here() !== '') return;
    const text = new URLSearchParams(location.search).get('q') ?? '';
    if (text === query) return;
    filter.set(text);
  });

  const chosen = (act) => () => {
    const row = rows.selected();
    if (row) act(row);
    else say('Choose a request with j first');
  };
  bind('/', 'write a filter', () => filter.focus());
  bind('j', 'next request', () => rows.move(1));
  bind('k', 'previous request', () => rows.move(-1));
  bind('ArrowDown', '', () => rows.move(1));
  bind('ArrowUp', '', () => rows.move(-1));
  bind('Enter', 'open the request', (event) => {
    if (event.target.closest?.('a, button')) return false;
    const row = rows.selected();
    if (!row) return false;
    go(`r/${row.id}`);
    return true;
  });
  bind('p', 'pause and go on', () => { pause(!isPaused); say(isPaused ? 'Paused' : 'Live'); });
  bind('.', 'show new requests', () => { document.activeElement?.blur?.(); rows.forget(); release(); });
  bind('f', 'filter by a value of the request', chosen((row) => byValue(row, set, () => query)));
  bind('e', 'fold and unfold the same errors', () => { folding = !folding; remember('folding', folding); drawViews(); draw(); });
  bind('m', 'mark', chosen((row) => { toggleMark(row.id); rows.refresh(row.id); say(marks().includes(row.id) ? 'Marked' : 'No longer marked'); }));
  bind('d', 'compare the two that are marked', () => {
    const [a, b] = marks();
    if (b) location.href = href(`compare/${a}/${b}`);
    else say('Mark two requests with m first');
  });
  bind('c', 'copy as curl', chosen(async (row) => {
    try {
      const { text } = await get(`api/events/${row.id}/curl`, { json: 1 });
      copy(text, 'curl command');
    } catch (error) {
      say(error.message);
    }
  }));
  bind('r', 'replay', chosen((row) => go(`r/${row.id}#replay`)));
  bind('Escape', '', () => { rows.forget(); document.activeElement?.blur?.(); if (!isReading()) release(); });

  drawViews();
  showState('live');
  load();
  addEventListener('pageshow', (event) => { if (event.persisted) load(); });

  let top = 0;
  return {
    address: () => address(query),
    rest() {
      top = rows.scroller.scrollTop;
      stream?.rest();
    },
    resume() {
      rows.scroller.scrollTop = top;
      // Marks are made on a request's page too.
      rows.refresh(...records.map((row) => row.id));
      stream?.resume();
    },
  };
}

/** A dialog of the request's values: each one narrows the list. */
function byValue(row, set, query) {
  const values = [['method', row.method], ['status', row.status], ['route', row.route], ['path', row.path], ['type', row.error?.type], ['group', row.group], ['user', row.user], ['release', row.release], ['trace', row.trace_id]]
    .filter(([, value]) => value !== null && value !== undefined && value !== '');
  const choose = (one) => { box.close(); set(add(query(), one)); };
  const box = dialog('Filter by', h('div.dialog-body',
    h('ul.by-value', values.map(([name, value]) => h('li',
      button(`${name}:${value}`, (event) => choose(term(name, value, event.altKey)), { class: 'value' }),
      button('− without', () => choose(term(name, value, true)), { class: 'link', 'aria-label': `Without ${name} ${value}` }))))));
  box.querySelector('button.value')?.focus();
}
