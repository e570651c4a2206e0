// Whether the recording itself is well: the process, its exporters, losses, the store, the settings.

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
      const answer = await get('api/health');
      const opened = content.querySelector('details')?.open;
      fill(content, show(answer));
      if (opened) content.querySelector('details').open = true;
    } catch (error) {
      fill(content, trouble(error, load));
    }
  };
  await load();
  // Whoever reads or writes something here is left alone.
  setInterval(() => { if (!document.hidden && !content.contains(document.activeElement) && !getSelection()?.toString()) load(); }, 5000);
}

function show(answer) {
  const { process, store } = answer;
  const exporters = process?.exporters ?? [];
  const losses = answer.losses ?? [];
  const lost = losses.reduce((sum, one) => sum + Number(one.lost ?? 0), 0);
  const now = (process?.lost ?? 0) + exporters.reduce((sum, one) => sum + (one.lost ?? 0), 0);
  const failing = exporters.filter((one) => !isWell(one));
  const problems = process?.problems ?? [];
  const troubles = [
    failing.length ? `${failing.map((one) => one.name).join(', ')} lost records or failed` : null,
    process?.lost ? `${several(process.lost, 'record')} lost before any exporter` : null,
    lost && !now ? `${several(lost, 'record')} lost within a day` : null,
    problems.length ? `${several(problems.length, 'setting')} not followed` : null,
    answer.warnings?.length ? several(answer.warnings.length, 'warning') : null,
  ].filter(Boolean);
  return [
    troubles.length ? h('p.verdict.bad', troubles.join(' · '))
      : h('p.verdict.good', exporters.length ? 'All is well: nothing was lost, every exporter delivers' : 'All is well: nothing was lost within a day'),
    (answer.warnings ?? []).map((text) => h('p.warn', text)),
    process ? processPanel(process) : null,
    exporters.length ? exporterPanel(exporters) : null,
    panel('store', 'Store', h('span.dim', h('code', store.directory || 'none')), figures([
      ['on disk', bytes(store.bytes)], ['segments', count(store.segments)],
      ['newest record', store.newest_ms ? h('span', { title: moment(store.newest_ms) }, ago(store.newest_ms)) : 'none'],
      ['pages that follow', answer.followers === undefined ? null : count(answer.followers)], ['campanile', answer.version],
    ])),
    panel('losses', 'Losses', h('span.dim', lost ? `${count(lost)} within a day` : 'none within a day'), losses.length ? table('losses', ['When', 'How many', 'Why'], losses.map((one) => [h('td.nowrap', moment(one.at_ms)), h('td.n', number(one.lost)), h('td', reasons(one.by_reason))]))
      : h('p.panel-body.dim', 'Everything that was recorded reached the store.')),
    settingsPanel(process),
  ];
}

/** The process that serves the page, as it is now. */
function processPanel(process) {
  const { vitals } = process;
  return panel('process', 'Process', h('span.dim', `pid ${process.pid}`), figures([
    ['memory', vitals.memory_bytes ? bytes(vitals.memory_bytes) : null],
    ['processors in use', vitals.cpu_ratio === null ? null : vitals.cpu_ratio.toFixed(2)],
    ['runtime busy', vitals.runtime_busy_ratio === null ? null : percent(vitals.runtime_busy_ratio)],
    ['runtime lag', vitals.runtime_lag_ms === null ? null : duration(vitals.runtime_lag_ms)],
    ['tasks', vitals.runtime_tasks === null ? null : count(vitals.runtime_tasks)],
    ['open files', vitals.open_files === null ? null : count(vitals.open_files)],
    ['records since the start', count(process.offered - process.live)],
    process.live ? ['live lines', count(process.live)] : null,
    ['handed on', count(process.forwarded)],
    ['waiting', count(process.queued)],
    process.left_out ? ['left out, as asked', count(process.left_out)] : null,
    ['lost', process.lost ? h('span.failed-text', `${count(process.lost)}: ${reasons(process.lost_by)}`) : '0'],
    ['memory of what waits', bytes(process.memory_bytes)],
    process.body_bytes ? ['memory of bodies', bytes(process.body_bytes)] : null,
  ]));
}

