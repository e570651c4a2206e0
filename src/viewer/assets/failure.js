// An error: what it is, what caused it, where it came from, with the lines of source when they are at hand.

import { href } from './api.js';
import { button, h } from './dom.js';
import { several, shortType } from './format.js';
import { recall, remember } from './memory.js';
import { long, plain } from './text.js';

const EDITORS = {
  'VS Code': (path, line, column) => `vscode://file/${encodeURI(path.replace(/^\//, ''))}:${line}:${column}`,
  Cursor: (path, line, column) => `cursor://file/${encodeURI(path.replace(/^\//, ''))}:${line}:${column}`,
  Zed: (path, line, column) => `zed://file/${encodeURI(path.replace(/^\//, ''))}:${line}:${column}`,
  JetBrains: (path, line, column) => `idea://open?file=${encodeURIComponent(path)}&line=${line}&column=${column}`,
};

/** The parts of an error's panel, to be put below its heading. */
export function failure(error, { main = true } = {}) {
  const type = error.type ?? error.kind ?? 'error';
  const short = shortType(type);
  const own = (error.backtrace ?? []).filter((frame) => frame.own);
  const place = error.place;
  const isThere = (frame) => frame.line === place.line && (frame.file === place.file || frame.file?.endsWith(`/${place.file}`));
  const first = place && !own.some(isThere) ? [{ ...place, function: null, own: true }] : [];
  return h('div.failure',
    h(main ? 'p.message' : 'p.message.minor', h('strong', short), error.message ? [': ', long(error.message)] : null),
    type !== short ? h('p.dim.mono', type) : null,
    error.causes?.length ? h('ol.causes', error.causes.map((cause) => h('li', h('span.dim', 'caused by '), cause.type ? h('code', `${shortType(cause.type)}: `) : null, long(cause.message)))) : null,
    error.spans?.length ? h('p.trail.dim', 'in ', error.spans.map((span, i) => [i ? ' › ' : '', h('code', span.name, (span.fields ?? []).length ? `{${span.fields.map(([n, v]) => `${n}=${plain(v)}`).join(' ')}}` : '')])) : null,
    frames([...first, ...(error.backtrace ?? [])]),
    error.backtrace_text ? h('details', h('summary', 'Backtrace'), h('pre.raw', { tabindex: 0 }, error.backtrace_text)) : null);
}

/** Own frames open, those of libraries behind a button. */
function frames(list) {
  if (!list.length) return null;
  const libraries = list.filter((frame) => !frame.own).length;
  const box = h('ol.frames', { class: `frames${list.some((frame) => frame.own) ? '' : ' all'}` }, list.map(frame));
  const toggle = libraries && !box.classList.contains('all') ? button('', () => {
    box.classList.toggle('all');
    tell();
  }, { class: 'link' }) : null;
  const tell = () => {
    if (!toggle) return;
    const shown = box.classList.contains('all');
    toggle.textContent = shown ? 'hide library frames' : `${several(libraries, 'library frame')} hidden`;
    toggle.setAttribute('aria-expanded', String(shown));
  };
  tell();
  return [box, toggle ? h('p.hidden-frames', toggle, list.some((one) => one.path) ? editorChoice() : null) : list.some((one) => one.path) ? h('p.hidden-frames', editorChoice()) : null];
}

function frame(one) {
  const at = [one.file?.replace(/^\.\//, ''), one.line].filter((part) => part !== null && part !== undefined).join(':');
  return h(`li${one.own ? '.own' : '.library'}`,
    h('div.where',
      h('span.at.mono', at || '?'), one.function ? h('code.fn', { title: one.function }, bare(one.function)) : null,
      one.path ? editorLink(one) : null,
      one.changed ? h('em', 'the file has changed since') : null),
    one.source?.length ? source(one.source, one.line) : null);
}

/** A function's name without what it is generic over. */
function bare(name) {
  let depth = 0;
  let out = '';
  for (const char of name.replace(/->/g, '→')) {
    if (char === '<') depth += 1;
    else if (char === '>') depth = Math.max(0, depth - 1);
    else if (depth === 0) out += char;
  }
  return out.replace(/::(::)+/g, '::').replace(/^::|::$/g, '') || name;
}

function source(lines, here) {
  return h('pre.source', { tabindex: 0, role: 'region', 'aria-label': `source around line ${here}` }, lines.map(([number, text]) =>
    h(number === here ? 'span.code-line.here' : 'span.code-line', h('span.number', { 'aria-hidden': 'true' }, number), number === here ? h('span.unseen', 'here: ') : null, `${text}\n`)));
}

function editorLink(one) {
  const link = h('a.editor', { title: one.path }, 'open in editor');
  const aim = () => { link.href = (EDITORS[recall('editor', 'VS Code')] ?? EDITORS['VS Code'])(one.path, one.line ?? 1, one.column ?? 1); };
  aim();
  document.addEventListener('editor', aim);
  return link;
}

function editorChoice() {
  const choice = h('select', { 'aria-label': 'Editor', onchange: () => { remember('editor', choice.value); document.dispatchEvent(new Event('editor')); } },
    Object.keys(EDITORS).map((name) => h('option', { selected: name === recall('editor', 'VS Code') }, name)));
  return h('label.editor-choice', 'editor ', choice);
}

/** A link to the page of a group. */
export function groupLink(group, text) {
  return h('a', { href: href(`errors/${group}`) }, text ?? `group ${group.slice(0, 8)}`);
}
