// What is different about some requests, beside others of the same routes.

import { href, search } from './api.js';
import { h } from './dom.js';
import { bytes, count, duration, percent, several } from './format.js';
import { add, term } from './query.js';

/** What a finding may say of its own subject, and so tells nothing. */
const OF_ITSELF = new Set(['campanile.group', 'campanile.error.class']);
const SHOWN = 10;
/** Names of the conventions that have a key of their own. */
const KEYS = { 'http.response.status_code': 'status', 'http.request.method': 'method', 'user.id': 'user', 'user_agent.original': 'agent', 'service.version': 'release' };

/** The panel's body. */
export function different(answer, query) {
  const findings = (answer?.findings ?? []).filter((finding) => !OF_ITSELF.has(finding.name));
  const notices = (answer?.notices ?? []).map((text) => h('p.panel-body.dim', text));
  if (!findings.length) {
    const why = answer?.rest ? 'Nothing that other requests of the same routes do not have as often.' : 'There is nothing to compare with yet.';
    return [notices, h('p.panel-body.dim', why)];
  }
  const bar = (share, kind) => {
    const inner = h(`span.share-bar.${kind}`);
    inner.style.width = `${Math.max(0.5, 100 * share)}%`;
    return h('span.share', { 'aria-hidden': 'true' }, inner);
  };
  const row = ({ name, difference: one, stage }) => {
    if (one.value === undefined) {
      const write = unit(name);
      return h('tr', h('td', h('span.dim', name), ' ', h('strong', 'another size')),
        h('td', numbers(one.selected, write)), h('td', numbers(one.rest, write)));
    }
    const label = [h('span.dim', name), ' ', h('strong', String(one.value))];
    const asked = KEYS[name] ?? (name.startsWith('http.response.header.') || name.startsWith('http.request.header.') ? `header.${name.split('.header.')[1]}` : /^[\w]+(\.[\w-]+)+$/.test(name) && !/^(http|error|url|campanile)\./.test(name) ? name : null);
    return h('tr',
      h('td', { title: stage === 'arrival' ? 'known when the request came' : 'came about while it ran' }, asked && query ? h('a', { href: href(`?${search({ q: add(query, term(asked, one.value)) })}`) }, label) : label),
      h('td', h('span.share-cell', { title: `${count(one.selected_with)} of ${count(one.selected)}` }, bar(one.selected_with / one.selected, 'these'), percent(one.selected_with / one.selected))),
      h('td', h('span.share-cell', { title: `${count(one.rest_with)} of ${count(one.rest)}` }, bar(one.rest_with / one.rest, 'others'), percent(one.rest_with / one.rest))));
  };
  return [notices, h('div.scroll-x', h('table.plain.different',
    h('thead', h('tr', h('th', { scope: 'col' }, 'What'), h('th', { scope: 'col' }, `These ${several(answer.selected, 'request')}`), h('th', { scope: 'col' }, `Other ${several(answer.rest, 'request')}`))),
    h('tbody', findings.slice(0, SHOWN).map(row))))];
}

function unit(name) {
  if (/size|bytes/.test(name)) return bytes;
  if (/duration|time_to|_ns$/.test(name)) return (ns) => duration(ns / 1e6);
  return (n) => String(Math.round(n * 1000) / 1000);
}

function numbers(spread, write) {
  if (!spread?.count) return h('span.dim', 'none');
  return [h('strong', write(spread.median)), spread.least === spread.most ? h('span.dim', ', always') : h('span.dim', `, ${write(spread.least)} to ${write(spread.most)}`)];
}
