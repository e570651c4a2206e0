// What single keys do. They are off while one writes, and can be switched off altogether.

import { recall, remember } from './memory.js';

let known = new Map();
/** Those that every page has. */
let common = null;
let on = recall('keys', true);

/** Says what a key does on this page: `bind('j', 'next request', call)`. */
export function bind(name, help, call) {
  known.set(name, { help, call });
}

/** From here on, what is bound is this page's alone. */
export function beginPage() {
  common = new Map(known);
}

/** Leaves a page: its keys are handed over for when it comes back, and those that every page has stay. */
export function leaveKeys() {
  const left = known;
  known = new Map(common);
  return left;
}

/** Those of a page that is back. */
export function returnKeys(left) {
  known = left;
}

/** All that are bound, in the order in which they were. */
export function bound() {
  return [...known].map(([name, { help }]) => ({ name, help }));
}

export function areOn() {
  return on;
}

export function switchKeys(to) {
  on = to;
  remember('keys', to);
}

function isWriting(element) {
  if (!element) return false;
  if (element.isContentEditable) return true;
  if (element.tagName === 'INPUT') return !['checkbox', 'radio', 'button'].includes(element.type);
  return element.tagName === 'TEXTAREA' || element.tagName === 'SELECT';
}

document.addEventListener('keydown', (event) => {
  if (!on || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isWriting(event.target) || document.querySelector('dialog[open]')) return;
  const found = known.get(event.key);
  if (!found) return;
  // A held key walks on, and does nothing else twice.
  if (event.repeat && !['j', 'k', 'ArrowDown', 'ArrowUp'].includes(event.key)) return;
  if (found.call(event) !== false) event.preventDefault();
});
