// Sends a request again to where the application runs, as it was or edited, and shows how the answers differ.

import { href, post } from './api.js';
import { button, fill, h } from './dom.js';
import { differenceTable, textDiff } from './diff.js';
import { duration } from './format.js';
import { dialog, say } from './frame.js';
import { plain } from './text.js';

/** Headers that the connection sets. */
const OWN = ['host', 'content-length', 'connection', 'transfer-encoding', 'x-request-id', 'traceparent', 'tracestate'];

/** Opens the dialog. What only reads is sent at once unless it is to be edited; what goes nowhere from here is said. */
export function replay(record, { edit = false } = {}) {
  if (!record.replay?.to) {
    say(`Not sent: ${record.replay?.refused ?? 'it is no request'}`);
    return;
  }
  const reads = ['GET', 'HEAD', 'OPTIONS'].includes(record.method);
  const method = h('input', { value: record.method ?? 'GET', 'aria-label': 'Method', class: 'method', spellcheck: 'false' });
  const path = h('input', { value: [record.path, record.query].filter(Boolean).join('?'), 'aria-label': 'Path and query', class: 'path', spellcheck: 'false' });
  const known = (record.request?.headers ?? []).filter(([name, value]) => value !== null && !OWN.includes(name));
  const gone = (record.request?.headers ?? []).filter(([, value]) => value === null).map(([name]) => name);
  const headers = h('textarea', { rows: Math.min(8, Math.max(3, known.length + 1)), spellcheck: 'false', id: 'replay-headers' });
  headers.value = known.map(([name, value]) => `${name}: ${value}`).join('\n');
  const content = h('textarea', { rows: 6, spellcheck: 'false', id: 'replay-body' });
  content.value = record.request?.body?.text ?? '';
  const result = h('div.replay-result', { role: 'status' });
  const send = button('Send', () => go(true), { class: 'main' });

  const warnings = [
    gone.length ? `Values of ${gone.join(', ')} were redacted; write them in if the application needs them.` : null,
    record.request?.body?.truncated ? 'The body was cut when it was recorded: this is only its start.' : null,
    record.request?.body && (record.redactions ?? []).some((one) => one.place.startsWith('http.request.body')) ? 'The body has redacted places.' : null,
    reads ? null : `${record.method} may change what the application holds.`,
  ].filter(Boolean);

  const form = h('div.dialog-body',
    h('p.replay-to', 'It goes to ', h('code', record.replay.to), h('span.dim', ', where it was asked.')),
    h('div.replay-line', method, path, send),
    warnings.length ? h('ul.warnings', warnings.map((text) => h('li.warn', text))) : null,
    h('details', { open: edit || !reads }, h('summary', 'Headers and body'),
      h('div.replay-parts',
        h('div', h('label', { for: 'replay-headers' }, 'Headers'), headers),
        h('div', h('label', { for: 'replay-body' }, 'Body'), content))),
    result);
  dialog('Replay', form, { wide: true });
  for (const input of [method, path]) input.addEventListener('keydown', (event) => { if (event.key === 'Enter') go(true); });

  /** An unedited request leaves to the server what it knows better than the page. */
  const go = async (edited) => {
    send.disabled = true;
    fill(result, h('p.dim', 'sending…'));
    const lines = headers.value.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
      const at = line.indexOf(':', 1);
      return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
    const changes = {};
    if (edited) {
      if (method.value !== record.method) changes.method = method.value.trim();
      if (path.value !== [record.path, record.query].filter(Boolean).join('?')) changes.path = path.value.trim();
      if (headers.value !== known.map(([name, value]) => `${name}: ${value}`).join('\n')) changes.headers = lines;
      if (content.value !== (record.request?.body?.text ?? '')) changes.body = content.value;
    }
    try {
      show(await post('api/replay', { id: record.id, ...changes }));
    } catch (error) {
      fill(result, h('div.trouble', { role: 'alert' }, h('strong', 'Not sent'), h('p', error.message), error.hint ? h('p.dim', error.hint) : null));
    } finally {
      send.disabled = false;
      send.textContent = 'Send again';
    }
  };
  const show = (answer) => {
    const now = answer.answer;
    const tone = now.status >= 500 ? 'failed' : now.status >= 400 ? 'client' : 'ok';
    const text = typeof now.body === 'string' ? now.body : now.body?.text ?? '';
    const type = (now.headers ?? []).find(([name]) => name === 'content-type')?.[1];
    fill(result,
      h('p.replay-head', h(`span.${tone}`, h('span.status', now.status ?? '–––')), ` in ${duration(now.ms)}`, h('span.dim', ` · before: ${record.status ?? 'no answer'} in ${duration(record.ms)}`),
        answer.record_id ? [' · ', h('a', { href: href(`r/${answer.record_id}`) }, 'its record')] : null,
        answer.record_id ? [' · ', h('a', { href: href(`compare/${record.id}/${answer.record_id}`) }, 'compare all')] : null),
      (answer.notes ?? []).length ? h('ul.warnings', answer.notes.map((note) => h('li.warn', plain(note)))) : null,
      differenceTable(answer.differences),
      record.response?.body ? [record.response.body.truncated ? h('p.warn', 'The recorded body was cut, so its end differs.') : null, textDiff(record.response.body.text, text, type, 'body')]
        : [h('p.dim', 'The recorded answer has no body to compare with.'), text ? h('pre.raw', { tabindex: 0 }, text.slice(0, 20_000)) : null]);
  };
  if (reads && !edit) go(false);
  else (edit ? path : send).focus();
}
