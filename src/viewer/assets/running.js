// What runs now, the longest first, and what ran when a process died.

import { get, href } from './api.js';
import { fill, h } from './dom.js';
import { ago, clock, count, duration, moment, several } from './format.js';
import { panel, title, trouble } from './frame.js';
import { listen } from './live.js';

export async function runningPage({ main, aside }) {
  title('Running');
  main.className = 'page';
  const state = h('span.state');
  const content = h('div.results');
  fill(aside, state);
  fill(main, h('div.page-head', h('h1', 'Running')), content);
  let latest = null;
  let asking = false;
  let ticking = [];

  const load = async () => {
    if (asking || document.hidden) return;
    asking = true;
    try {
      const answer = await get('api/running');
      const now = performance.now();
      state.className = 'state live';
      state.textContent = 'live';
      const same = latest && JSON.stringify(latest.running.map((one) => [one.id, one.span, one.events])) === JSON.stringify(answer.running.map((one) => [one.id, one.span, one.events]));
      latest = answer;
      if (same) return;
      const focused = content.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
      ticking = [];
      fill(content, show(answer, (cell, ms) => ticking.push([cell, ms, now])));
      if (focused) content.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    } catch (error) {
      state.className = 'state lost';
      state.textContent = 'reconnecting';
      if (!latest) fill(content, trouble(error, load));
    } finally {
      asking = false;
    }
  };
  await load();
  setInterval(load, 1000);
  setInterval(() => { for (const [cell, ms, since] of ticking) cell.textContent = duration(ms + performance.now() - since); }, 200);
  listen({ query: '', cursor: null, onrunning: load });
}

function show(answer, tick) {
  const running = answer.running ?? [];
  return [
    answer.supported === false ? h('p.warn', answer.note ?? 'Requests in flight are not recorded here.') : null,
    running.length ? panel('now', several(running.length, 'request'), h('span.dim', 'the longest first'), table([...running].sort((a, b) => b.ms - a.ms), tick))
      : h('div.panel', h('div.empty', h('strong', 'Nothing runs'), h('p', 'Requests stand here from their first byte to their last.'))),
    (answer.ended ?? []).map((process, i) => panel(`ended-${i}`, `When ${process.instance ?? process.process ?? 'a process'} died`, h('span.dim', process.at_ms ? [h('time', { title: moment(process.at_ms) }, ago(process.at_ms)), process.reason ? ` · ${process.reason}` : ''] : process.reason ?? ''),
      process.running?.length ? table(process.running, null) : h('p.panel-body.dim', 'nothing ran'))),
  ];
}

function table(rows, tick) {
  return h('div.scroll-x', { tabindex: 0, role: 'region', 'aria-label': 'Requests in flight' }, h('table.plain',
    h('thead', h('tr', h('th.n', { scope: 'col' }, 'For'), ['Request', 'Inside', 'Events', 'User', 'Since', 'Id'].map((label) => h('th', { scope: 'col' }, label)))),
    h('tbody', rows.map((one) => {
      const elapsed = h('td.n.mono', duration(one.ms));
      tick?.(elapsed, one.ms);
      return h('tr', elapsed, h('td.mono', h('span.dim', one.method ?? ''), ' ', one.path ?? one.route ?? ''), h('td.mono', one.span ?? ''), h('td.n', count(one.events)),
        h('td', one.user ?? ''), h('td.nowrap.mono', clock(one.at_ms)), h('td', one.id ? h('a.mono', { href: href(`r/${one.id}`) }, one.short ?? one.id.slice(0, 8)) : ''));
    }))));
}
