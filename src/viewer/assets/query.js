// The text of a query as terms side by side: what the page adds, takes away and looks for.

/** Terms of the top level with their places. Quotes, patterns and parentheses stay whole. */
export function terms(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at])) {
      at += 1;
      continue;
    }
    const from = at;
    let depth = 0;
    let quoted = false;
    for (; at < text.length; at += 1) {
      const c = text[at];
      if (quoted) {
        if (c === '\\') at += 1;
        else if (c === '"') quoted = false;
      } else if (c === '"') quoted = true;
      else if (c === '(') depth += 1;
      else if (c === ')') depth -= 1;
      else if (depth <= 0 && /\s/.test(c)) break;
    }
    found.push({ from, to: Math.min(at, text.length), text: text.slice(from, at) });
  }
  return found;
}

/** A value as it has to be written in a term. */
export function quote(value) {
  const text = String(value);
  if (/^[\w./{}:@+%-]+$/.test(text) && !/^(or|not|and)$/i.test(text)) return text;
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** `key:value`, or `-key:value`. */
export function term(key, value, excluded = false) {
  return `${excluded ? '-' : ''}${key}:${quote(value)}`;
}

/** Whether it is one of the terms. */
export function has(text, one) {
  return terms(text).some((term) => term.text === one);
}

/** The query with this term too; where it had an `or`, that stands in parentheses. */
export function add(text, one) {
  const trimmed = text.trim();
  if (has(trimmed, one)) return trimmed;
  if (!trimmed) return one;
  const loose = terms(trimmed).some((term) => term.text.toLowerCase() === 'or');
  return `${loose ? `(${trimmed})` : trimmed} ${one}`;
}

/** The query without it. */
export function remove(text, one) {
  return terms(text)
    .filter((term) => term.text !== one)
    .map((term) => term.text)
    .join(' ');
}

/** The query without any term of these keys. */
export function without(text, ...keys) {
  const names = new RegExp(`^-?(${keys.join('|')})(:|!=|>=|<=|=|>|<|~)`, 'i');
  return terms(text)
    .filter((term) => !names.test(term.text))
    .map((term) => term.text)
    .join(' ');
}

/** Whether it has a term of one of these keys. */
export function speaksOf(text, ...keys) {
  return without(text, ...keys) !== terms(text).map((term) => term.text).join(' ');
}

/** A moment as the grammar writes it. */
export function instant(ms) {
  return new Date(ms).toISOString();
}
