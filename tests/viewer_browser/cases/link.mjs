// One click from an answer: its header names the page of its request.

import { application, ask, assert, inBrowser, page } from './browser.mjs';

await inBrowser(async (tab, context) => {
  const { response, link } = await ask('/products/3?colour=brass', { headers: { authorization: 'Bearer not-to-be-seen' } });
  assert.equal(response.status, 200);
  assert.ok(link, 'the answer has a link');
  assert.equal(new URL(link).origin, page.origin);
  assert.ok(!link.includes('token'), 'the link carries no token');

  await tab.goto(link);
  await tab.getByRole('heading', { level: 1, name: /GET.*\/products\/3/ }).waitFor();
  await tab.getByText('colour', { exact: true }).first().waitFor();
  assert.match(await tab.getByRole('region', { name: 'Request', exact: true }).innerText(), /authorization\s+‹redacted/);
  assert.ok(!(await tab.content()).includes('not-to-be-seen'), 'secrets stay out');
  assert.match(await tab.getByRole('region', { name: 'Timeline' }).innerText(), /product/);

  // A browser that was not let in is asked for the token once, and comes to the same page.
  const token = page.searchParams.get('token');
  const other = await (await context.browser().newContext()).newPage();
  await other.goto(link);
  await other.getByLabel('Token').fill(token);
  await other.getByRole('button').click();
  await other.getByRole('heading', { level: 1, name: /GET.*\/products\/3/ }).waitFor();
  assert.ok(!other.url().includes(token));
  assert.ok(application.startsWith('http://127.0.0.1'));
});
