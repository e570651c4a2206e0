// The facets beside the list: what the requests that match have for values, with counts. A click asks for a value, an
// alt-click leaves it out.

import { get } from './api.js';
import { button, fill, h } from './dom.js';
import { count } from './format.js';
import { has, term } from './query.js';

const KEYS = [
  ['status', 'Status'],
  ['route', 'Route'],
  ['method', 'Method'],
  ['type', 'Error'],
  ['user', 'User'],
  ['outcome', 'Outcome'],
  ['release', 'Release'],
];
const SHOWN = 6;

/** The column; `ask(query)` fetches it again, `onterm(term, opposite)` is called with what was clicked. */
export function facets({ onterm }) {
  const groups = h('div.groups');
  const box = h('aside.facets', { id: 'facets', 'aria-label': 'Facets' }, groups);
  const more = new Set();
  let latest = null;
  let asked = 0;
  let abort = null;

  const value = (name, item, query, most) => {
    const plus = term(name, item.value);
    const minus = term(name, item.value, true);
    const isOn = has(query, plus);
    const isOut = has(query, minus);
    const bar = h('span.bar', { 'aria-hidden': 'true' });
    bar.style.width = `${Math.max(1, (100 * item.count) / most)}%`;
    return h(`li${isOn ? '.on' : ''}${isOut ? '.out' : ''}`,
      h('button.value', {
        type: 'button', 'aria-pressed': String(isOn), title: `${item.value}\nclick: only these · alt-click: without these`,
        onclick: (event) => (event.altKey ? onterm(minus, plus) : onterm(plus, minus)),
      }, bar, h('span.text', item.value), h('span.count', count(item.count))),
      button('−', () => onterm(minus, plus), { class: 'minus', 'aria-pressed': String(isOut), 'aria-label': `Without ${item.value}`, title: `Without ${item.value}` }));
  };

  const draw = () => {
    if (!latest) return;
    const { answer, query } = latest;
    const found = KEYS.map(([name, label]) => {
      const facet = answer.facets.find((one) => one.key === name);
      if (!facet?.values.length) return null;
      const all = more.has(name);
      const values = all ? facet.values : facet.values.slice(0, SHOWN);
      const most = Math.max(...facet.values.map((item) => item.count));
      const hidden = facet.values.length - values.length;
      return h('section.facet',
        h('h2', label),
        h('ul', values.map((item) => value(name, item, query, most))),
        hidden > 0 ? button(`${hidden} more`, () => { more.add(name); draw(); }, { class: 'link' })
          : facet.rest ? h('p.dim', `and ${count(facet.rest)} other values`) : null);
    });
    const focused = box.contains(document.activeElement) ? [...box.querySelectorAll('button')].indexOf(document.activeElement) : -1;
    const part = answer.counted < answer.matching || answer.is_partial;
    fill(groups, found, part ? h('p.dim.partly', `counted over the newest ${count(answer.counted)}`) : null);
    if (focused >= 0) box.querySelectorAll('button')[focused]?.focus();
  };

  return {
    box,
    async ask(query) {
      const mine = (asked += 1);
      abort?.abort();
      abort = new AbortController();
      try {
        const answer = await get('api/facets', { q: query, key: KEYS.map(([name]) => name), top: '20' }, { signal: abort.signal });
        if (mine !== asked) return null;
        latest = { answer, query };
        draw();
        return answer;
      } catch {
        return null;
      }
    },
  };
}
