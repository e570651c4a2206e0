// Every page in both themes and both widths: a picture is kept, axe has nothing serious to say, and nothing is wider than
// the window.

import { join } from 'node:path';

import { api, assert, inBrowser, pictures, serious, visit } from './browser.mjs';

await inBrowser(async (first, context) => {
  const { records } = await api(first, 'events?limit=2&q=type:CheckoutError');
  const { groups } = await api(first, 'errors');
  assert.ok(records.length === 2 && groups.length > 0);
  const places = {
    list: '/', failed: `/?q=${encodeURIComponent('status>=400')}`, request: `/r/${records[0].id}`, errors: '/errors', group: `/errors/${groups[0].id}`,
    routes: '/routes', running: '/running', health: '/health', compare: `/compare/${records[0].id}/${records[1].id}`, nothing: '/r/00000000',
  };
  const found = [];
  for (const theme of ['light', 'dark']) {
    for (const width of [1280, 400]) {
      const tab = await (await context.browser().newContext({ colorScheme: theme, viewport: { width, height: 800 }, storageState: await context.storageState() })).newPage();
      for (const [name, path] of Object.entries(places)) {
        await visit(tab, path);
        await tab.locator('main[class]').waitFor();
        await tab.waitForLoadState(path.startsWith('/?') || path === '/' || name === 'running' ? 'load' : 'networkidle');
        if (name === 'nothing') await tab.getByText('Nothing found').waitFor();
        if (path === '/' || path.startsWith('/?')) await tab.locator('tr.line').first().waitFor();
        if (name !== 'nothing') assert.equal(await tab.locator('.trouble').count(), 0, `${name}: ${await tab.locator('main').innerText()}`);
        await tab.screenshot({ path: join(pictures, `${name}-${width}-${theme}.png`), fullPage: !['list', 'failed'].includes(name) });
        found.push(...await serious(tab, `${name} ${width} ${theme}`));
      }
      await tab.context().close();
    }
  }
  assert.deepEqual(found, []);
});
