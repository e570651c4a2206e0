// Values and long texts as they are shown.

import { button, h } from './dom.js';
import { several } from './format.js';

const SHOWN = 2_000;

/** A value of a field as text. */
export function plain(value) {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A text of which a long one shows its start, and says how long it is. */
export function long(text, tag = 'span', shown = SHOWN) {
  const all = plain(text);
  if (all.length <= shown) return h(tag, all);
  const holder = h(tag, { class: 'long' }, all.slice(0, shown), '… ');
  holder.append(button(`show all ${several(all.length, 'character')}`, (event) => {
    event.stopPropagation();
    // In pieces, so that one element does not have to lay out a megabyte as one line.
    holder.replaceChildren();
    for (let at = 0; at < all.length; at += 20_000) holder.append(h('span', all.slice(at, at + 20_000)));
  }, { class: 'link' }));
  return holder;
}

/** Names and values, each value a link to the requests that have it too when `find` gives one. */
export function pairs(list, find) {
  return h('table.pairs', h('tbody', list.map(([name, value]) => {
    const target = find?.(name, value);
    return h('tr', h('th', { scope: 'row' }, name), h('td', target ? h('a', { href: target }, plain(value)) : long(value)));
  })));
}
