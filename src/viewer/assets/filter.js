// The filter box: a combobox whose list completes keys and observed values.

import { get } from './api.js';
import { freshId, h, later, button, key, fill } from './dom.js';
import { count } from './format.js';

/** The box. `onchange(text)` is called when another query is asked for: after a pause, or at once with Enter. */
export function filterBox({ value, onchange }) {
  const listId = freshId('suggestions');
  const input = h('input', {
    type: 'text', role: 'combobox', 'aria-label': 'Filter requests', 'aria-autocomplete': 'list', 'aria-expanded': 'false',
    'aria-controls': listId, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: 4096,
    placeholder: 'status:5xx route:/orders/{id} ms>300 or any text',
  });
  input.value = value;
  const list = h('ul.suggestions', { id: listId, role: 'listbox', 'aria-label': 'Suggestions', hidden: true });
  const clear = button('×', () => { set(''); input.focus(); }, { class: 'icon clear', 'aria-label': 'Clear the filter', title: 'Clear' });
  const hint = h('span.hint', { 'aria-hidden': 'true' }, key('/'));
  const box = h('div.filter', { role: 'search' }, h('span.glass', { 'aria-hidden': 'true' }), input, hint, clear, list);

  let told = value;
  let items = [];
  let chosen = -1;
  let asked = 0;
  const tell = () => {
    if (input.value.trim() === told.trim()) return;
    told = input.value;
    onchange(told);
  };
  const soon = later(350, tell);
  const draw = () => { clear.hidden = input.value === ''; hint.hidden = input.value !== ''; };
  draw();

  const close = () => {
    asked += 1;
    list.hidden = true;
    chosen = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const choose = (index) => {
    chosen = index;
    [...list.children].forEach((item, i) => item.setAttribute('aria-selected', String(i === index)));
    const item = list.children[index];
    if (item) {
      input.setAttribute('aria-activedescendant', item.id);
      item.scrollIntoView({ block: 'nearest' });
    } else input.removeAttribute('aria-activedescendant');
  };
  const take = (index) => {
    const { from, to, text } = items[index];
    input.value = input.value.slice(0, from) + text + input.value.slice(to).replace(/^ /, text.endsWith(' ') ? '' : ' ');
    const end = from + text.length;
    input.setSelectionRange(end, end);
    input.focus();
    draw();
    close();
    if (/[:=<>~]$/.test(text)) suggest();
    else tell();
  };
  const suggest = later(90, async () => {
    const mine = (asked += 1);
    const at = new TextEncoder().encode(input.value.slice(0, input.selectionStart)).length;
    let answer;
    try {
      answer = await get('api/complete', { q: input.value, at: String(at) });
    } catch {
      return;
    }
    if (mine !== asked || document.activeElement !== input) return;
    // Places are counted in bytes, as the grammar does.
    const encoded = new TextEncoder().encode(input.value);
    const place = (bytes) => new TextDecoder().decode(encoded.subarray(0, bytes)).length;
    // What one has chosen already stays so, also where the answer to the last letter comes late.
    const kept = items[chosen]?.text;
    items = answer.items.map((item) => ({ ...item, from: place(item.from ?? answer.from), to: place(item.to ?? answer.to) })).slice(0, 12);
    const same = items.length === 1 && input.value.slice(items[0].from, items[0].to) === items[0].text.trim();
    if (!items.length || same) return close();
    fill(list, items.map((item, index) =>
      h('li', { id: `${listId}-${index}`, role: 'option', 'aria-selected': 'false', onmousedown: (event) => { event.preventDefault(); take(index); } },
        h('span.label', item.label), item.help ? h('span.help', item.help) : null, item.count === null || item.count === undefined ? null : h('span.count', count(item.count)))));
    list.hidden = false;
    chosen = -1;
    input.setAttribute('aria-expanded', 'true');
    input.removeAttribute('aria-activedescendant');
    const again = items.findIndex((item) => item.text === kept);
    if (kept !== undefined && again >= 0) choose(again);
  });

  input.addEventListener('input', () => { draw(); suggest(); soon(); });
  input.addEventListener('focus', () => { if (input.value === '' || /[\s:]$/.test(input.value)) suggest(); });
  input.addEventListener('click', () => { if (list.hidden) suggest(); });
  input.addEventListener('blur', () => { close(); tell(); });
  input.addEventListener('keydown', (event) => {
    const open = !list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) return suggest();
      const n = items.length;
      choose(event.key === 'ArrowDown' ? (chosen + 1) % n : (chosen <= 0 ? n : chosen) - 1);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (open && chosen >= 0) take(chosen);
      else { close(); tell(); }
    } else if (event.key === 'Tab' && open && chosen >= 0 && !event.shiftKey) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (open) close();
      else input.blur();
    }
  });

  const set = (text) => {
    input.value = text;
    draw();
    close();
    tell();
  };
  return { box, input, set, read: () => input.value, focus: () => { input.focus(); input.select(); } };
}