function exporterPanel(exporters) {
  const loses = exporters.some((one) => one.lost);
  const sends = exporters.some((one) => one.metrics_delivered || one.metrics_failed);
  return panel('exporters', 'Exporters', null, table('exporters', ['Exporter', 'State', 'Given', 'Delivered', 'Waiting', 'Lost', ...(sends ? ['Metrics sent'] : []), ...(loses ? ['Why'] : [])], exporters.map((one) => [
    h('td', h('strong', one.name)), h('td', h(`span.${isWell(one) ? 'ok' : 'failed'}`, h('span.status', isWell(one) ? 'ok' : 'failing'))),
    h('td.n', count(one.offered)), h('td.n', count(one.delivered)), h('td.n', count(one.queued)), h('td.n', number(one.lost)),
    sends ? h('td.n', count(one.metrics_delivered), one.metrics_failed ? h('span.failed-text', ` · ${count(one.metrics_failed)} failed`) : null) : null,
    loses ? h('td', reasons(one.lost_by)) : null])));
}

/** Settings in force, those that somebody set first. */
function settingsPanel(process) {
  if (!process) {
    return panel('settings', 'Settings', h('span.dim', 'none'), h('p.panel-body.dim', 'This page reads a store, and a file has no settings. Those of an application are on the page that it serves itself; ', h('code', 'campanile config show'), ' lists what a shell’s environment would set.'));
  }
  const all = process.settings ?? [];
  const set = all.filter((one) => one.from !== 'default');
  const rest = all.filter((one) => one.from === 'default');
  const rows = (list) => table('settings', ['Setting', 'Value', 'From', 'What it says'], list.map((one) => [
    h('td.mono', one.name),
    h('td.mono.wrap', one.from === 'default' ? h('span.dim', one.default) : one.value === null ? h('span.dim', 'set in code') : plain(one.value)),
    h('td', one.from === 'default' ? h('span.dim', 'default') : h('strong', one.from), one.overrules_environment ? h('span.warn', ', not the environment') : null),
    h('td.dim', one.help)]));
  const problems = process.problems ?? [];
  return panel('settings', 'Settings', h('span.dim', process.reads_environment ? 'secrets are withheld' : 'set in code alone; nothing is read from the environment'),
    problems.length ? h('ul.panel-body.warnings', problems.map((text) => h('li.warn', text))) : null,
    set.length ? rows(set) : h('p.panel-body.dim', 'Nothing is set: every default counts.'),
    rest.length ? h('details', h('summary.panel-body', `${several(rest.length, 'default')}`), rows(rest)) : null);
}

/** `[label, value]`, without those that are not known. */
function figures(list) {
  return h('dl.figures.panel-body', list.filter((one) => one && one[1] !== null && one[1] !== undefined).map(([label, value]) => h('div', h('dt', label), h('dd', value))));
}

function table(name, labels, rows) {
  const numbers = ['How many', 'Given', 'Delivered', 'Waiting', 'Lost', 'Metrics sent'];
  // With roles of its own it stays a table where a narrow window lays it out as something else.
  for (const cell of rows.flat()) cell?.setAttribute('role', 'cell');
  return h('div.scroll-x', { tabindex: 0 }, h(`table.plain.${name}`, { role: 'table' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, labels.map((label) => h(numbers.includes(label) ? 'th.n' : 'th', { scope: 'col', role: 'columnheader' }, label)))),
    h('tbody', { role: 'rowgroup' }, rows.map((cells) => h('tr', { role: 'row' }, cells)))));
}

function reasons(list) {
  return (list ?? []).filter(([, n]) => n).map(([reason, n]) => `${reason.replaceAll('_', ' ')} ${count(n)}`).join(', ');
}

function isWell(exporter) {
  return !exporter.lost && !exporter.metrics_failed;
}

function number(n) {
  return n ? h('span.failed-text', count(n)) : h('span.dim', count(n ?? 0));
}
