// Two requests beside each other.

import { get, href, search } from './api.js';
import { fill, h } from './dom.js';
import { differenceTable, textDiff } from './diff.js';
import { clock, duration, ending, shortType, tone } from './format.js';
import { panel, title, trouble } from './frame.js';
import { bind } from './keys.js';
import { waterfall } from './waterfall.js';

export async function comparePage({ main }, a, b) {
  title('Compare');
  main.className = 'page';
  let answer;
  try {
    answer = await get('api/compare', { a, b });
  } catch (error) {
    fill(main, h('h1', 'Compare'), trouble(error));
    return;
  }
  const [left, right] = [answer.a, answer.b];
  title(`${left.short} and ${right.short}`);
  const taken = h('p.taken', { role: 'status' });
  if (new URLSearchParams(location.search).get('with') === 'last') {
    get('api/earlier', { id: b }).then((found) => { if (found.earlier?.id === left.id) fill(taken, why(found, left, right)); }, () => {});
  }
  bind('s', 'the other way round', () => { location.href = href(`compare/${b}/${a}`); });
  fill(main,
    h('div.crumbs', h('a', { href: href('') }, '← Requests'), h('a', { href: href(`compare/${b}/${a}`), title: 's' }, 'the other way round')),
    h('h1', 'Compare'),
    taken,
    h('div.two', side(left, 'Before'), side(right, 'After')),
    panel('differences', 'Differences', null, differenceTable(answer.differences, left.short, right.short)),
    h('div.two', panel('timeline-a', `Timeline of ${left.short}`, null, waterfall(left).body), panel('timeline-b', `Timeline of ${right.short}`, null, waterfall(right).body)),
    panel('spans', 'Spans by name', null, spans(left, right)),
    panel('headers', 'Headers', null, h('div.panel-body', textDiff(head(left), head(right), 'text/plain', 'Headers'))),
    panel('bodies', 'Bodies', null, h('div.panel-body.stack',
      textDiff(text(left.request), text(right.request), left.request?.body?.content_type, 'Request body'),
      textDiff(text(left.response), text(right.response), left.response?.body?.content_type, 'Response body'))));
}

/** Which one was taken as the last build's, and by what. */
function why({ by, release, this_release: here, is_well: isWell }, left, right) {
  const which = isWell ? 'that ended well' : 'although it did not end well: none that did is stored';
  const whose = by === 'release' ? [' under another release, ', h('strong', release), here ? [' (now ', h('strong', here), ')'] : null] : [' in a process that had ended before', release ? [', of the same release, ', h('strong', release)] : null];
  return ['Before is the newest ', h('code', `${left.method} ${left.route ?? left.path}`), whose, ', ', which, '; ', duration(right.at_ms - left.at_ms), ' before this one.'];
}

function side(record, label) {
  return h('section.panel', { 'aria-label': label }, h('div.panel-head', h('h2', h('a', { href: href(`r/${record.id}`) }, h('code', record.short)), ' ', h('span.dim', clock(record.at_ms))), h('span.dim', [record.release, record.instance ? `instance ${record.instance.slice(0, 8)}` : null].filter(Boolean).join(' · '))),
    h('div.panel-body', h('p.mono', h(`span.${tone(record)}`, h('span.status', ending(record))), '  ', record.method, ' ', record.path, record.query ? `?${record.query}` : ''),
      h('p', h('strong', duration(record.ms)), record.error ? h('span.failed-text', ` · ${shortType(record.error.type)}: ${(record.error.message ?? '').slice(0, 300)}`) : null),
      record.route ? h('p.dim', h('a', { href: href(`?${search({ q: `route:${record.route}` })}`) }, record.route)) : null));
}

function head(record) {
  const lines = (part, label) => (part?.headers ?? []).map(([name, value, note]) => `${label} ${name}: ${value ?? `‹redacted ${note ?? ''}›`}`).sort();
  return [...lines(record.request, '>'), ...lines(record.response, '<')].join('\n');
}

function text(part) {
  return part?.body?.text ?? '';
}

/** How often each span was entered, and how long all of them took together. */
function spans(left, right) {
  const sums = new Map();
  for (const [which, record] of [left, right].entries()) {
    for (const span of record.spans) {
      const sum = sums.get(span.name) ?? [[0, 0], [0, 0]];
      sum[which][0] += 1;
      sum[which][1] += span.ms ?? 0;
      sums.set(span.name, sum);
    }
  }
  if (!sums.size) return h('p.panel-body.dim', 'neither has spans');
  const cell = ([n, ms]) => (n ? [`${duration(ms)}`, n > 1 ? h('span.dim', ` in ${n}`) : null] : h('span.dim', 'none'));
  return h('div.scroll-x', h('table.plain', h('thead', h('tr', h('th', { scope: 'col' }, 'Span'), h('th.n', { scope: 'col' }, left.short), h('th.n', { scope: 'col' }, right.short), h('th.n', { scope: 'col' }, 'Change'))),
    h('tbody', [...sums].map(([name, [x, y]]) => {
      const change = y[1] - x[1];
      return h('tr', h('td.mono', name), h('td.n', cell(x)), h('td.n', cell(y)), h('td.n', h(change > 0 ? 'span.failed-text' : 'span', `${change > 0 ? '+' : change < 0 ? '−' : ''}${duration(Math.abs(change))}`)));
    }))));
}
