// What stands around every page: the way to the others, the theme, the help, and the voice for screen readers.

import { here, href } from './api.js';
import { button, h, key } from './dom.js';
import { areOn, beginPage, bind, bound, switchKeys } from './keys.js';

const PAGES = [
  ['', 'Requests'],
  ['errors', 'Errors'],
  ['routes', 'Routes'],
  ['running', 'Running'],
  ['health', 'Health'],
];

const voice = h('div.unseen', { role: 'status', 'aria-live': 'polite' });
const note = h('div.toast', { 'aria-hidden': 'true' });
let noteTimer = 0;

/** Says it to a screen reader and shows it for a moment; for what one asked for, never for what happens by itself. */
export function say(text, { aloud = true } = {}) {
  if (aloud) voice.textContent = text;
  note.textContent = text;
  note.classList.add('shown');
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => note.classList.remove('shown'), 2600);
}

/** Says it to a screen reader alone. */
export function whisper(text) {
  voice.textContent = text;
}

/** Puts the frame around `main`. `aside` is where a page puts what belongs beside the way to the others. */
export function frame() {
  const main = document.getElementById('app');
  main.tabIndex = -1;
  const place = here().split('/')[0];
  const current = place === 'r' || place === 'compare' ? '' : place;
  const aside = h('div.aside');
  const links = PAGES.map(([path, label], index) =>
    h('li', h('a', { href: href(path), 'aria-current': path === current ? 'page' : null, title: `${label} (${index + 1})` }, label)),
  );
  for (const old of document.querySelectorAll('body > header, body > nav')) old.remove();
  document.body.prepend(
    h('a.skip', { href: '#app', onclick: (event) => { event.preventDefault(); document.getElementById('app').focus(); } }, 'Skip to content'),
    h('header.top',
      h('a.brand', { href: href(''), 'aria-label': 'Campanile, requests' }, h('span.mark', { 'aria-hidden': 'true' }), h('span', 'Campanile')),
      h('nav', { 'aria-label': 'Pages' }, h('ul', links)),
      aside,
      h('div.tools', themeSwitch(), button('?', help, { class: 'icon', 'aria-label': 'Keyboard shortcuts', title: 'Keyboard shortcuts (?)' })),
    ),
  );
  document.body.append(voice, note);
  PAGES.forEach(([path, label], index) => bind(String(index + 1), label.toLowerCase(), () => { location.href = href(path); }));
  bind('?', 'this help', help);
  beginPage();
  return { main, aside };
}

/** What the page is called, also in the browser's list of tabs. */
export function title(text) {
  document.title = text ? `${text} · Campanile` : 'Campanile';
}

const THEMES = ['auto', 'light', 'dark'];

function themeSwitch() {
  const root = document.documentElement;
  let now = root.dataset.theme ?? 'auto';
  const control = button('', () => set(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]), { class: 'icon' });
  const set = (to) => {
    now = to;
    if (to === 'auto') delete root.dataset.theme;
    else root.dataset.theme = to;
    try {
      if (to === 'auto') localStorage.removeItem('campanile.theme');
      else localStorage.setItem('campanile.theme', to);
    } catch {
      // Not remembered.
    }
    draw();
    document.dispatchEvent(new Event('theme'));
  };
  const draw = () => {
    control.textContent = { auto: '◐', light: '☀', dark: '☾' }[now];
    control.setAttribute('aria-label', `Theme: ${now === 'auto' ? 'as the system' : now}`);
    control.title = `Theme: ${now === 'auto' ? 'as the system' : now} (t)`;
  };
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new Event('theme')));
  bind('t', 'theme: as the system, light, dark', () => { control.click(); say(control.getAttribute('aria-label')); });
  return control;
}

/** A dialog: `open(title, body)` → the dialog, closed by Escape, its button and a click beside it. */
export function dialog(heading, body, { wide = false } = {}) {
  const before = document.activeElement;
  const name = h('h2', { id: 'dialog-title' }, heading);
  const box = h(`dialog${wide ? '.wide' : ''}`, { 'aria-labelledby': 'dialog-title' },
    h('div.dialog-head', name, button('×', () => box.close(), { class: 'icon', 'aria-label': 'Close' })),
    body);
  box.addEventListener('close', () => {
    box.remove();
    if (before?.isConnected) before.focus();
  });
  box.addEventListener('click', (event) => { if (event.target === box) box.close(); });
  document.body.append(box);
  box.showModal();
  return box;
}

function help() {
  const toggle = h('input', { type: 'checkbox', checked: areOn(), onchange: () => switchKeys(toggle.checked) });
  const rows = bound().filter(({ help: text }) => text);
  dialog('Keyboard', h('div.dialog-body',
    h('dl.keys', rows.map(({ name, help: text }) => h('div', h('dt', key(name)), h('dd', text)))),
    h('p', h('label', toggle, ' single keys are on')),
    h('p.dim', 'In the filter box: arrows and Enter take a suggestion, Escape closes the list, Escape again leaves the box.'),
  ));
}

/** What went wrong, in the place of what was asked for. */
export function trouble(error, again) {
  return h('div.trouble', { role: 'alert' },
    h('strong', error?.status === 404 ? 'Nothing found' : 'This did not work'),
    h('p', error?.message ?? String(error)),
    error?.hint ? h('p.dim', error.hint) : null,
    again ? button('Try again', again) : null);
}

/** A panel with a heading and an anchor. */
export function panel(id, heading, extra, ...body) {
  const name = `${id}-title`;
  return h('section.panel', { id, 'aria-labelledby': name },
    h('div.panel-head', h('h2', { id: name }, h('a.anchor', { href: `#${id}` }, heading)), extra),
    body);
}

/** Puts a text into the clipboard, also where the browser does not let scripts do so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    const area = h('textarea', { rows: 10, readonly: true, 'aria-label': what });
    area.value = text;
    dialog(`Copy ${what}`, h('div.dialog-body', h('p', 'The browser does not let this page copy; the text is selected:'), area));
    area.select();
  }
}

