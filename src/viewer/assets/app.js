// The page: finds out which one it is, and hands over.

import { here } from './api.js';
import { frame, trouble } from './frame.js';
import { fill } from './dom.js';
import { listPage } from './list.js';

const PAGES = [
  [/^$/, listPage],
];

const place = frame();
const path = decodeURI(here());
const [page, parts] = find(path);
try {
  Promise.resolve(page(place, ...parts)).catch((error) => fill(place.main, trouble(error)));
} catch (error) {
  fill(place.main, trouble(error));
}

function find(name) {
  for (const [pattern, page] of PAGES) {
    const match = pattern.exec(name);
    if (match) return [page, match.slice(1)];
  }
  return [({ main }) => fill(main, trouble({ status: 404, message: 'There is no such page.' })), []];
}
