// A request's or an answer's head and body.

import { body } from './body.js';
import { h } from './dom.js';
import { several } from './format.js';
import { form } from './pretty.js';
import { long, pairs } from './text.js';

/** The panel's body for one direction. */
export function message(part, direction, { query } = {}) {
  const headers = part?.headers ?? [];
  const hidden = headers.filter(([, value]) => value === null).length;
  const cookies = direction === 'request' ? jar(headers, 'cookie') : [];
  return h('div.message-part',
    query ? [h('h3', 'Query'), pairs(form(query))] : null,
    h('h3', several(headers.length, 'header'), hidden ? [', ', h('a', { href: '#redacted' }, `${hidden} without value`)] : null),
    headers.length ? head(headers) : h('p.dim', 'none recorded'),
    cookies.length ? [h('h3', 'Cookies'), pairs(cookies)] : null,
    part?.trailers?.length ? [h('h3', several(part.trailers.length, 'trailer')), head(part.trailers)] : null,
    body(part?.body, part?.bytes, direction));
}

function head(headers) {
  return h('table.pairs', h('tbody', headers.map(([name, value, note]) =>
    h('tr', h('th', { scope: 'row' }, name), h('td', value === null || value === undefined ? h('span.redacted', { title: note && /:/.test(note) ? 'Taken out by this rule' : 'Not on the list of headers whose values are kept' }, `‹redacted${note ? ` ${note.replace(/^redacted /, '')}` : ''}›`) : long(value))))));
}

function jar(headers, name) {
  return headers.filter(([header, value]) => header === name && value).flatMap(([, value]) => value.split(/;\s*/)).map((pair) => {
    const at = pair.indexOf('=');
    return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  });
}
