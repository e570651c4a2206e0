// From the list to requests and back: the list is as it was left, and the way back and forth is the browser's own.

import { ask, assert, inBrowser, until, visit } from './browser.mjs';

await inBrowser(async (tab) => {
  const rows = tab.locator('tr.line');
  const scroller = tab.locator('.scroller');
  const top = () => scroller.evaluate((element) => element.scrollTop);
  const heading = tab.getByRole('heading', { level: 1 });
  const path = () => new URL(tab.url()).pathname;
  await rows.first().waitFor();
  await tab.keyboard.press('/');
  await tab.keyboard.type('status:200');
  await tab.keyboard.press('Enter');
  await until('only these are listed', async () => {
    const found = await rows.allInnerTexts();
    return found.length > 0 && found.every((row) => row.includes('200'));
  });
  await tab.keyboard.press('Escape');
  const address = tab.url();
  // A document that is loaded anew has forgotten it.
  await tab.evaluate(() => { globalThis.isTheSame = true; });
  for (let i = 0; i < 50; i += 1) await tab.keyboard.press('j');
  const left = await top();
  assert.ok(left > 500, 'scrolled down');
  const chosen = await tab.locator('tr.selected').getAttribute('data-id');

  await tab.keyboard.press('Enter');
  await tab.waitForURL(/\/r\//);
  assert.equal(path().split('/').at(-1), chosen);
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  assert.equal(await rows.count(), 0);
  assert.match(await tab.title(), /^200 GET/);
  // The list's keys are not this page's.
  await tab.keyboard.press('j');
  // Something comes meanwhile, which the list tells of later.
  const { response } = await ask('/products');
  assert.equal(response.status, 200);

  // Marked here, and so in the list.
  await tab.keyboard.press('m');
  await tab.goBack();
  await rows.first().waitFor();
  assert.equal(tab.url(), address);
  assert.equal(await top(), left);
  assert.equal(await tab.locator('tr.selected.marked').getAttribute('data-id'), chosen);
  assert.match(await tab.title(), /^Requests/);
  await tab.getByRole('button', { name: /new request/ }).waitFor();
  await tab.keyboard.press('m');

  // Forth again, to a neighbour, and back by the page's own ways.
  await tab.goForward();
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  const step = tab.getByRole('link', { name: /earlier request of this route/ });
  await step.click();
  await until('its neighbour is shown', async () => path().includes('/r/') && !path().endsWith(chosen));
  await heading.waitFor();
  await tab.keyboard.press('u');
  await rows.first().waitFor();
  assert.equal(tab.url(), address);
  assert.equal(await top(), left);
  assert.ok(await tab.evaluate(() => globalThis.isTheSame), 'one document');

  // A request that was loaded by itself leads to a list as well, also by the browser's way back after it was loaded anew.
  await tab.keyboard.press('Enter');
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await tab.reload();
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await tab.goBack();
  await rows.first().waitFor();
  assert.equal(tab.url(), address);
  await visit(tab, `/r/${chosen}`);
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await tab.getByRole('link', { name: '← Requests' }).click();
  await rows.first().waitFor();
  assert.equal(path(), '/');
});
