// From "something fails" to why, and to a command that shows it again.

import { execFileSync } from 'node:child_process';
import { get } from 'node:http';

import { application, ask, assert, inBrowser, until, visit } from './browser.mjs';

await inBrowser(async (tab) => {
  // By typing, with what is offered.
  const box = tab.getByRole('combobox', { name: 'Filter requests' });
  await box.click();
  await box.pressSequentially('type:');
  const options = tab.getByRole('option');
  await tab.getByRole('option', { name: /CheckoutError/ }).waitFor();
  assert.ok((await options.count()) >= 1);
  await box.pressSequentially('CheckoutError');
  await box.press('Enter');
  await until('only checkouts are listed', async () => {
    const rows = await tab.locator('tr.line').allInnerTexts();
    return rows.length > 0 && rows.every((row) => row.includes('CheckoutError'));
  });
  assert.match(new URL(tab.url()).search, /CheckoutError/);
  await tab.locator('tr.line a').first().click();

  // Its error first, above the fold.
  const error = tab.getByRole('region', { name: 'Error', exact: true });
  await error.waitFor();
  const place = await error.locator('.message').boundingBox();
  assert.ok(place.y + place.height < 800, 'the error is seen without scrolling');
  const text = await error.innerText();
  assert.match(text, /CheckoutError: checkout of order \d+ failed/);
  assert.match(text, /caused by/);
  assert.match(text, /examples\/shop\/checkout\.rs:\d+/);
  assert.match(text, /library frames? hidden/);
  await error.locator('.source .here').first().waitFor();
  assert.match(await error.locator('a.editor').first().getAttribute('href'), /^vscode:\/\/file\/.*checkout\.rs:\d+:\d+$/);
  await tab.getByRole('button', { name: /library frames? hidden/ }).click();
  await tab.getByRole('button', { name: 'hide library frames' }).waitFor();

  // Events in line, bodies, what was taken out.
  assert.match(await tab.getByRole('region', { name: 'Timeline' }).innerText(), /DEBUG\s+asking the payment provider/);
  const request = tab.getByRole('region', { name: 'Request', exact: true });
  assert.match(await request.innerText(), /"card": "REDACTED"/);
  await request.getByRole('button', { name: 'Hex' }).click();
  assert.match(await request.innerText(), /000000 {2}7b/);
  await request.getByRole('button', { name: 'Raw', exact: true }).click();
  await request.getByRole('searchbox').fill('card');
  await request.getByText('1 hit').waitFor();
  assert.match(await tab.getByRole('region', { name: 'Response', exact: true }).innerText(), /checkout of order \d+ failed/);
  assert.match(await tab.getByRole('region', { name: 'Redacted' }).innerText(), /payment card/);
  await until('it was compared', async () => /other/i.test(await tab.getByRole('region', { name: 'What is different' }).locator('> :last-child').innerText()));

  // The raw record, and the plain text.
  await tab.getByRole('region', { name: 'Raw record' }).getByRole('button', { name: 'Show' }).click();
  await tab.getByRole('region', { name: 'Raw record' }).locator('pre').waitFor();
  const plain = await tab.context().request.get(`${tab.url()}.txt`);
  assert.match(await plain.text(), /CheckoutError/);

  // Of a request that reads: the command runs as it was pasted, and replay shows what is different.
  await ask('/products/5', { headers: { accept: "text/it's" } });
  await visit(tab, `/?q=${encodeURIComponent('path:/products/5')}`);
  await tab.locator('tr.line a').first().click();
  await tab.getByRole('button', { name: 'Copy as curl' }).click();
  await until('the command is copied', async () => /^curl /.test(await tab.evaluate(() => navigator.clipboard.readText())));
  const command = await tab.evaluate(() => navigator.clipboard.readText());
  const output = execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  assert.match(output, /"id":\s*5/, command);
  for (const [name, start] of [['Copy as HTTPie', /^http /], ['Copy as Rust test', /#\[(tokio::)?test\]/]]) {
    await tab.getByRole('button', { name }).click();
    await until(name, async () => start.test(await tab.evaluate(() => navigator.clipboard.readText())));
  }

  // Where it goes stands there before it is sent, and again where it is.
  await tab.getByText(`Replay sends to ${application}`).waitFor();
  await tab.getByRole('button', { name: 'Replay', exact: true }).click();
  const dialog = tab.getByRole('dialog', { name: 'Replay' });
  await dialog.getByText(`It goes to ${application}`).waitFor();
  await dialog.getByText(/^before|before: 200/).waitFor();
  assert.match(await dialog.innerText(), /200 in [\d.]+ m?s/);
  await dialog.getByText('body: the same').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();

  await tab.getByRole('button', { name: 'Edit and replay' }).click();
  await dialog.getByLabel('Path and query').fill('/products/999999');
  await dialog.getByRole('button', { name: 'Send' }).click();
  await dialog.getByRole('row', { name: /status 200 404/ }).waitFor();
  assert.match(await dialog.locator('.diff').innerText(), /removed/);
  await dialog.getByRole('button', { name: 'Close' }).click();

  // What was asked of another name is not sent from here, and it is said why.
  await new Promise((resolve, reject) => { get(`${application}/products/6`, { headers: { host: 'shop.example' } }, (response) => response.resume().on('end', resolve)).on('error', reject); });
  await visit(tab, `/?q=${encodeURIComponent('host:shop.example')}`);
  await tab.locator('tr.line a').first().click();
  await tab.getByText('Not replayed from here: it was sent to http://shop.example:80, and would leave this machine').waitFor();
  assert.ok(await tab.getByRole('button', { name: 'Replay', exact: true }).isDisabled());
  await tab.keyboard.press('r');
  await tab.getByText('Not sent: it was sent to http://shop.example:80').first().waitFor();
  assert.equal(await dialog.count(), 0);
});
