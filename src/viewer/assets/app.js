// The page: finds out which one it is, and hands over.

import { here } from './api.js';
import { frame, trouble } from './frame.js';
import { fill, h } from './dom.js';
import { comparePage } from './compare.js';
import { errorsPage, groupPage } from './errors.js';
import { healthPage } from './health.js';
import { listPage } from './list.js';
import { requestPage } from './request.js';
import { routesPage } from './routes.js';
import { runningPage } from './running.js';
import { begin } from './ways.js';

const PAGES = [
  [/^$/, listPage],
  [/^r\/([^/]+)$/, requestPage],
  [/^errors$/, errorsPage],
  [/^errors\/([^/]+)$/, groupPage],
  [/^routes$/, routesPage],
  [/^running$/, runningPage],
  [/^health$/, healthPage],
  [/^compare\/([^/]+)\/([^/]+)$/, comparePage],
];

const place = frame();
const path = decodeURI(here());
place.main.className = 'page';
const [page, parts] = find(path);
try {
  const made = page(place, ...parts);
  begin(place, { list: made, request: requestPage });
  Promise.resolve(made).catch((error) => fill(place.main, trouble(error)));
} catch (error) {
  fill(place.main, trouble(error));
}

function find(name) {
  for (const [pattern, page] of PAGES) {
    const match = pattern.exec(name);
    if (match) return [page, match.slice(1)];
  }
  return [({ main }) => fill(main, h('h1', { class: 'unseen' }, 'Nothing here'), trouble({ status: 404, message: 'There is no such page.' })), []];
}
