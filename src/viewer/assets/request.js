// Everything about one request, its error first.

import { get, href, search } from './api.js';
import { button, fill, h } from './dom.js';
import { different } from './different.js';
import { failure, groupLink } from './failure.js';
import { ago, bytes, duration, ending, moment, percent, several, tone } from './format.js';
import { copy, panel, say, title, trouble } from './frame.js';
import { bind } from './keys.js';
import { marks, toggleMark } from './marks.js';
import { message } from './message.js';
import { replay } from './replay.js';
import { fate } from './rows.js';
import { term } from './query.js';
import { long, pairs, plain } from './text.js';
import { back, go, isPlain } from './ways.js';
import { waterfall } from './waterfall.js';

const find = (key, value) => href(`?${search({ q: term(key, value) })}`);

export async function requestPage({ main }, id) {
  main.className = 'page request';
  title(id);
  bind('u', 'back to the list', () => { if (!back()) location.href = href(''); });
  let answer;
  try {
    answer = await found(main, id);
  } catch (error) {
    fill(main, h('h1', 'Request ', h('code', id)), trouble(error));
    return;
  }
  // One may be elsewhere by now.
  if (!main.isConnected) return;
  if (answer.matches) {
    fill(main, h('h1', `${id} is the start of several ids`), h('ul.panel.panel-body', answer.matches.map((row) => h('li', h('a.mono', { href: href(`r/${row.id}`) }, `${row.short} ${row.method ?? row.kind} ${row.path ?? row.message ?? ''} ${ending(row)}`)))));
    return;
  }
  show(main, answer);
}

