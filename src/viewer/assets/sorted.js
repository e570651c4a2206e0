// A table whose columns can be sorted by their headings.

import { button, fill, h } from './dom.js';
import { recall, remember } from './memory.js';

/**
 * `columns`: `[{name, by(row), show(row), number?, title?}]`, those without `by` cannot be sorted. `name` is under which
 * the browser remembers the order.
 */
export function sortable({ name, label, columns, rows, start, onrow }) {
  let [column, down] = recall(`sort.${name}`, start);
  if (!columns[column]?.by) [column, down] = start;
  const head = h('tr');
  const body = h('tbody');
  const draw = () => {
    const { by } = columns[column];
    const ordered = [...rows].sort((a, b) => {
      const [x, y] = [by(a), by(b)];
      if (x === y) return 0;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return (x < y ? -1 : 1) * (down ? -1 : 1);
    });
    fill(head, columns.map((one, i) => h(`th${one.number ? '.n' : ''}`, { scope: 'col', title: one.title, 'aria-sort': one.by ? (i === column ? (down ? 'descending' : 'ascending') : 'none') : null },
      one.by ? button([one.name, i === column ? (down ? ' ↓' : ' ↑') : ''].join(''), () => {
        down = i === column ? !down : Boolean(one.number);
        column = i;
        remember(`sort.${name}`, [column, down]);
        draw();
        head.querySelectorAll('th')[i].querySelector('button')?.focus();
      }) : one.name)));
    fill(body, ordered.map((row) => {
      const line = h('tr', columns.map((one) => h(`td${one.number ? '.n' : ''}${one.wide ? '.wide' : ''}`, one.show(row))));
      onrow?.(line, row);
      return line;
    }));
  };
  draw();
  return h('div.scroll-x', { tabindex: 0 }, h('table.plain', { 'aria-label': label }, h('thead', head), body));
}
