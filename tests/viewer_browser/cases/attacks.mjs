// What was recorded is shown, and never done: no request leaves for elsewhere, no dialog opens, no element comes to be.

import { api, assert, inBrowser, visit } from './browser.mjs';

const HTML = ['<script>', '<img', '<svg', '<style>', '<iframe', '<link', '@import url(//evil.invalid)', '{{constructor', '${alert', 'javascript:alert', '</script>'];

await inBrowser(async (tab) => {
  const { records } = await api(tab, 'events?limit=100');
  const attacked = records.filter((row) => row.path?.startsWith('/attack'));
  assert.ok(attacked.length >= 2, `${attacked.length} are stored`);
  const judge = async (where) => {
    const made = await tab.evaluate(() => ({
      foreign: [...document.querySelectorAll('img, iframe, object, embed, form, base, meta[http-equiv], style, link:not([rel=stylesheet]):not([rel=icon])')].map((element) => element.outerHTML.slice(0, 100)),
      scripts: [...document.scripts].filter((script) => script.type !== 'application/json').length,
      // Attributes that would run.
      handlers: [...document.querySelectorAll('*')].filter((element) => [...element.attributes].some(({ name }) => name.startsWith('on'))).length,
      links: [...document.querySelectorAll('a[href]')].map((link) => link.protocol).filter((protocol) => !['http:', 'vscode:'].includes(protocol)),
      hidden: getComputedStyle(document.body).display,
      title: document.title,
    }));
    assert.deepEqual({ ...made, title: '' }, { foreign: [], scripts: 3, handlers: 0, links: [], hidden: 'flex', title: '' }, where);
    const text = await tab.evaluate(() => document.body.innerText);
    // No control, no mark of direction, nothing without width comes through.
    // eslint-disable-next-line no-control-regex
    const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.exec(text);
    assert.equal(unseen, null, `${where}: ${JSON.stringify(unseen?.[0])}`);
    return text;
  };

  await tab.locator('tr.line').first().waitFor();
  await judge('list');
  for (const path of ['/errors', '/routes', '/running', '/health', `/?q=${encodeURIComponent('<script>alert(1)</script>')}`, '/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E', `/compare/${attacked[0].id}/${attacked[1].id}`]) {
    await visit(tab, path);
    await tab.locator('main[class]').waitFor();
    await tab.waitForLoadState('load');
    await judge(path);
  }
  const seen = new Set();
  for (const row of attacked) {
    await visit(tab, `/r/${row.id}`);
    await tab.getByRole('region', { name: 'Timeline' }).waitFor();
    for (const line of await tab.locator('button.bar-line').all()) await line.click();
    const text = await judge(row.path);
    for (const word of HTML) if (text.includes(word)) seen.add(word);
    if (text.includes('\\u{1b}')) seen.add('escape');
    if (text.includes('\\u{202e}')) seen.add('turned');
  }
  assert.deepEqual([...HTML, 'escape', 'turned'].filter((word) => !seen.has(word)), [], 'each is shown as it is');

  // A message of 300,000 characters of markup: the page is there and answers within two seconds.
  const { records: [heavy] } = await api(tab, `events?limit=1&q=${encodeURIComponent('path:/heavy')}`);
  const start = performance.now();
  await visit(tab, `/r/${heavy.id}`);
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await tab.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
  const took = performance.now() - start;
  console.log(`a page with 300,000 characters of markup in a message: ${Math.round(took)} ms`);
  assert.ok(took <= 2000, `${took} ms`);
  assert.ok((await tab.getByRole('region', { name: 'Timeline' }).innerText()).includes('<b><b><b>'));
});
