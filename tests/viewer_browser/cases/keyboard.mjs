// Without a pointer: find, open, act, compare, come back.

import { assert, inBrowser, until } from './browser.mjs';

await inBrowser(async (tab) => {
  const { keyboard } = tab;
  const focused = () => tab.evaluate(() => document.activeElement?.outerHTML.slice(0, 200) ?? '');
  await tab.locator('tr.line').first().waitFor();

  // Tab goes through the frame, beginning with the way past it.
  await keyboard.press('Tab');
  assert.match(await focused(), /Skip to content/);
  await keyboard.press('Escape');

  // `?` shows the keys and gives the focus back.
  await keyboard.press('?');
  await tab.getByRole('dialog', { name: 'Keyboard' }).getByText('compare the two that are marked').waitFor();
  await keyboard.press('Escape');
  await tab.getByRole('dialog').waitFor({ state: 'detached' });

  // `/`, a key and a value out of the list.
  await keyboard.press('/');
  await keyboard.type('stat');
  const options = tab.getByRole('option');
  await options.first().waitFor();
  await keyboard.press('ArrowDown');
  assert.equal(await tab.getByRole('combobox').getAttribute('aria-activedescendant'), await options.first().getAttribute('id'));
  await keyboard.press('Enter');
  await until('the key is taken', async () => (await tab.getByRole('combobox').inputValue()) === 'status:');
  await tab.getByRole('option', { name: /^502/ }).waitFor();
  await keyboard.type('502');
  await keyboard.press('Enter');
  await until('only these are listed', async () => {
    const rows = await tab.locator('tr.line').allInnerTexts();
    return rows.length > 0 && rows.every((row) => row.includes('502'));
  });
  await keyboard.press('Escape');
  await keyboard.press('Escape');

  // Unfolded, down and up; two are marked.
  await keyboard.press('e');
  await keyboard.press('j');
  const first = await tab.locator('tr.selected').getAttribute('data-id');
  await keyboard.press('m');
  await keyboard.press('j');
  const second = await tab.locator('tr.selected').getAttribute('data-id');
  assert.notEqual(first, second);
  await keyboard.press('k');
  assert.equal(await tab.locator('tr.selected').getAttribute('data-id'), first);
  await keyboard.press('j');
  await keyboard.press('m');
  await keyboard.press('c');
  await until('the command is copied', async () => /^curl /.test(await tab.evaluate(() => navigator.clipboard.readText())));

  // `f` narrows by a value of the line.
  await keyboard.press('f');
  await tab.getByRole('dialog', { name: 'Filter by' }).waitFor();
  await keyboard.press('Enter');
  await until('the value is in the query', async () => /method:POST/.test(await tab.getByRole('combobox').inputValue()));

  await tab.locator('tr.line').first().waitFor();
  await keyboard.press('d');
  await tab.waitForURL(/\/compare\//);
  await tab.getByRole('heading', { level: 1, name: 'Compare' }).waitFor();
  await tab.goBack();
  await tab.locator('tr.line').first().waitFor();

  // Enter opens; the neighbours of the route; replay asks before it changes something.
  await keyboard.press('j');
  await keyboard.press('Enter');
  await tab.waitForURL(/\/r\//);
  await tab.getByRole('region', { name: 'Error', exact: true }).waitFor();
  const here = tab.url();
  await keyboard.press('[');
  await tab.waitForURL((url) => url.href !== here && url.pathname.startsWith('/r/'));
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await keyboard.press(']');
  await tab.waitForURL(here);
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await keyboard.press('r');
  const dialog = tab.getByRole('dialog', { name: 'Replay' });
  await dialog.getByText('POST may change').waitFor();
  assert.match(await focused(), /Send/);
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });

  // The other pages by their numbers, and the theme.
  for (const [number, name] of [['2', 'Errors'], ['3', 'Routes'], ['4', 'Running'], ['5', 'Health']]) {
    await keyboard.press(number);
    await tab.getByRole('heading', { level: 1, name }).waitFor();
  }
  await keyboard.press('t');
  await until('the theme is light', async () => (await tab.evaluate(() => document.documentElement.dataset.theme)) === 'light');
  await keyboard.press('1');
  await tab.locator('tr.line').first().waitFor();
  assert.equal(await tab.evaluate(() => document.documentElement.dataset.theme), 'light', 'the theme is remembered');
});
