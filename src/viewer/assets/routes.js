// How each route fares: how often it is asked for, how often it fails, how long it takes.

import { get, href, search } from './api.js';
import { lineChart, spark } from './charts.js';
import { button, fill, h } from './dom.js';
import { filterBox } from './filter.js';
import { brief, count, duration, percent, rate, several } from './format.js';
import { panel, title, trouble } from './frame.js';
import { bind } from './keys.js';
import { add, term } from './query.js';
import { sortable } from './sorted.js';

export async function routesPage({ main }) {
  title('Routes');
  main.className = 'page';
  const results = h('div.results');
  let asked = 0;
  const load = async (query) => {
    const mine = (asked += 1);
    history.replaceState(null, '', href(`routes${query.trim() ? `?${search({ q: query.trim() })}` : ''}`));
    try {
      const answer = await get('api/routes', { q: query.trim() });
      if (mine === asked) fill(results, show(answer, query));
    } catch (error) {
      if (mine === asked) fill(results, trouble(error, () => load(query)));
    }
  };
  const start = new URLSearchParams(location.search).get('q') ?? '';
  const filter = filterBox({ value: start, onchange: load });
  bind('/', 'write a filter', () => filter.focus());
  fill(main, h('div.page-head', h('h1', 'Routes'), filter.box), results);
  await load(start);
}

function show(answer, query) {
  const list = answer.routes ?? [];
  const notes = [answer.notice ? h('p.warn', answer.notice.message ?? answer.notice) : null, (answer.warnings ?? []).map((text) => h('p.warn', text))];
  if (!list.length) return [notes, h('div.panel', h('div.empty', h('strong', 'No requests'), h('p', 'Routes appear here with their first request.')))];
  const course = h('div.course');
  const seconds = (answer.step_ms * Math.max(1, ...list.map((one) => one.course.length))) / 1000;
  let chosen = null;
  const choose = (line, row) => {
    chosen?.classList.remove('chosen');
    chosen = line;
    line.classList.add('chosen');
    draw(course, answer, row, query);
  };
  const all = sortable({
    name: 'routes', label: 'Routes', rows: list, start: [2, true],
    columns: [
      { name: 'Route', wide: true, by: (one) => `${one.route} ${one.method}`, show: (one) => h('a.mono', { href: href(`?${search({ q: asks(query, one) })}`) }, h('span.dim', one.method ? `${one.method} ` : ''), one.route || h('em', 'no route')) },
      { name: 'Course', show: (one) => (one.course ? button(spark(one.course, one.errors, { label: `course of ${one.method ?? ''} ${one.route ?? ''}` }), (event) => choose(event.target.closest('tr'), one), { class: 'bare', title: 'Show its course' }) : null) },
      { name: 'Requests', number: true, by: (one) => one.requests, show: (one) => count(one.requests) },
      { name: 'Rate', number: true, by: (one) => one.requests, show: (one) => rate(one.requests / seconds) },
      { name: 'Failed', number: true, by: (one) => one.failed / one.requests, show: (one) => (one.failed ? h('span.failed-text', { title: several(one.failed, 'request') }, percent(one.failed / one.requests)) : h('span.dim', '0 %')) },
      { name: 'p50', number: true, by: (one) => one.p50_ms, show: (one) => duration(one.p50_ms) },
      { name: 'p95', number: true, by: (one) => one.p95_ms, show: (one) => duration(one.p95_ms) },
      { name: 'p99', number: true, by: (one) => one.p99_ms, show: (one) => duration(one.p99_ms) },
      { name: 'Slowest', number: true, by: (one) => one.slowest?.ms, show: (one) => (one.slowest ? h('a', { href: href(`r/${one.slowest.id}`) }, duration(one.slowest.ms)) : '–') },
    ],
  });
  const busiest = [...list].sort((a, b) => b.requests - a.requests)[0];
  draw(course, answer, busiest, query);
  return [notes, course, h('section.panel', { 'aria-label': 'Routes' }, all)];
}

function asks(query, row) {
  let text = row.route ? add(query, term('route', row.route)) : query;
  if (row.method) text = add(text, term('method', row.method));
  return text;
}

/** The route's latency and rate over time. */
async function draw(box, answer, row, query) {
  const q = asks(query, row);
  const parts = h('div.charts.inside', h('p.dim', 'counting…'));
  fill(box, panel('course', [row.method, row.route].filter(Boolean).join(' '), h('a', { href: href(`?${search({ q })}`) }, 'its requests'), parts));
  try {
    const until_ms = answer.from_ms + answer.step_ms * row.course.length;
    const course = await get('api/course', { q, since_ms: answer.from_ms, until_ms, buckets: 60 });
    const { from_ms, step_ms, latency } = course;
    const line = (name) => ({ label: name, colour: name, values: latency[name] });
    fill(parts,
      lineChart({ from_ms, step_ms, label: 'Latency', height: 150, log: true, format: brief, lines: ['p50', 'p95', 'p99'].map(line) }),
      lineChart({ from_ms, step_ms, label: 'Requests', height: 150, bars: true, format: (n) => rate((n * 1000) / step_ms), lines: [{ label: 'all', colour: 'bar', values: course.requests }, { label: 'failed', colour: 'failed-bar', values: course.errors }] }));
  } catch (error) {
    fill(parts, trouble(error));
  }
}
