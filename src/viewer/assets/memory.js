// What the browser remembers of this page between visits. Without storage nothing is remembered, and nothing fails.

export function recall(name, otherwise) {
  try {
    const text = localStorage.getItem(`campanile.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`campanile.${name}`);
    else localStorage.setItem(`campanile.${name}`, JSON.stringify(value));
  } catch {
    // Not remembered.
  }
}
