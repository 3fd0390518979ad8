// Lists, put in order once instead of searched for every row.

export function grouped<T>(items: T[], key: (item: T) => string): Map<string, T[]> {
  const out = new Map<string, T[]>();
  for (const x of items) {
    const of = out.get(key(x));
    if (of) of.push(x);
    else out.set(key(x), [x]);
  }
  return out;
}
