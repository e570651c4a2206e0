// A browser for one case: every address that it asks for and every dialog is kept, and judged at the end.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(join(process.env.PACKAGES, 'node_modules', 'x.js'));
const { chromium } = require('playwright-core');
const axe = require('axe-core').source;
export { assert };

export const page = new URL(process.env.PAGE);
export const application = process.env.APPLICATION;
export const pictures = process.env.PICTURES;

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Runs the case in a browser that was let in by the address with the token. */
export async function inBrowser(run, options = {}) {
  mkdirSync(pictures, { recursive: true });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: FLAGS });
  const trouble = [];
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'], ...options });
    context.setDefaultTimeout(20_000);
    const tab = await context.newPage();
    watch(tab, trouble);
    context.on('page', (other) => watch(other, trouble));
    await tab.goto(page.href);
    assert.equal(new URL(tab.url()).search, '', 'the token has left the address');
    await run(tab, context);
    assert.deepEqual(trouble, [], 'nothing foreign was asked for, and nothing went wrong in the page');
  } catch (error) {
    const [tab] = browser.contexts()[0]?.pages() ?? [];
    if (tab) {
      console.log('at', tab.url());
      await tab.screenshot({ path: join(pictures, 'failed.png') }).catch(() => {});
    }
    if (trouble.length) console.log(trouble.join('\n'));
    throw error;
  } finally {
    await browser.close();
  }
}

function watch(tab, trouble) {
  tab.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== page.origin) trouble.push(`asked for ${request.url().slice(0, 200)}`);
  });
  tab.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  tab.on('pageerror', (error) => trouble.push(`error: ${error.stack}`));
  tab.on('console', (message) => {
    if (message.type() === 'error' && !/status of (404|409|422|400)/.test(message.text())) trouble.push(`console: ${message.text()} ${message.location().url}`);
  });
}

/** A request of the application, ended when this returns. */
export async function ask(path, options) {
  const response = await fetch(application + path, options);
  const body = await response.text();
  return { response, body, link: response.headers.get('x-campanile-link') };
}

/** Goes to a page of the viewer. */
export async function visit(tab, path) {
  await tab.goto(page.origin + path);
}

/** Asks its API, as the page does. */
export async function api(tab, path) {
  return (await tab.context().request.get(`${page.origin}/api/${path}`)).json();
}

/** What axe has to say of the page as it stands: what is serious comes back, the rest is printed. */
export async function serious(tab, where) {
  // Evaluated by the debugger, which the page's own policy does not bind.
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const found = [];
  for (const one of violations) {
    const line = `${where}: ${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary?.split('\n')[1] ?? ''}`).join(' | ')}`;
    if (['serious', 'critical'].includes(one.impact)) found.push(line);
    else console.log(line);
  }
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) found.push(`${where}: ${wide} pixels wider than the window`);
  return found;
}

/** Waits until `check` is true, as long as everything waits. */
export async function until(what, check) {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (await check()) return;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  assert.fail(`never: ${what}`);
}
