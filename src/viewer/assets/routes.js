// How each route fares: how often it is asked for, how often it fails, how long it takes.

import { get, href, search } from './api.js';
import { lineChart, spark } from './charts.js';
import { button, fill, h } from './dom.js';
import { filterBox } from './filter.js';
import { count, duration, percent, rate, several } from './format.js';
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
  const course = h('div.course', { 'aria-live': 'off' });
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
      { name: 'Route', wide: true, by: (one) => `${one.route} ${one.method}`, show: (one) => h('a.mono', { href: href(`?${search({ q: asks(query, one) })}`) }, h('span.dim', one.method ? `${one.method} ` : ''), one.route ?? h('em', 'no route')) },
      { name: 'Course', show: (one) => (one.course ? button(spark(one.course.counts, one.course.errors, { label: `course of ${one.method ?? ''} ${one.route ?? ''}` }), (event) => choose(event.target.closest('tr'), one), { class: 'bare', title: 'Show its course' }) : null) },
      { name: 'Requests', number: true, by: (one) => one.count, show: (one) => count(one.count) },
      { name: 'Rate', number: true, by: (one) => one.rate, show: (one) => rate(one.rate) },
      { name: 'Failed', number: true, by: (one) => one.errors / one.count, show: (one) => (one.errors ? h('span.failed-text', { title: several(one.errors, 'request') }, percent(one.errors / one.count)) : h('span.dim', '0 %')) },
      { name: 'p50', number: true, by: (one) => one.p50_ms, show: (one) => duration(one.p50_ms) },
      { name: 'p95', number: true, by: (one) => one.p95_ms, show: (one) => duration(one.p95_ms) },
      { name: 'p99', number: true, by: (one) => one.p99_ms, show: (one) => duration(one.p99_ms) },
    ],
  });
  const busiest = [...list].sort((a, b) => b.count - a.count)[0];
  draw(course, answer, busiest, query);
  return [notes, course, h('section.panel', { 'aria-label': 'Routes' }, all)];
}

function asks(query, row) {
  let text = row.route ? add(query, term('route', row.route)) : query;
  if (row.method) text = add(text, term('method', row.method));
  return text;
}

function draw(box, answer, row, query) {
  const { from_ms, step_ms } = answer;
  if (!row.course) return;
  const seconds = step_ms / 1000;
  fill(box, panel('course', [row.method, row.route].filter(Boolean).join(' '), h('a', { href: href(`?${search({ q: asks(query, row) })}`) }, 'its requests'),
    h('div.charts.inside',
      lineChart({ from_ms, step_ms, label: 'Latency', height: 150, log: true, format: (ms) => duration(ms).replace(/\.0+ /, ' '), lines: [{ label: 'p50', colour: 'p50', values: row.course.p50 }, { label: 'p95', colour: 'p95', values: row.course.p95 }, { label: 'p99', colour: 'p99', values: row.course.p99 }] }),
      lineChart({ from_ms, step_ms, label: 'Requests', height: 150, bars: true, format: (n) => rate(n / seconds), lines: [{ label: 'all', colour: 'bar', values: row.course.counts }, { label: 'failed', colour: 'failed-bar', values: row.course.errors }] }))));
}
