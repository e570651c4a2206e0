// The list lives: new requests come by themselves, and wait while one reads.

import { ask, assert, inBrowser, until } from './browser.mjs';

/** Tries, of which one has to be as quick as promised: a machine under load may be late by itself. */
const TRIES = 5;

await inBrowser(async (tab) => {
  await tab.locator('tr.line').first().waitFor();
  await tab.getByText('live', { exact: true }).waitFor();
  const took = [];
  for (let i = 0; i < TRIES && !took.some((ms) => ms <= 1000); i += 1) {
    const name = `/products/7${i}`;
    await ask(name);
    const end = performance.now();
    await tab.locator('tr.line', { hasText: name }).waitFor();
    took.push(performance.now() - end);
  }
  console.log(`a new request was seen after ${took.map((ms) => `${Math.round(ms)} ms`).join(', ')}`);
  assert.ok(took.some((ms) => ms <= 1000), `within a second: ${took}`);

  // While the pointer is on a line, that line stays where it is.
  const third = tab.locator('tr.line').nth(2);
  await third.hover();
  const id = await third.getAttribute('data-id');
  const before = await third.boundingBox();
  await ask('/products/81');
  await tab.getByRole('button', { name: /^↑ \d+ new requests?$/ }).waitFor();
  assert.deepEqual(await tab.locator(`tr[data-id="${id}"]`).boundingBox(), before);
  await tab.mouse.move(5, 5);
  await tab.locator('tr.line', { hasText: '/products/81' }).waitFor();

  // Scrolled down, nothing moves either.
  await tab.locator('.scroller').evaluate((box) => { box.scrollTop = 700; });
  await until('lines are drawn below', async () => tab.locator('tr.line').first().evaluate((line) => Number(line.getAttribute('aria-rowindex')) > 5));
  const place = () => tab.locator('.scroller').evaluate((box) => [box.scrollTop, document.elementFromPoint(600, 500).closest('tr').dataset.id]);
  const seen = await place();
  await ask('/products/82');
  await tab.getByRole('button', { name: /^↑ \d+ new requests?$/ }).waitFor();
  assert.deepEqual(await place(), seen);
  await tab.getByRole('button', { name: /^↑ \d+ new requests?$/ }).click();
  await tab.locator('tr.line', { hasText: '/products/82' }).waitFor();

  // Paused, it waits until it is told to go on.
  await tab.mouse.move(5, 5);
  await tab.getByRole('button', { name: 'Pause' }).click();
  await ask('/products/83');
  await tab.getByRole('button', { name: /^↑ \d+ new requests?$/ }).waitFor();
  assert.equal(await tab.locator('tr.line', { hasText: '/products/83' }).count(), 0);
  await tab.getByRole('button', { name: 'Resume' }).click();
  await tab.locator('tr.line', { hasText: '/products/83' }).waitFor();

  // Only what is asked for comes.
  await tab.getByRole('combobox').fill('path:/products/84');
  await tab.getByText('Nothing matches').waitFor();
  await ask('/products/85');
  await ask('/products/84');
  await tab.locator('tr.line', { hasText: '/products/84' }).waitFor();
  assert.equal(await tab.locator('tr.line').count(), 1);
});
