// Whether the recording itself is well: exporters, losses, the store, the settings.

import { get } from './api.js';
import { fill, h } from './dom.js';
import { ago, bytes, count, duration, moment, percent, several } from './format.js';
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
  const process = answer.process ?? {};
  const exporters = process.exporters ?? [];
  const losses = answer.losses ?? [];
  const lost = losses.reduce((sum, one) => sum + Number(one.lost ?? 0), 0);
  const failing = exporters.filter((one) => !isWell(one));
  const troubles = [
    failing.length ? `${failing.map((one) => one.name).join(', ')} cannot deliver` : null,
    lost ? `${several(lost, 'record')} lost within a day` : null,
    answer.warnings?.length ? several(answer.warnings.length, 'warning') : null,
  ].filter(Boolean);
  const { store } = answer;
  const plainParts = Object.entries(process).filter(([, value]) => value !== null && typeof value !== 'object');
  return [
    troubles.length ? h('p.verdict.bad', troubles.join(' · ')) : h('p.verdict.good', exporters.length ? 'All is well: nothing lost, every exporter delivers' : 'All is well: nothing was lost'),
    (answer.warnings ?? []).map((text) => h('p.warn', text)),
    h('dl.figures', [
      ...plainParts.map(([name, value]) => figure(name, value)),
      ['store', `${bytes(store.bytes)}${store.max_bytes ? ` of ${bytes(store.max_bytes)}` : ''}`],
      ['files', count(store.segments)],
      store.newest_ms ? ['newest record', h('span', { title: moment(store.newest_ms) }, ago(store.newest_ms))] : null,
      answer.followers === undefined ? null : ['pages that follow', count(answer.followers)],
      ['campanile', answer.version],
      ['directory', h('code', store.directory)],
    ].filter(Boolean).map(([label, value]) => h('div', h('dt', label), h('dd', value)))),
    store.max_bytes ? h('div.panel.panel-body', meter(store.bytes, store.max_bytes)) : null,
    exporters.length ? panel('exporters', 'Exporters', null, h('div.scroll-x', { tabindex: 0 }, h('table.plain',
      h('thead', h('tr', h('th', { scope: 'col' }, 'Exporter'), h('th', { scope: 'col' }, 'State'), ['Delivered', 'Lost', 'Waiting'].map((label) => h('th.n', { scope: 'col' }, label)), h('th', { scope: 'col' }, 'Last trouble'))),
      h('tbody', exporters.map((one) => h('tr', h('td', h('strong', one.name)), h('td', h(`span.${isWell(one) ? 'ok' : 'failed'}`, h('span.status', one.state ?? (isWell(one) ? 'ok' : 'failing')))),
        h('td.n', count(one.delivered ?? one.sent)), h('td.n', number(one.lost ?? one.dropped)), h('td.n', one.capacity ? `${count(one.queued)} of ${count(one.capacity)}` : count(one.queued)),
        h('td', one.last_error ? [one.last_error, one.last_ms ? h('span.dim', ` (${ago(one.last_ms)})`) : null] : '')))))) ) : null,
    panel('losses', 'Losses', h('span.dim', lost ? `${count(lost)} within a day` : 'none within a day'), losses.length ? h('div.scroll-x', h('table.plain', h('thead', h('tr', h('th', { scope: 'col' }, 'When'), h('th.n', { scope: 'col' }, 'How many'), h('th', { scope: 'col' }, 'Why'))),
      h('tbody', losses.map((one) => h('tr', h('td.nowrap', moment(one.at_ms)), h('td.n', number(one.lost)), h('td', (one.by_reason ?? []).filter(([, n]) => n).map(([reason, n]) => `${reason.replaceAll('_', ' ')} ${count(n)}`).join(', '))))))) : h('p.panel-body.dim', 'Everything that was recorded reached the store.')),
    settings(process.settings),
  ];
}

/** `[name, value]` with a unit of its name's. */
function figure(name, value) {
  if (name.endsWith('_bytes')) return [words(name.slice(0, -6)), bytes(value)];
  if (name.endsWith('_ms') && value > 1e12) return [words(name.slice(0, -3)), h('span', { title: moment(value) }, ago(value))];
  if (name.endsWith('_ms')) return [words(name.slice(0, -3)), duration(value)];
  return [words(name), typeof value === 'number' ? count(value) : plain(value)];
}

function words(name) {
  return name.replaceAll('_', ' ');
}

/** Settings as `[{name, value, from?, help?}]`, `[[name, value, from?]]` or an object. */
function settings(given) {
  if (!given) return null;
  const list = Array.isArray(given) ? given.map((one) => (Array.isArray(one) ? { name: one[0], value: one[1], from: one[2] } : one)) : Object.entries(given).map(([name, value]) => ({ name, value }));
  if (!list.length) return null;
  const told = list.some((one) => one.from);
  return panel('settings', 'Settings', h('span.dim', 'secrets are masked'), h('div.scroll-x', { tabindex: 0 }, h('table.plain',
    h('thead', h('tr', ['Setting', 'Value', told ? 'From' : null].filter(Boolean).map((label) => h('th', { scope: 'col' }, label)))),
    h('tbody', list.map((one) => h('tr', h('td.mono', { title: one.help || null }, one.name), h('td.mono.wrap', plain(one.value)), told ? h('td', one.from === 'default' ? h('span.dim', 'default') : h('strong', one.from ?? '')) : null))))));
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
