// How long the list takes from an input to the next paint, by the browser's own trace, while requests come in: the part in the
// browser of benches/responsive.rs. No test: it prints what it found.

import { inBrowser, until } from './browser.mjs';
import { Trace } from './trace.mjs';

const ROUNDS = Number(process.env.ROUNDS || 3);
const LIMIT_MS = 100;
const QUERIES = ['status:500', 'route:/users', 'quetzal', 'nowhere'];
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

await inBrowser(async (tab) => {
  const trace = new Trace(tab);
  const data = [];
  const rows = tab.locator('tr.line');
  const query = () => tab.getByRole('combobox').inputValue();
  const settled = () => tab.waitForFunction(() => !document.querySelector('main.busy'), null, { timeout: 20_000 });
  /** Out of the filter box: the first Escape may only close its suggestions. */
  const leave = () => until('the filter box is left', async () => {
    await tab.keyboard.press('Escape');
    return tab.evaluate(() => document.activeElement.tagName !== 'INPUT');
  });
  /** What is typed, key by key as people do, and when what it asks for is there. */
  const type = async (text) => {
    await tab.keyboard.press('/');
    await pause(50);
    let last = 0;
    const answered = tab.waitForResponse((answer) => new URL(answer.url()).pathname.endsWith('api/events') && new URL(answer.url()).searchParams.get('q') === text);
    for (const key of text) {
      last = performance.now();
      await trace.input('typing in the filter box', () => tab.keyboard.press(key));
      await pause(60);
    }
    await answered;
    await settled();
    data.push(performance.now() - last);
    await pause(300);
    await leave();
  };
  const drag = async (place, from, to) => {
    const box = await tab.locator('.charts .u-over').nth(place).boundingBox();
    await tab.mouse.move(box.x + box.width * from, box.y + box.height / 2);
    await trace.input('brushing a chart', async () => {
      await tab.mouse.down();
      for (let step = 1; step <= 5; step += 1) await tab.mouse.move(box.x + box.width * (from + ((to - from) * step) / 5), box.y + box.height / 2);
      await tab.mouse.up();
    });
    await pause(800);
    await settled();
  };
  const clear = async () => {
    if (await query() === '') return;
    await tab.getByRole('button', { name: 'Clear the filter' }).first().click();
    await until('the filter is empty', async () => (await query()) === '');
    await settled();
    await leave();
  };

  const began = performance.now();
  const tell = (what) => console.error(`${((performance.now() - began) / 1000).toFixed(1)} s: ${what}`);
  await rows.first().waitFor();
  await tab.locator('.facet').first().waitFor();
  await trace.start();
  for (let round = 0; round < ROUNDS; round += 1) {
    tell(`round ${round + 1}`);
    // Live: nobody reads, lines come in four times a second.
    await tab.mouse.move(5, 5);
    await pause(1500);
    for (let i = 0; i < 4; i += 1) {
      await trace.input('pausing and going on', () => tab.keyboard.press('p'));
      await pause(400);
    }
    await tab.keyboard.press('Escape');
    tell('typing');
    for (const text of QUERIES) await type(text);
    tell('clearing');
    await clear();

    tell('moving');
    await tab.keyboard.press('Escape');
    for (const key of 'jjjjjjjjjjjjkkkkkkkk') {
      await trace.input('going through the lines: j, k', () => tab.keyboard.press(key));
      await pause(60);
    }
    tell('opening');
    for (let i = 0; i < 3; i += 1) {
      await tab.keyboard.press('j');
      await pause(100);
      await trace.visit('opening a request', 'until the request is there', /\/r\//, () => tab.keyboard.press('Enter'));
      await pause(300);
      await trace.visit('going back', 'until the list is there', /\/(\?.*)?$/, () => tab.keyboard.press('u'));
      await rows.first().waitFor();
      await settled();
      await pause(500);
    }

    tell('facets');
    await tab.locator('.facet').first().waitFor();
    for (const [facet, value] of [['Method', /^GET/], ['Status', /^500/], ['Route', /^\/users\/\{id\}/]]) {
      const item = tab.locator('.facet', { hasText: facet }).getByRole('button', { name: value }).first();
      if (await item.count() === 0) continue;
      await item.hover();
      await trace.input('choosing a facet', () => item.click());
      await pause(300);
      await settled();
      await clear();
      await tab.locator('.facet', { hasText: facet }).getByRole('button', { name: value }).first().waitFor();
    }
    tell('brushing');
    for (const place of [0, 1]) {
      await drag(place, 0.3, 0.9);
      await clear();
    }

    tell('scrolling');
    const list = await tab.locator('.scroller').boundingBox();
    await tab.mouse.move(list.x + list.width / 2, list.y + list.height / 2);
    await tab.mouse.wheel(0, 1);
    await pause(300);
    for (let i = 0; i < 40; i += 1) {
      await trace.input('scrolling', () => tab.mouse.wheel(0, i < 30 ? 240 : -720));
      await pause(50);
    }
    await pause(500);
    await tab.mouse.move(5, 5);
    await tab.keyboard.press('.');
  }
  tell('reading the trace');
  await trace.stop(process.env.TRACE);

  const kinds = trace.kinds();
  const row = (name, times, { limit } = {}) => {
    const sorted = [...times].sort((a, b) => a - b);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
    const verdict = limit === undefined ? '' : sorted.length && at(1) <= limit ? 'holds' : 'FALLS SHORT';
    console.log(`| ${name} | ${sorted.length} | ${[0.5, 0.95, 1].map((share) => at(share).toFixed(1)).join(' | ')} | ${verdict} |`);
  };
  console.log(`| from input to the next paint, ms | inputs | median | p95 | most | at most ${LIMIT_MS} |`);
  console.log('|---|---:|---:|---:|---:|---|');
  for (const [kind, times] of kinds) row(kind, times, { limit: LIMIT_MS });
  for (const [kind, times] of trace.visits()) row(kind, times);
  row('between two frames while scrolling', trace.frames('scrolling'));
  row('from the last key to what it asks for (it waits 350 ms for another key)', data);
  console.log(`\n${trace.unseen} inputs of which the trace does not tell.`);
  console.log('What kept the page busy for longest, in ms by the clock, and by the processor:');
  for (const [ms, cpu, what] of trace.tasks().slice(0, 8)) console.log(`- ${ms.toFixed(1)} (${cpu.toFixed(1)}): ${what}`);
});
