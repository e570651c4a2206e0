// How elements are made: text nodes only, so that nothing that was recorded is ever read as markup.

/**
 * Makes an element: `h('a.quiet', {href: 'x', onclick: f}, 'text', child, [more])`.
 *
 * A property that starts with `on` is a listener, one that is `null`, `undefined` or `false` is left out, the rest are
 * attributes. Children that are `null`, `undefined` or `false` are left out, whatever is no node becomes a text node.
 */
export function h(what, properties, ...children) {
  const [tag, ...classes] = what.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  if (properties !== undefined && (properties === null || properties.constructor !== Object)) {
    children.unshift(properties);
    properties = undefined;
  }
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith('on') && value) element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  put(element, children);
  return element;
}

/** Sets an attribute, or takes it away. */
export function set(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : SHOWN.has(name) ? visible(String(value)) : String(value));
}

/** Attributes that people read. */
const SHOWN = new Set(['title', 'aria-label', 'placeholder']);

// Controls, marks of direction and what has no width: they could hide or turn what stands beside them.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** The text with everything in sight: what cannot be seen stands as `\u{200b}`. Tabs and ends of lines stay. */
export function visible(value) {
  return value.replace(/\r\n/g, '\n').replace(UNSEEN, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
}

/** A text node. */
export function text(value) {
  return document.createTextNode(visible(String(value)));
}

/** Appends children as `h` does. */
export function put(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : text(child));
  }
  return element;
}

/** Puts other children in the place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren();
  return put(element, children);
}

/** Makes an element of a drawing. */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

let last = 0;

/** An id that no other element of the page has. */
export function freshId(word) {
  last += 1;
  return `${word}-${last}`;
}

/** A button; `properties` as in `h`. */
export function button(label, onclick, properties) {
  return h('button', { type: 'button', onclick, ...properties }, label);
}

/** What is drawn as a key of the keyboard. */
export function key(text) {
  return h('kbd', text);
}

/** Calls it once, after what asks for it has been quiet for so long. */
export function later(ms, call) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...args), ms);
  };
}
