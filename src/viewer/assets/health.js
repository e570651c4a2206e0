// Whether the recording itself is well: exporters, losses, the store, the settings.

import { get } from './api.js';
import { fill, h } from './dom.js';
import { ago, bytes, count, duration, moment, percent } from './format.js';
import { panel, title, trouble } from './frame.js';
import { plain } from './text.js';

export async function healthPage({ main }) {
  title('Health');
  main.className = 'page';
  const content = h('div.results');
  fill(main, h('div.page-head', h('h1', 'Health')), content);
  const load = async () => {
    try {
      fill(content, show(await get('api/health')));
    } catch (error) {
      fill(content, trouble(error, load));
    }
  };
  await load();
  setInterval(() => { if (!document.hidden && !content.contains(document.activeElement)) load(); }, 5000);
}

function show(answer) {
  const losses = answer.losses ?? [];
  const lost = losses.reduce((sum, one) => sum + Number(one.count ?? 0), 0);
  const failing = (answer.exporters ?? []).filter((one) => !isWell(one));
  const verdict = failing.length || lost || answer.warnings?.length ? h('p.verdict.bad', failing.length ? `${failing.map((one) => one.name).join(', ')} cannot deliver` : lost ? `${count(lost)} lost` : 'There is something to look at')
    : h('p.verdict.good', 'All is well: nothing lost, every exporter delivers');
  const { store } = answer;
  return [
    verdict,
    (answer.warnings ?? []).map((text) => h('p.warn', text)),
    h('dl.figures', [
      ['service', [answer.service, answer.release].filter(Boolean).join(' ') || '–'],
      ['instance', answer.instance], ['process', answer.pid],
      ['running for', answer.started_ms ? h('span', { title: moment(answer.started_ms) }, duration(Date.now() - answer.started_ms)) : null],
      ...Object.entries(answer.records ?? {}).map(([name, n]) => [name === 'total' ? 'records' : `records ${name}`, typeof n === 'number' ? count(n) : plain(n)]),
      ['campanile', answer.version],
    ].filter(([, value]) => value !== null && value !== undefined).map(([label, value]) => h('div', h('dt', label), h('dd', value)))),
    answer.exporters?.length ? panel('exporters', 'Exporters', null, h('div.scroll-x', { tabindex: 0, role: 'region', 'aria-label': 'Exporters' }, h('table.plain',
      h('thead', h('tr', h('th', { scope: 'col' }, 'Exporter'), h('th', { scope: 'col' }, 'State'), ['Sent', 'Failed', 'Dropped', 'Waiting'].map((label) => h('th.n', { scope: 'col' }, label)), h('th', { scope: 'col' }, 'Last trouble'))),
      h('tbody', answer.exporters.map((one) => h('tr', h('td', h('strong', one.name)), h('td', h(`span.${isWell(one) ? 'ok' : 'failed'}`, h('span.status', one.state ?? (isWell(one) ? 'ok' : 'failing')))),
        h('td.n', count(one.sent)), h('td.n', number(one.failed)), h('td.n', number(one.dropped)), h('td.n', one.capacity ? `${count(one.queued)} of ${count(one.capacity)}` : count(one.queued)),
        h('td', one.last_error ? [one.last_error, one.last_ms ? h('span.dim', ` (${ago(one.last_ms)})`) : null] : '')))))) ) : null,
    panel('losses', 'Losses', h('span.dim', lost ? `${count(lost)} in all` : 'none'), losses.length ? h('div.scroll-x', h('table.plain', h('thead', h('tr', h('th', { scope: 'col' }, 'What'), h('th', { scope: 'col' }, 'Why'), h('th.n', { scope: 'col' }, 'How many'))),
      h('tbody', losses.map((one) => h('tr', h('td', one.what), h('td', one.reason), h('td.n', number(one.count))))))) : h('p.panel-body.dim', 'Everything that was recorded was delivered.')),
    store ? panel('store', 'Store', h('code.dim', store.path), h('div.panel-body',
      store.max_bytes ? meter(store.bytes, store.max_bytes) : h('p', bytes(store.bytes)),
      h('p.dim', [`${count(store.records)} records`, store.segments ? `${count(store.segments)} files` : null, store.oldest_ms ? `from ${moment(store.oldest_ms)}` : null, store.newest_ms ? `to ${moment(store.newest_ms)}` : null].filter(Boolean).join(' · ')))) : null,
    answer.settings?.length ? panel('settings', 'Settings', h('span.dim', 'secrets are masked'), h('div.scroll-x', { tabindex: 0, role: 'region', 'aria-label': 'Settings' }, h('table.plain', h('thead', h('tr', ['Setting', 'Value', 'From'].map((label) => h('th', { scope: 'col' }, label)))),
      h('tbody', answer.settings.map((one) => h('tr', h('td.mono', { title: one.help || null }, one.name), h('td.mono.wrap', plain(one.value)), h('td', one.from === 'default' ? h('span.dim', 'default') : h('strong', one.from)))))))) : null,
  ];
}

function isWell(exporter) {
  if (exporter.state) return ['ok', 'idle', 'well', 'running', 'delivering'].includes(exporter.state);
  return !exporter.failed && !exporter.dropped;
}

function number(n) {
  return n ? h('span.failed-text', count(n)) : h('span.dim', count(n ?? 0));
}

function meter(value, most) {
  const inner = h('span.share-bar');
  inner.style.width = `${Math.min(100, (100 * value) / most)}%`;
  return h('p.meter', h('span.share', { 'aria-hidden': 'true' }, inner), `${bytes(value)} of ${bytes(most)}`, h('span.dim', ` (${percent(value / most)})`));
}
