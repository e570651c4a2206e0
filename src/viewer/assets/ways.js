// Ways between the list and its requests: the document stays, so that a request is there at once, and the list is as it was left.

import { here, href } from './api.js';
import { fill, h, put } from './dom.js';
import { title, trouble } from './frame.js';
import { leaveKeys, returnKeys } from './keys.js';

const REQUEST = /^r\/([^/.]+)$/;

let place = null;
let open = null;
/** The path that is shown, where ways lead from it. */
let shown = null;
/** The list that is shown, or was left. */
let list = null;

/** Says what is shown: `list` rests and resumes, where it is the list; `request(place, id)` shows a request. */
export function begin(given, { list: rests, request }) {
  place = given;
  open = request;
  const path = decodeURI(here());
  if (path === '') list = { rests };
  if (path === '' || REQUEST.test(path)) shown = path;
}

/** Goes to a page. */
export function go(path) {
  if (shown === null || !REQUEST.test(path.split('#')[0])) {
    location.href = href(path);
    return;
  }
  history.pushState(null, '', href(path));
  follow();
}

/** Goes back to the list as it was left; false where there is none. */
export function back() {
  if (!list?.left) return false;
  history.pushState(null, '', list.left.address);
  follow();
  return true;
}

/** Shows what the address names. */
function follow() {
  const path = decodeURI(here());
  if (shown === null || path === shown) return;
  const id = REQUEST.exec(path)?.[1];
  if (id) request(id);
  else if (path === '' && list?.left) returned();
  else location.reload();
}

function request(id) {
  if (shown === '') leave();
  else leaveKeys();
  shown = `r/${id}`;
  const main = show(h('main', { id: 'app', tabindex: '-1' }));
  title(id);
  put(main, h('h1', 'Request ', h('code', id)), h('p.dim', 'reading…'));
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
  open(place, id).catch((error) => fill(main, trouble(error))).then(mark);
}

function leave() {
  list.rests.rest();
  const focus = place.main.contains(document.activeElement) ? document.activeElement : null;
  list.left = { address: list.rests.address(), main: place.main, aside: [...place.aside.childNodes], keys: leaveKeys(), y: scrollY, focus };
  fill(place.aside);
}

function returned() {
  const { main, aside, keys, y, focus } = list.left;
  list.left = null;
  shown = '';
  returnKeys(keys);
  show(main);
  fill(place.aside, aside);
  title('Requests');
  list.rests.resume();
  scrollTo(0, y);
  (focus ?? main).focus({ preventScroll: true });
  mark();
}

/** Puts it in the place of what is shown. */
function show(main) {
  for (const box of document.querySelectorAll('dialog[open]')) box.close();
  place.main.replaceWith(main);
  place = { ...place, main };
  return main;
}

/** For whoever looks at the browser's timeline. */
function mark() {
  requestAnimationFrame(() => performance.mark('shown'));
}

addEventListener('popstate', follow);
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || !isPlain(event)) return;
  const link = event.target.closest?.('a[href]');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  const path = link.pathname.slice(href('').length);
  if (shown === null || link.search || !link.pathname.startsWith(href('')) || !REQUEST.test(decodeURI(path))) return;
  event.preventDefault();
  go(path + link.hash);
});

/** Whether a click asks for the page here, and not in another tab. */
export function isPlain(event) {
  return event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}
