// Deletes what matches for good: says how much that is, and asks for that number before it does it.

import { post } from './api.js';
import { button, fill, h } from './dom.js';
import { bytes, count, several } from './format.js';
import { dialog } from './frame.js';

/** Opens the dialog; `ondone` is called when something was deleted. */
export function purge(query, ondone) {
  const asked = query.trim();
  const content = h('div.dialog-body');
  const box = dialog('Delete what matches', content);
  const close = (label = 'Cancel') => button(label, () => box.close());
  const says = h('div.purge-says', { role: 'status' });
  const explain = (...parts) => fill(content, parts, h('p.dialog-buttons', close('Close')));
  if (!asked) {
    explain(h('p', 'Filter first: what the filter matches is deleted, not only what the list shows of it.'), h('p.dim', 'To delete everything, filter by a time, such as ', h('code', 'until:0s'), '.'));
    return;
  }
  let found = null;

  const left = (list) => (list?.length ? h('ul.warnings', h('li', 'These files cannot be looked into, and may hold some of it:'), list.map((text) => h('li.warn', text))) : null);
  const refused = (error) => explain(h('div.trouble', { role: 'alert' }, h('strong', 'Nothing was deleted'), h('p', error.message), error.hint ? h('p.dim', error.hint) : null));

  const look = async () => {
    fill(content, h('p', h('code.asked', asked)), fill(says, h('p.dim', 'counting…')), h('p.dialog-buttons', close()));
    try {
      found = await post('api/purge', { q: asked });
      confirm();
    } catch (error) {
      refused(error);
    }
  };

  const confirm = (why) => {
    const number = String(found.count);
    if (found.count === 0 || found.refused) {
      explain(h('p', h('code.asked', asked)), h('p', several(found.count, 'record'), found.count === 1 ? ' matches.' : ' match.'),
        found.refused ? h('div.trouble', h('strong', 'They cannot be deleted from here'), h('p', found.refused)) : null, left(found.left));
      return;
    }
    const field = h('input', { id: 'purge-count', inputmode: 'numeric', autocomplete: 'off', spellcheck: 'false', size: Math.max(8, number.length + 2), 'aria-describedby': 'purge-what' });
    const isTyped = () => field.value.replace(/[\s,.'’_\u00a0\u202f]/g, '') === number;
    const go = button(`Delete ${several(found.count, 'record')}`, () => remove(), { class: 'danger', disabled: true });
    field.addEventListener('input', () => { go.disabled = !isTyped(); });
    field.addEventListener('keydown', (event) => { if (event.key === 'Enter' && isTyped()) remove(); });
    fill(content,
      h('p', h('code.asked', asked)),
      fill(says, why ? h('p.warn', why) : null,
        h('p', { id: 'purge-what' }, h('strong', several(found.count, 'record'), found.count === 1 ? ' matches.' : ' match.'), ' Deleting is for good: afterwards no file of ', h('code', found.directory), ' holds anything of it.'),
        left(found.left)),
      h('p.purge-line', h('label', { for: 'purge-count' }, 'Type ', h('strong.mono', number), ' to delete'), field),
      h('p.dialog-buttons', close(), go));
    field.focus();
  };

  const remove = async () => {
    fill(content, h('p', h('code.asked', asked)), fill(says, h('p', `deleting ${several(found.count, 'record')}… In a large store this takes a while, and goes on when this page is closed.`)));
    // What held the focus is gone.
    box.tabIndex = -1;
    box.focus();
    try {
      const done = await post('api/purge', { q: asked, count: found.count, as_of: found.as_of });
      fill(content, fill(says,
        h('p', h('strong', `${several(done.records, 'record')} deleted.`), ` ${bytes(done.bytes_freed)} freed${done.groups ? `, ${several(done.groups, 'group')} of errors gone with them` : ''}.`),
        left(done.left)), h('p.dialog-buttons', close('Close')));
      content.querySelector('.dialog-buttons button').focus();
      ondone(done);
    } catch (error) {
      if (error.answer?.count === undefined) return refused(error);
      found = { ...found, ...error.answer };
      confirm(`Nothing was deleted: it is ${count(found.count)} by now.`);
    }
  };
  look();
}
