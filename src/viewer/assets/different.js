// What is different about some requests, beside others of the same routes.

import { href, search } from './api.js';
import { h } from './dom.js';
import { percent, several } from './format.js';
import { add, term } from './query.js';

/** The panel's body. */
export function different(answer, query) {
  const findings = answer?.findings ?? [];
  if (!findings.length) {
    const why = answer?.note ?? (answer?.others ? 'Nothing that others of the same routes do not have as often.' : 'There is nothing to compare with yet.');
    return h('p.panel-body.dim', why);
  }
  const bar = (share, kind) => {
    const inner = h(`span.share-bar.${kind}`);
    inner.style.width = `${Math.max(0.5, 100 * share)}%`;
    return h('span.share', { 'aria-hidden': 'true' }, inner);
  };
  return h('div.scroll-x', h('table.plain.different',
    h('thead', h('tr', h('th', { scope: 'col' }, 'What'), h('th', { scope: 'col' }, `These ${several(answer.matching, 'request')}`), h('th', { scope: 'col' }, `Other ${several(answer.others, 'request')}`))),
    h('tbody', findings.slice(0, 12).map((finding) => {
      const text = [h('span.dim', finding.key), ' ', h('strong', String(finding.value))];
      const link = finding.term ?? (/^[\w.]+$/.test(finding.key) && finding.value !== undefined && !/[≥≤<>]/.test(String(finding.value)) ? term(finding.key, finding.value) : null);
      return h('tr',
        h('td', { title: finding.text || null }, link && query ? h('a', { href: href(`?${search({ q: add(query, link) })}`) }, text) : text),
        h('td', h('span.share-cell', bar(finding.matching_share, 'these'), percent(finding.matching_share))),
        h('td', h('span.share-cell', bar(finding.others_share, 'others'), percent(finding.others_share))));
    }))));
}
