// What matches is deleted, and only whoever types how much it is deletes it; files come down as what they are called.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { api, assert, inBrowser, pictures, serious, until, visit } from './browser.mjs';

/** The names in a zip, by its directory at the end. */
function names(zip) {
  const end = zip.lastIndexOf('PK\u0005\u0006', undefined, 'latin1');
  const found = [];
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    assert.equal(zip.toString('latin1', at, at + 4), 'PK\u0001\u0002');
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    found.push(zip.toString('utf8', at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return found;
}

await inBrowser(async (tab, context) => {
  const count = async (query) => (await api(tab, `facets?key=status&q=${encodeURIComponent(query)}`)).matching;
  const { records: [one] } = await api(tab, 'events?limit=1&q=type:CheckoutError');

  // Files.
  await visit(tab, `/r/${one.id}`);
  const load = async (name) => {
    const [file] = await Promise.all([tab.waitForEvent('download'), tab.getByRole('link', { name, exact: true }).click()]);
    return [file.suggestedFilename(), await readFile(await file.path())];
  };
  const [harName, har] = await load('HAR');
  assert.equal(harName, `${one.short}.har`);
  const { log } = JSON.parse(har.toString('utf8'));
  assert.equal(log.entries.length, 1);
  assert.equal(log.entries[0].response.status, one.status);
  const [zipName, zip] = await load('Zip');
  assert.equal(zipName, `${one.short}.zip`);
  assert.deepEqual(names(zip).sort(), ['manifest.json', 'records.jsonl', 'requests.har', 'requests.txt']);
  await tab.getByRole('button', { name: 'Copy as HTTPie' }).click();
  await until('it is copied', async () => /^http .*\/checkout/s.test(await tab.evaluate(() => navigator.clipboard.readText())));
  await tab.getByRole('button', { name: 'Copy as Rust test' }).click();
  await until('it is copied', async () => /async fn [^]*\/checkout/.test(await tab.evaluate(() => navigator.clipboard.readText())));

  // Deleting without a filter, and by what is no query, deletes nothing.
  await visit(tab, '/');
  const dialog = tab.getByRole('dialog', { name: 'Delete what matches' });
  const open = () => tab.getByRole('button', { name: 'Delete what matches' }).click();
  await open();
  await dialog.getByText('Filter first').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await visit(tab, `/?q=${encodeURIComponent('stauts:404')}`);
  await tab.getByText('Taken as text').waitFor();
  await open();
  await dialog.getByText('Nothing was deleted').waitFor();
  await tab.keyboard.press('Escape');

  // In every look; only the count opens the way.
  const gone = 'status:404';
  const [all, matching] = [await count(''), await count(gone)];
  assert.ok(matching > 1);
  const found = [];
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 400]) {
      const other = await (await context.browser().newContext({ colorScheme, viewport: { width, height: 800 }, storageState: await context.storageState() })).newPage();
      await visit(other, `/?q=${encodeURIComponent(gone)}`);
      await other.getByRole('button', { name: 'Delete what matches' }).click();
      await other.getByLabel(`Type ${matching} to delete`).waitFor();
      found.push(...await serious(other, `delete ${width} ${colorScheme}`));
      await other.screenshot({ path: join(pictures, `delete-${width}-${colorScheme}.png`) });
      await visit(other, `/r/${one.id}#replay`);
      await other.getByText('It goes to').waitFor();
      found.push(...await serious(other, `replay ${width} ${colorScheme}`));
      await other.screenshot({ path: join(pictures, `replay-${width}-${colorScheme}.png`) });
      await other.context().close();
    }
  }
  assert.deepEqual(found, []);

  await visit(tab, `/?q=${encodeURIComponent(gone)}`);
  await tab.locator('tr.line').first().waitFor();
  await open();
  const go = dialog.getByRole('button', { name: `Delete ${matching} records` });
  await go.waitFor();
  await tab.keyboard.press('Enter');
  await tab.keyboard.type(String(matching + 1));
  await tab.keyboard.press('Enter');
  assert.ok(await go.isDisabled());
  await tab.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await count(gone), matching, 'nothing was deleted');

  // With the keyboard alone, it is done.
  await open();
  await go.waitFor();
  await tab.keyboard.type(String(matching));
  assert.ok(await go.isEnabled());
  await tab.keyboard.press('Enter');
  await dialog.getByText(`${matching} records deleted.`).waitFor();
  await tab.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await tab.getByText('Nothing matches').waitFor();
  assert.deepEqual([await count(gone), await count('')], [0, all - matching]);
});
