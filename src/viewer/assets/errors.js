// What fails, by cause: the groups of errors, and one of them with its history.

import { get, href, search } from './api.js';
import { lineChart, spark } from './charts.js';
import { h, fill } from './dom.js';
import { different } from './different.js';
import { failure } from './failure.js';
import { filterBox } from './filter.js';
import { ago, clock, count, duration, ending, moment, several, shortType, tone } from './format.js';
import { panel, title, trouble } from './frame.js';
import { bind } from './keys.js';
import { sortable } from './sorted.js';
import { long, pairs } from './text.js';

export async function errorsPage({ main }) {
  title('Errors');
  main.className = 'page';
  const results = h('div.results');
  let asked = 0;
  const load = async (query) => {
    const mine = (asked += 1);
    history.replaceState(null, '', href(`errors${query.trim() ? `?${search({ q: query.trim() })}` : ''}`));
    try {
      const answer = await get('api/errors', { q: query.trim() });
      if (mine === asked) fill(results, groups(answer, query));
    } catch (error) {
      if (mine === asked) fill(results, trouble(error, () => load(query)));
    }
  };
  const start = new URLSearchParams(location.search).get('q') ?? '';
  const filter = filterBox({ value: start, onchange: load });
  bind('/', 'write a filter', () => filter.focus());
  fill(main, h('div.page-head', h('h1', 'Errors'), filter.box), results);
  await load(start);
}

function groups(answer, query) {
  const list = answer.groups ?? [];
  const notes = [answer.notice ? h('p.warn', answer.notice.message ?? answer.notice) : null, (answer.warnings ?? []).map((text) => h('p.warn', text))];
  if (!list.length) return [notes, h('div.panel', h('div.empty', h('strong', query.trim() ? 'No errors match' : 'No errors'), h('p', 'What fails is grouped by its cause here.')))];
  return [notes, h('section.panel', { 'aria-label': 'Groups of errors' }, sortable({
    name: 'errors', label: 'Groups of errors', rows: list, start: [3, true],
    columns: [
      { name: 'Error', by: (one) => one.type ?? one.name, wide: true, show: (one) => h('div.group-cell',
        h('a', { href: href(`errors/${one.group}`) }, h('strong', shortType(one.type ?? one.name)), ' ', h('span.group-message', (one.message ?? one.name ?? '').slice(0, 300))),
        h('div.dim.mono.small', [one.place, ...(one.routes ?? []).slice(0, 2).map((route) => route.value ?? route.route)].filter(Boolean).join('  ·  ')),
        one.state && one.state !== 'known' ? h('span.tag.state-tag', one.state) : null) },
      { name: 'Course', show: (one) => (one.course?.counts ? spark(one.course.counts, null, { label: `${several(one.count, 'time')}, over time` }) : null) },
      { name: 'Times', number: true, by: (one) => one.count, show: (one) => count(one.count) },
      { name: 'Last seen', number: true, by: (one) => one.last_ms, show: (one) => h('span', { title: one.last_ms ? moment(one.last_ms) : null }, one.last_ms ? ago(one.last_ms) : '–') },
      { name: 'First seen', number: true, by: (one) => one.first_ms, show: (one) => h('span', { title: one.first_ms ? moment(one.first_ms) : null }, one.first_ms ? ago(one.first_ms) : '–') },
      { name: 'Users', number: true, by: (one) => one.users, show: (one) => count(one.users) },
      { name: 'Example', show: (one) => (one.last?.id ? h('a.mono', { href: href(`r/${one.last.id}`) }, one.last.short ?? one.last.id.slice(0, 8)) : '') },
    ],
  }))];
}

export async function groupPage({ main }, id) {
  title(`group ${id}`);
  main.className = 'page';
  let answer;
  try {
    answer = await get(`api/errors/${encodeURIComponent(id)}`);
  } catch (error) {
    fill(main, h('h1', 'Group ', h('code', id)), trouble(error));
    return;
  }
  const name = shortType(answer.type ?? answer.name);
  title(`${name} ${answer.message ?? ''}`.trim());
  const query = `group:${answer.group}`;
  const tones = ['p50', 'p95', 'p99', 'ok'];
  const history = answer.history;
  fill(main,
    h('div.crumbs', h('a', { href: href('errors') }, '← Errors'), h('a', { href: href(`?${search({ q: query })}`) }, 'all its requests')),
    h('header.headline', h('h1', h('span.failed', h('span.status', count(answer.count), '×')), name), h('p.group-title', long(answer.message ?? answer.name ?? ''))),
    h('dl.figures', [
      ['first seen', answer.first_ms ? h('a', { href: answer.first?.id ? href(`r/${answer.first.id}`) : null, title: moment(answer.first_ms) }, ago(answer.first_ms)) : '–'],
      ['last seen', answer.last_ms ? h('a', { href: answer.last?.id ? href(`r/${answer.last.id}`) : null, title: moment(answer.last_ms) }, ago(answer.last_ms)) : '–'],
      ['users', count(answer.users)],
      ['releases', (answer.releases ?? []).map((one) => one.release ?? one.value ?? one).slice(0, 4).join(', ') || '–'],
      ['routes', (answer.routes ?? []).map((one) => one.value ?? one.route).slice(0, 3).join(', ') || '–'],
      ['group', h('code', answer.group)],
    ].map(([label, value]) => h('div', h('dt', label), h('dd', value)))),
    history?.releases?.length ? h('div', lineChart({
      from_ms: history.from_ms, step_ms: history.step_ms, label: 'Times, by release', format: (n) => (n % 1 ? '' : count(n)), height: 150, bars: history.releases.length === 1,
      lines: history.releases.slice(0, 4).map((one, i) => ({ label: one.release || 'no release', colour: history.releases.length === 1 ? 'failed-bar' : tones[i], values: one.counts })),
    })) : null,
    answer.error ? panel('error', 'Error', answer.last?.id ? h('a', { href: href(`r/${answer.last.id}`) }, 'of the newest request') : null, failure(answer.error)) : null,
    panel('different', 'What is different', h('span.dim', 'beside others of the same routes'), different(answer.different, query)),
    answer.examples?.length ? panel('examples', 'Requests', null, examples(answer.examples)) : null,
    answer.why?.length ? panel('why', 'Why these are one group', null, h('div.panel-body', pairs(answer.why))) : null,
  );
}

/** Requests as a small table. */
export function examples(rows) {
  return h('div.scroll-x', { tabindex: 0, role: 'region', 'aria-label': 'Requests' }, h('table.plain', h('thead', h('tr', ['Time', 'Request', 'Status', 'Took', 'User', 'Id'].map((label) => h('th', { scope: 'col' }, label)))),
    h('tbody', rows.map((row) => h('tr', h('td.nowrap.mono', clock(row.at_ms)), h('td.mono', [row.method, row.path].filter(Boolean).join(' ')),
      h('td', h(`span.${tone(row)}`, h('span.status', ending(row)))), h('td.nowrap', duration(row.ms)), h('td', row.user ?? ''), h('td', h('a.mono', { href: href(`r/${row.id}`) }, row.short)))))));
}
