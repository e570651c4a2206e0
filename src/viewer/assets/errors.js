// What fails, by cause: the groups of errors, and one of them with its history.

import { get, href, search } from './api.js';
import { lineChart } from './charts.js';
import { h, fill } from './dom.js';
import { different } from './different.js';
import { failure } from './failure.js';
import { filterBox } from './filter.js';
import { ago, clock, count, duration, ending, moment, tone } from './format.js';
import { panel, title, trouble } from './frame.js';
import { bind } from './keys.js';
import { sortable } from './sorted.js';
import { pairs } from './text.js';

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
      { name: 'Error', by: (one) => one.title, wide: true, show: (one) => h('div.group-cell',
        h('a', { href: href(`errors/${one.id}`) }, titled(one.title)),
        h('div.dim.mono.small', [place(one), ...(one.routes ?? []).slice(0, 2).map((route) => route.route)].filter(Boolean).join('  ·  '))) },
      { name: 'State', by: (one) => one.state, show: (one) => stateOf(one) },
      { name: 'Times', number: true, by: (one) => one.matching ?? one.count, show: (one) => (one.matching !== null && one.matching !== undefined && one.matching !== one.count ? `${count(one.matching)} of ${count(one.count)}` : count(one.count)) },
      { name: 'Last seen', number: true, by: (one) => one.last_ms, show: (one) => when(one.last_ms) },
      { name: 'First seen', number: true, by: (one) => one.first_ms, show: (one) => when(one.first_ms) },
      { name: 'Users', number: true, by: (one) => one.users, show: (one) => users(one) },
      { name: 'Releases', show: (one) => h('span.mono', (one.releases ?? []).slice(0, 2).map((release) => release.name).join(', ')) },
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
  title(answer.title);
  const query = `group:${answer.id}`;
  const newest = answer.examples?.[0];
  const error = h('div');
  fill(main,
    h('div.crumbs', h('a', { href: href('errors') }, '← Errors'), h('a', { href: href(`?${search({ q: query })}`) }, 'all its requests')),
    h('header.headline', h('h1', h('span.failed', h('span.status', count(answer.count), '×')), titled(answer.title)), stateOf(answer)),
    h('dl.figures', [
      ['first seen', when(answer.first_ms)], ['last seen', when(answer.last_ms)], ['users', users(answer)],
      ['releases', (answer.releases ?? []).map((one) => `${one.name} (${count(one.count)}×)`).slice(0, 4).join(', ') || '–'],
      ['routes', (answer.routes ?? []).map((one) => one.route).slice(0, 3).join(', ') || '–'],
      answer.resolved_ms ? ['resolved', when(answer.resolved_ms)] : null,
      answer.regressed_ms ? ['came back', when(answer.regressed_ms)] : null,
      ['group', h('code', answer.id)],
    ].filter(Boolean).map(([label, value]) => h('div', h('dt', label), h('dd', value)))),
    (answer.warnings ?? []).map((text) => h('p.warn', text)),
    timesAnHour(answer),
    newest ? panel('error', 'Error', h('a', { href: href(`r/${newest.id}`) }, 'of the newest request'), error) : null,
    panel('different', 'What is different', h('span.dim', 'beside others of the same routes'), different(answer.different, query)),
    answer.examples?.length ? panel('examples', 'Requests', null, examples(answer.examples)) : null,
    answer.made_of?.length ? panel('why', 'Why these are one group', h('span.dim', 'all of this is the same'), h('div.panel-body', pairs(answer.made_of))) : null,
  );
  if (!newest) return;
  try {
    const { record } = await get(`api/events/${newest.id}`);
    fill(error, record.error ? failure(record.error) : h('p.panel-body.dim', 'The newest request has no error of its own.'));
  } catch (problem) {
    fill(error, trouble(problem));
  }
}

/** Hours with what happened in each, as far as something did. */
function timesAnHour(answer) {
  const hours = answer.hours ?? [];
  if (!hours.length) return null;
  const step = 3_600_000;
  const from = Math.min(hours[0][0], hours.at(-1)[0] - 23 * step);
  const n = Math.min(24 * 45, Math.round((hours.at(-1)[0] - from) / step) + 1);
  const first = hours.at(-1)[0] - (n - 1) * step;
  const values = new Array(n).fill(0);
  for (const [at, times] of hours) {
    const i = Math.round((at - first) / step);
    if (i >= 0) values[i] += Number(times);
  }
  return lineChart({ from_ms: first, step_ms: step, label: 'Times an hour', format: (n) => (n % 1 ? '' : count(n)), height: 120, bars: true, lines: [{ label: 'times', colour: 'failed-bar', values }] });
}

/** `CheckoutError: checkout of order {} failed`, its type in front. */
function titled(text) {
  const [type, ...rest] = String(text ?? '').split(': ');
  return rest.length ? [h('strong', type), ' ', h('span.group-message', rest.join(': ').slice(0, 300))] : h('strong', type.slice(0, 300));
}

function place(group) {
  return (group.made_of ?? []).find(([label]) => label === 'function' || label === 'place')?.[1];
}

function stateOf(group) {
  const state = group.state ?? '';
  return state ? h(`span.tag.state-${state.replaceAll(' ', '-')}`, state) : null;
}

function when(ms) {
  return ms ? h('time', { datetime: new Date(ms).toISOString(), title: moment(ms) }, ago(ms)) : '–';
}

function users(group) {
  return group.users ? `${group.users_are_exact === false ? '≥ ' : ''}${count(group.users)}` : h('span.dim', '–');
}

/** Requests as a small table. */
export function examples(rows) {
  return h('div.scroll-x', { tabindex: 0 }, h('table.plain', h('thead', h('tr', ['Time', 'Request', 'Status', 'Took', 'User', 'Id'].map((label) => h('th', { scope: 'col' }, label)))),
    h('tbody', rows.map((row) => h('tr', h('td.nowrap.mono', clock(row.at_ms)), h('td.mono', [row.method, row.path].filter(Boolean).join(' ')),
      h('td', h(`span.${tone(row)}`, h('span.status', ending(row)))), h('td.nowrap', duration(row.ms)), h('td', row.user ?? ''), h('td', h('a.mono', { href: href(`r/${row.id}`) }, row.short)))))));
}