/** Whoever follows the link of an answer at once may be here before its record is: it is looked for a little longer. */
async function found(main, id) {
  const patience = 40;
  for (let left = patience; ; left -= 1) {
    try {
      return await get(`api/events/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error.status !== 404 || left === 0 || !main.isConnected) throw error;
      if (left === patience) fill(main, h('h1', 'Request ', h('code', id)), h('p.dim', { role: 'status' }, 'It is not stored yet; looking again…'));
      await new Promise((resolve) => { setTimeout(resolve, 250); });
    }
  }
}

function show(main, { record, previous, next, alike, warnings }) {
  const name = record.kind === 'request' || record.kind === 'partial' || !record.kind ? [record.method, record.path].filter(Boolean).join(' ') : record.message ?? record.kind;
  title(`${ending(record) === '–––' ? '' : `${ending(record)} `}${name}`);
  const kind = tone(record);
  const how = record.partial ? record.fate ?? fate(record) : fate(record);
  const lines = waterfall(record);
  const query = record.group ? `group:${record.group}` : record.route ? term('route', record.route) : null;
  const differ = h('div', h('p.panel-body.dim', 'comparing…'));

  const notes = h('div.warnings', { role: 'status' });
  const errors = [record.error, ...(record.errors ?? [])].filter(Boolean);
  const heading = (error) => ({ panic: 'Panic', timeout: 'Timeout', saturated: 'Saturated' })[error.kind ?? record.class] ?? 'Error';
  fill(main,
    h('div.crumbs', h('a', { href: href(''), onclick: (event) => { if (isPlain(event) && back()) event.preventDefault(); } }, '← Requests'), record.route ? h('span.same-route',
      step('[', 'earlier', previous), h('a.mono', { href: find('route', record.route), title: 'Requests of this route' }, record.route), step(']', 'later', next)) : null),
    h('header.headline',
      h('h1', h(`span.${kind}`, h('span.status', ending(record))), h('span.method', record.method ?? record.kind), ' ', h('span.target', record.path ?? record.message ?? '', record.query ? h('span.query', `?${clip(record.query)}`) : null)),
      h('p.when', h('strong', record.partial ? how : duration(record.ms)), how && !record.partial ? [' · ', h('em', how)] : null,
        ' · ', h('time', { datetime: new Date(record.at_ms).toISOString(), title: ago(record.at_ms) }, moment(record.at_ms)), h('span.dim', ` (${ago(record.at_ms)})`), ' · ',
        button(record.short, () => copy(record.id, 'id'), { class: 'link mono', title: 'Copy the id', 'aria-label': `Copy the id ${record.short}` }))),
    actions(record, notes),
    (warnings ?? []).map((text) => h('p.warn', text)),
    h('div.columns',
      h('div.column',
        errors.map((error, i) => panel(i ? `error-${i + 1}` : 'error', i ? 'A further error' : heading(error),
          i === 0 && record.group ? h('span.dim', alike > 1 ? [h('a', { href: find('group', record.group) }, several(alike, 'like it', 'like it')), ' · '] : 'the only one · ', groupLink(record.group)) : h('span.dim', error.at_ms === undefined || error.at_ms === null ? '' : `+${duration(error.at_ms)}`),
          failure(error))),
        record.group ? panel('different', 'What is different', h('span.dim', 'beside others of the same route'), differ) : null,
        panel('timeline', 'Timeline', lines.switches, lines.body, phases(record)),
        outgoing(record),
        later(record),
        h('div.two',
          panel('request', 'Request', size(record.request), message(record.request, 'request', { query: record.query })),
          panel('response', 'Response', record.status ? size(record.response) : h('span.dim', 'none'), record.status || record.response?.headers?.length ? message(record.response, 'response') : h('p.panel-body.dim', how ?? 'no answer'))),
        redacted(record),
        panel('raw', 'Raw record', h('span.links', h('a', { href: href(`r/${record.id}.txt`) }, 'text'), ' · ', h('a', { href: href(`r/${record.id}.json`) }, 'JSON')), raw(record))),
      facts(record))
  );
  if (record.group) get('api/diff', { q: query }).then((found) => fill(differ, different(found, query)), (error) => fill(differ, h('p.panel-body.dim', error.message)));

  bind('[', 'earlier request of the route', () => follow(previous, 'This is the first one of its route'));
  bind(']', 'later request of the route', () => follow(next, 'This is the last one of its route'));
  bind('c', 'copy as curl', () => copyAs(record, 'curl'));
  bind('r', 'replay', () => replay(record));
  bind('x', 'edit and replay', () => replay(record, { edit: true }));
  bind('m', 'mark', () => { toggleMark(record.id); say(marks().includes(record.id) ? 'Marked' : 'No longer marked'); });
  bind('d', 'compare the two that are marked', () => {
    const [a, b] = marks();
    if (b) location.href = href(`compare/${a}/${b}`);
    else say('Mark two requests with m first');
  });
  if (record.method) bind('b', 'compare with the last build', () => compareWithLast(record, notes));
  if (location.hash === '#replay') {
    history.replaceState(null, '', location.pathname);
    replay(record);
  } else if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function clip(text) {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function step(name, label, id) {
  const arrow = name === '[' ? '‹' : '›';
  return id ? h('a.step', { href: href(`r/${id}`), 'aria-label': `${label} request of this route`, title: `${label} of this route (${name})` }, arrow) : h('span.step.dim', { 'aria-hidden': 'true' }, arrow);
}

function follow(id, otherwise) {
  if (id) go(`r/${id}`);
  else say(otherwise);
}

async function copyAs(record, form, notes) {
  try {
    const { text, notes: found } = await get(`api/events/${record.id}/${form}`, { json: 1 });
    await copy(text, { curl: 'curl command', httpie: 'HTTPie command', rust: 'Rust test' }[form]);
    if (notes) fill(notes, found?.length ? h('ul', found.map((note) => h('li.warn', note))) : null);
  } catch (error) {
    say(error.message);
  }
}

/** The same route as the build before served it, beside this one. */
async function compareWithLast(record, notes) {
  try {
    const { earlier, this_release: release } = await get('api/earlier', { id: record.id });
    if (earlier) location.href = href(`compare/${earlier.id}/${record.id}?with=last`);
    else fill(notes, h('p', `No build before this one${release ? ` (${release})` : ''} served ${record.method} ${record.route ?? record.path}, as far as is stored: neither another release nor a process that had ended.`));
  } catch (error) {
    fill(notes, h('p.warn', error.message));
  }
}

function actions(record, notes) {
  const permalink = new URL(href(`r/${record.id}`), location.href).href;
  const isRequest = Boolean(record.method);
  return h('div.actions',
    h('div.buttons',
      isRequest ? [
        button('Copy as curl', () => copyAs(record, 'curl', notes), { title: 'c' }),
        button('HTTPie', () => copyAs(record, 'httpie', notes), { 'aria-label': 'Copy as HTTPie' }),
        button('Rust test', () => copyAs(record, 'rust', notes), { 'aria-label': 'Copy as Rust test' }),
        button('Replay', () => replay(record), { title: 'r', disabled: !record.replay?.to, 'aria-describedby': 'replay-to' }),
        button('Edit and replay', () => replay(record, { edit: true }), { title: 'x', disabled: !record.replay?.to, 'aria-describedby': 'replay-to' }),
        button('Compare with the last build', () => compareWithLast(record, notes), { title: 'b' }),
      ] : null,
      h('a.button', { href: href(`r/${record.id}.har`), download: `${record.short}.har` }, 'HAR'),
      h('a.button', { href: href(`r/${record.id}.zip`), download: `${record.short}.zip`, title: 'Everything about it as a file to hand on' }, 'Zip'),
      button('Link', () => copy(permalink, 'link'), { 'aria-label': 'Copy the link' }),
      button('Mark', () => { toggleMark(record.id); say(marks().includes(record.id) ? 'Marked' : 'No longer marked'); }, { title: 'm; two that are marked can be compared with d' })),
    isRequest ? target(record.replay) : null,
    notes);
}

/** Where it would be sent again, before it is. */
function target(found) {
  return h('p.replay-to.dim', { id: 'replay-to' }, found?.to ? ['Replay sends to ', h('code', found.to)]
    : h('span.warn', h('strong', 'Not replayed from here: '), found?.refused ?? 'nobody knows where it went', '. Copy it as curl, or say ', h('code', 'campanile replay --url'), ' where it is to go.'));
}

function size(part) {
  return h('span.dim', part?.bytes ? bytes(part.bytes) : 'no body');
}

function phases(record) {
  const parts = [['head after', record.head_ms], ['first byte after', record.ttfb_ms], ['done after', record.partial ? null : record.ms]].filter(([, ms]) => ms !== null && ms !== undefined && ms > 0);
  const lost = Object.entries(record.dropped ?? {}).filter(([, n]) => Number(n) > 0);
  return h('p.phases.dim', parts.map(([label, ms], i) => [i ? ' · ' : '', `${label} ${duration(ms)}`]),
    lost.length ? h('strong.warn', ` · not kept: ${lost.map(([what, n]) => `${n} ${what}`).join(', ')}`) : null);
}

function outgoing(record) {
  const calls = record.spans.filter((span) => span.is_client);
  if (!calls.length) return null;
  return panel('outgoing', `Outgoing calls (${calls.length})`, null, h('div.scroll-x', h('table.plain', h('thead', h('tr', ['Call', 'Status', 'Took', 'Began after', ''].map((label) => h('th', { scope: 'col' }, label)))),
    h('tbody', calls.map((call) => h('tr',
      h('td.mono.wrap', [call.method, call.url ?? call.address ?? call.name].filter(Boolean).join(' ')),
      h('td', call.error_type ? h('span.failed', h('span.status', call.error_type)) : call.status ?? '–'),
      h('td.n', duration(call.ms)), h('td.n', duration(call.start_ms)),
      h('td', record.trace_id ? h('a', { href: find('trace', record.trace_id) }, 'its trace') : null)))))));
}

/** What its trace did outside it: work that it left behind. */
function later(record) {
  const list = record.later ?? [];
  if (!list.length) return null;
  const row = (one) => h('tr',
    h('td.n', h('a', { href: href(`r/${one.id}`), 'aria-label': `After ${duration(one.after_ms)}: its record` }, `+${duration(one.after_ms)}`)),
    h('td', (one.lines ?? []).map((line) => long(line, 'div'))));
  return panel('later', 'Later', h('span.dim', 'what its trace did outside of it'), h('div.scroll-x', { tabindex: 0 }, h('table.plain.later',
    h('thead', h('tr', h('th.n', { scope: 'col' }, 'After'), h('th', { scope: 'col' }, 'What'))), h('tbody', list.map(row)))));
}

function redacted(record) {
  const list = record.redactions ?? [];
  if (!list.length) return panel('redacted', 'Redacted', h('span.dim', 'nothing'), h('p.panel-body.dim', 'No rule took anything out of this request.'));
  return panel('redacted', 'Redacted', h('span.dim', several(list.length, 'value')),
    h('div.scroll-x', h('table.plain', h('thead', h('tr', h('th', { scope: 'col' }, 'Where'), h('th', { scope: 'col' }, 'What, and by which rule'))),
      h('tbody', list.map((one) => h('tr', h('td.mono', one.place), h('td', one.what)))))),
    h('p.panel-body.dim', 'Equal values have equal hashes after #, so that they can be told apart without being seen.'));
}

function raw(record) {
  const box = h('div.panel-body');
  const open = async () => {
    fill(box, h('p.dim', 'reading…'));
    try {
      const response = await fetch(href(`r/${record.id}.json`), { credentials: 'same-origin' });
      const text = await response.text();
      let shown = text;
      try {
        shown = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // Shown as it is.
      }
      fill(box, long(shown, 'pre', 50_000));
      box.firstChild.className = 'raw';
      box.firstChild.tabIndex = 0;
    } catch (error) {
      fill(box, trouble(error, open));
    }
  };
  return fill(box, button('Show', open));
}

/** What is known about it, in a column beside the rest. */
function facts(record) {
  const known = (list) => list.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false);
  const link = (key, value) => (value === null || value === undefined || value === '' ? null : h('a', { href: find(key, value) }, plain(value)));
  const group = (label, list) => {
    const there = known(list);
    return there.length ? [h('h3', label), h('dl', there.map(([name, value]) => h('div', h('dt', name), h('dd', value instanceof Node ? value : long(value)))))] : null;
  };
  const vitals = record.vitals ?? {};
  const service = (record.resource ?? []).filter(([name]) => !['service.name', 'service.version', 'service.instance.id'].includes(name));
  return h('aside.facts', { 'aria-label': 'Facts' },
    group('About', [
      ['route', link('route', record.route)], ['handler', record.handler], ['user', link('user', record.user)], ['outcome', record.outcome],
      ['class', link('class', record.class)], ['gRPC', record.grpc], ['kept', record.kept ? `${record.kept}${record.weight > 1 ? `, stands for ${record.weight}` : ''}` : null],
    ]),
    record.attributes?.length ? group('Set by the application', record.attributes.map(([name, value]) => [name, /^[\w.]*\.[\w.]+$/.test(name) ? link(name, value) : plain(value)])) : null,
    group('From', [['client', link('client', record.client)], ['peer', record.peer === record.client ? null : record.peer], ['agent', record.user_agent], ['host', record.host], ['scheme', record.scheme], ['protocol', record.protocol]]),
    group('Service', [['name', link('service', record.service)], ['release', link('release', record.release)], ['instance', link('instance', record.instance)], ...service]),
    group('Load', [
      ['in flight', record.in_flight ? `${record.in_flight}${record.in_flight_on_route ? `, ${record.in_flight_on_route} on its route` : ''}` : null],
      ['memory', vitals.memory_bytes ? bytes(vitals.memory_bytes) : null],
      ['cores', vitals.cpu_ratio === null || vitals.cpu_ratio === undefined ? null : vitals.cpu_ratio.toFixed(1)],
      ['runtime', vitals.runtime_lag_ms === null || vitals.runtime_lag_ms === undefined ? null : `lag ${duration(vitals.runtime_lag_ms)}${vitals.runtime_busy_ratio === null || vitals.runtime_busy_ratio === undefined ? '' : `, ${percent(vitals.runtime_busy_ratio)} busy`}`],
      ['tasks', vitals.runtime_tasks], ['files', vitals.open_files],
    ]),
    group('Ids', [['request', record.request_id], ['trace', link('trace', record.trace_id)], ['span', record.id], ['parent', record.parent_id]]));
}
