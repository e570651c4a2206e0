// Beside the build before, in one click; what a request left behind; and one that has no record yet.

import { api, assert, inBrowser, serious, until, visit } from './browser.mjs';

await inBrowser(async (tab) => {
  const row = async (query) => (await api(tab, `events?limit=1&q=${encodeURIComponent(query)}`)).records[0];
  const [before, failed] = [await row('path:/orders/7'), await row('path:/orders/9')];

  await visit(tab, `/r/${failed.id}`);
  const later = tab.getByRole('region', { name: 'Later' });
  await later.waitFor();
  const text = await later.innerText();
  assert.match(text, /INFO .*mail is out/);
  assert.match(text, /span {3}send in .*to=<b>ada<\/b>/);
  assert.deepEqual(await serious(tab, 'later'), []);

  await tab.getByRole('button', { name: 'Compare with the last build' }).click();
  await tab.waitForURL(new RegExp(`/compare/${before.id}/${failed.id}`));
  await tab.getByText('Before is the newest GET /orders/{id} under another release, 1.4.1 (now 1.4.2), that ended well').waitFor();
  assert.deepEqual(await serious(tab, 'compare'), []);
  await tab.getByRole('row', { name: /status 200 500/ }).waitFor();

  // The first one has none before it, and that is said.
  await visit(tab, `/r/${before.id}`);
  await tab.getByRole('region', { name: 'Timeline' }).waitFor();
  await tab.keyboard.press('b');
  await tab.getByText('No build before this one (1.4.1) served GET /orders/{id}').waitFor();
  assert.deepEqual(await serious(tab, 'none before'), []);

  // What runs is told in the words of the text page.
  let hanging;
  await until('it is reported', async () => { hanging = (await api(tab, 'running')).running.find((one) => one.path === '/hangs'); return hanging; });
  await visit(tab, `/r/${hanging.id}`);
  await tab.getByText(/still running; what is shown was known after .* · process shop/).first().waitFor();
  const plain = await (await tab.context().request.get(`${tab.url()}.txt`)).text();
  assert.match(plain, /still running; what is shown was known after/);
});
