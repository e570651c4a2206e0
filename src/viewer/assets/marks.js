// Requests that are marked for comparing: the last two, kept for this tab.

const NAME = 'campanile.marks';

export function marks() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? '[]');
  } catch {
    return [];
  }
}

/** Marks it, or takes the mark away; of three the oldest goes. */
export function toggleMark(id) {
  const now = marks();
  const next = now.includes(id) ? now.filter((other) => other !== id) : [...now, id].slice(-2);
  try {
    sessionStorage.setItem(NAME, JSON.stringify(next));
  } catch {
    // Not marked.
  }
}
