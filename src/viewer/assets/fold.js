// What stands in the list: records, with further failures of the same group folded into the line of the newest.

/** How far below the newest one of its group a failure is still folded into it, in lines. */
const REACH = 40;

/** The lines for these records, newest first; groups in `open` are not folded. Gaps are told by `record.gap`. */
export function lines(records, { folding, open }) {
  const result = [];
  const heads = new Map();
  for (const record of records) {
    if (record.gap) {
      result.push({ kind: 'gap', key: `gap-${record.id}`, n: record.gap });
      continue;
    }
    const group = folding ? record.group : null;
    const head = group && !open.has(group) ? heads.get(group) : undefined;
    if (head && result.length - head.at <= REACH) {
      head.line.n += 1;
      continue;
    }
    result.push({ kind: 'row', key: record.id, row: record });
    if (!group) continue;
    const line = { kind: 'fold', key: `fold-${record.id}`, group, n: 0 };
    result.push(line);
    heads.set(group, { line, at: result.length });
  }
  return result.filter((line) => line.kind !== 'fold' || line.n > 0);
}
