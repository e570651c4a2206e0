// What runs now, the longest first, and what ran when a process died.

import { get, href } from './api.js';
import { fill, h } from './dom.js';
import { bytes, clock, duration, several } from './format.js';
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
      const same = latest && JSON.stringify(latest.running.map((one) => one.id)) === JSON.stringify(answer.running.map((one) => one.id));
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
  const dead = answer.dead ?? [];
  const more = (all, shown) => (all > shown ? h('p.panel-body.dim', `and ${several(all - shown, 'more')}`) : null);
  return [
    (answer.warnings ?? []).map((text) => h('p.warn', text)),
    running.length ? panel('now', several(answer.running_count ?? running.length, 'request'), h('span.dim', 'the longest first'), table(running, tick), more(answer.running_count, running.length))
      : h('div.panel', h('div.empty', h('strong', 'Nothing runs'), h('p', 'A request stands here once it has run for a while, until its last byte.'))),
    dead.length ? panel('dead', 'Cut off', h('span.dim', 'these ran when their process died'), table(dead, null), more(answer.dead_count, dead.length)) : null,
  ];
}

function table(rows, tick) {
  return h('div.scroll-x', { tabindex: 0 }, h('table.plain',
    h('thead', h('tr', h('th.n', { scope: 'col' }, tick ? 'For' : 'Last heard after'), ['Request', 'Received', 'Sent', 'User', 'Since', 'Process', 'Id'].map((label) => h('th', { scope: 'col' }, label)))),
    h('tbody', rows.map((one) => {
      const elapsed = h('td.n.mono', duration(tick ? one.age_ms : one.heard_ms));
      tick?.(elapsed, one.age_ms);
      return h('tr', elapsed, h('td.mono', h('span.dim', one.method ?? ''), ' ', one.path ?? one.route ?? ''), h('td.nowrap', one.received_bytes ? bytes(one.received_bytes) : ''), h('td.nowrap', one.sent_bytes ? bytes(one.sent_bytes) : ''),
        h('td', one.user ?? ''), h('td.nowrap.mono', clock(one.at_ms)), h('td.dim', one.process ?? ''), h('td', h('a.mono', { href: href(`r/${one.id}`) }, one.short)));
    }))));
}
