// Pointing at something narrows the list to it.

import { assert, inBrowser, until } from './browser.mjs';

await inBrowser(async (tab) => {
  const query = () => tab.getByRole('combobox').inputValue();
  const drag = async (box, from, to) => {
    await tab.mouse.move(box.x + box.width * from[0], box.y + box.height * from[1]);
    await tab.mouse.down();
    await tab.mouse.move(box.x + box.width * (from[0] + to[0]) / 2, box.y + box.height * (from[1] + to[1]) / 2);
    await tab.mouse.move(box.x + box.width * to[0], box.y + box.height * to[1]);
    await tab.mouse.up();
  };
  await tab.locator('.charts .u-over').nth(1).waitFor();
  await tab.locator('.facet').first().waitFor();

  // A facet: a click asks for it, the same click takes it back, an alt-click leaves it out.
  const value = tab.locator('.facet', { hasText: 'Method' }).getByRole('button', { name: /^POST/ });
  await value.click();
  await until('only POST is listed', async () => (await query()) === 'method:POST' && (await tab.locator('tr.line').allInnerTexts()).every((row) => row.includes('POST')));
  await tab.locator('.facet', { hasText: 'Method' }).locator('[aria-pressed="true"]').first().click();
  await until('nothing is asked for', async () => (await query()) === '');
  await tab.locator('.facet', { hasText: 'Method' }).getByRole('button', { name: /^POST/ }).click({ modifiers: ['Alt'] });
  await until('no POST is listed', async () => (await query()) === '-method:POST' && !(await tab.locator('tr.line').allInnerTexts()).some((row) => row.includes('POST')));
  await tab.goBack();
  await until('back is back', async () => (await query()) === '');

  // A part of the time.
  await until('the drawing is there', async () => /\d/.test(await tab.locator('.charts .readout').first().innerText()));
  await drag(await tab.locator('.charts .u-over').nth(0).boundingBox(), [0.3, 0.5], [1, 0.5]);
  await until('the time is asked for', async () => /^since:\d{4}-.*Z until:\d{4}-.*Z$/.test(await query()));
  await tab.locator('.charts .u-over').nth(0).dblclick();
  await until('a double click forgets it', async () => (await query()) === '');

  // A part of the time and of the durations.
  await until('the heat map is there', async () => !/no requests/.test(await tab.getByRole('img', { name: /^Latency/ }).getAttribute('aria-label')));
  await drag(await tab.locator('.charts .u-over').nth(1).boundingBox(), [0.2, 0.1], [0.99, 0.6]);
  await until('both are asked for', async () => /since:.* until:.* ms>=/.test(await query()));
  const least = Number(/ms>=([\d.]+)/.exec(await query())[1]);
  await until('only slow ones are listed', async () => {
    const took = await tab.locator('tr.line .c3').allInnerTexts();
    return took.length > 0 && took.every((text) => parseFloat(text) * (/\ds| s/.test(text) ? 1000 : 1) >= least * 0.99);
  });

  // The same failures stand in one line, and come apart again.
  await tab.getByRole('combobox').fill('type:CheckoutError');
  await tab.getByRole('button', { name: /same error \d+ more/ }).first().waitFor();
  const folded = await tab.locator('tr.line').count();
  await tab.getByRole('button', { name: /same error \d+ more/ }).first().click();
  await until('they come apart', async () => (await tab.locator('tr.line').count()) > folded);
  assert.ok(folded >= 1);
});
