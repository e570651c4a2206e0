// Bodies made readable: JSON indented and coloured, also when it was cut in the middle.

import { h, put } from './dom.js';

const TOKEN = /"(?:[^"\\]|\\.)*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]|[^\s"{}[\],:]+/g;

/** Whether it looks like JSON: by its type, or by how it begins. */
export function isJson(text, type) {
  if (/[/+]json\b/i.test(type ?? '')) return true;
  return !type && /^\s*[{[]/.test(text);
}

/** The text with one member in each line; works on tokens, so that a text without its end is shown as far as it goes. */
export function indented(text) {
  const out = [];
  write(text, (piece) => out.push(piece));
  return out.join('');
}

/** The same as elements. */
export function coloured(text) {
  const box = document.createDocumentFragment();
  write(text, (piece, kind) => put(box, kind ? h(`span.${kind}`, piece) : piece));
  return box;
}

function write(text, emit) {
  const tokens = text.match(TOKEN) ?? [];
  let depth = 0;
  const line = () => emit(`\n${'  '.repeat(Math.min(depth, 60))}`);
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === '{' || token === '[') {
      emit(token);
      depth += 1;
      if (next !== undefined && next !== '}' && next !== ']') line();
    } else if (token === '}' || token === ']') {
      depth = Math.max(0, depth - 1);
      if (!['{', '['].includes(tokens[i - 1])) line();
      emit(token);
    } else if (token === ',') {
      emit(token);
      line();
    } else if (token === ':') emit(': ');
    else if (token.startsWith('"')) emit(token, next === ':' ? 'json-name' : 'json-string');
    else emit(token, /^[-\d]/.test(token) ? 'json-number' : 'json-word');
  });
}

/** Name and value of each pair of a form or a query. */
export function form(text) {
  return text.split('&').filter(Boolean).map((pair) => {
    const at = pair.indexOf('=');
    const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    return [decode(name), decode(value)];
  });
}

function decode(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** Lines of a hex dump: place, bytes, and what can be read of them. */
export function hex(text, most = 16_384) {
  const all = new TextEncoder().encode(text);
  const bytes = all.subarray(0, most);
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const codes = part.map((byte) => byte.toString(16).padStart(2, '0'));
    const left = codes.slice(0, 8).join(' ').padEnd(23);
    const right = codes.slice(8).join(' ').padEnd(23);
    const seen = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${left}  ${right}  ${seen}`);
  }
  return { text: lines.join('\n'), rest: all.length - bytes.length };
}
