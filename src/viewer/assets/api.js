// How the page asks the server: every address is relative to where the viewer is mounted.

const root = document.documentElement;
// Resolved once: the server gives it relative to the address that this page was loaded from.
const base = new URL(root.dataset.base || './', location.href).pathname;

/** The address of a page or an answer, for links. */
export function href(path) {
  return base + path;
}

/** The path of this page below where the viewer is mounted. */
export function here() {
  const path = location.pathname;
  return path.startsWith(base) ? path.slice(base.length) : path.replace(/^\//, '');
}

/** `a=1&b=2`, without what is null or empty; a list is the same name several times. */
export function search(parameters) {
  const result = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== '') result.append(name, one);
  }
  return result.toString();
}

/** What the server said instead of an answer. */
export class Refused extends Error {
  constructor(status, message, answer) {
    super(message);
    this.status = status;
    this.hint = answer?.hint;
    this.answer = answer;
  }
}

const answers = given();

/** The answers that came with the page, so that the first view needs no further round trip. */
function given() {
  const holder = document.getElementById('first');
  const found = new Map();
  if (!holder) return found;
  try {
    const first = JSON.parse(holder.textContent);
    // A refusal is asked for again: here its status is not known.
    for (const { path, answer } of [first].flat()) if (typeof answer?.error !== 'string') found.set(sorted(path), answer);
  } catch {
    // The page then asks for them.
  }
  return found;
}

function sorted(path) {
  const [name, query] = path.split('?');
  const parameters = new URLSearchParams(query);
  parameters.sort();
  return `${name}?${parameters}`;
}

/** The answer to a GET, once out of what came with the page. */
export async function get(path, parameters, { signal } = {}) {
  const query = search(parameters);
  const whole = query ? `${path}?${query}` : path;
  const name = sorted(whole);
  if (answers.has(name)) {
    const answer = answers.get(name);
    answers.delete(name);
    return answer;
  }
  return answer(await fetch(href(whole), { signal, credentials: 'same-origin', headers: { accept: 'application/json' } }));
}

/** Asks for a change. */
export async function post(path, body) {
  const headers = { 'content-type': 'application/json', 'x-campanile-token': root.dataset.change ?? '' };
  return answer(await fetch(href(path), { method: 'POST', credentials: 'same-origin', headers, body: JSON.stringify(body) }));
}

async function answer(response) {
  const text = await response.text();
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    // What is no JSON is told below.
  }
  if (response.ok && value !== null) return value;
  const message = value?.error ?? (response.ok ? 'the answer cannot be read' : `the viewer answered ${response.status}`);
  throw new Refused(response.status, message, value);
}
