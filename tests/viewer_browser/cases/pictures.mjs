// The pictures of the guide; see scripts/pictures.

import { join } from 'node:path';

import { api, application, inBrowser, pictures, visit } from './browser.mjs';

const SIZE = { width: 1120, height: 640 };

await inBrowser(async (tab, context) => {
  const keep = (from, name) => from.screenshot({ path: join(pictures, `viewer-${name}.png`) });
  const ready = async (from) => { await from.locator('main[class]').waitFor(); await from.waitForTimeout(900); };
  // Requests that trickle in, so that the drawings have a course.
  for (let i = 0; i < 90; i += 1) {
    const path = ['/products/3', '/products', '/orders/1001', '/healthz', '/products/11'][i % 5];
    await fetch(application + path, { headers: { 'x-user': ['ada', 'grace', 'tony'][i % 3] } });
    await new Promise((resolve) => { setTimeout(resolve, 120 + (i % 7) * 25); });
  }
  const { records: [failed] } = await api(tab, 'events?limit=1&q=type:CheckoutError');
  const { groups: [group] } = await api(tab, 'errors');
  await visit(tab, '/');
  await ready(tab);
  await keep(tab, 'list');
  const box = tab.getByRole('combobox');
  await box.click();
  await box.pressSequentially('status:');
  await tab.getByRole('option').first().waitFor();
  await keep(tab, 'filter');
  for (const [name, path] of [['request', `/r/${failed.id}`], ['group', `/errors/${group.id}`], ['routes', '/routes']]) {
    await visit(tab, path);
    await ready(tab);
    await keep(tab, name);
  }
  await visit(tab, `/r/${failed.id}#timeline`);
  await ready(tab);
  await keep(tab, 'timeline');
  const dark = await (await context.browser().newContext({ viewport: { width: 400, height: 720 }, colorScheme: 'dark', storageState: await context.storageState() })).newPage();
  await visit(dark, `/?q=${encodeURIComponent('status>=400')}`);
  await ready(dark);
  await keep(dark, 'narrow');
}, { viewport: SIZE, colorScheme: 'light' });
