// The order of a list, by one of its columns.

type Key<T> = (item: T) => string | number;

export class Sorter<T> {
  by = $state("");
  down = $state(false);
  constructor(
    private readonly keys: Record<string, Key<T>>,
    by: string,
    down = false,
  ) {
    this.by = by;
    this.down = down;
  }

  /** By this column; once more: the other way round. */
  toggle(key: string): void {
    if (this.by === key) this.down = !this.down;
    else [this.by, this.down] = [key, false];
  }

  /** What a screen reader is told of a column. */
  aria(key: string): "ascending" | "descending" | "none" {
    return this.by !== key ? "none" : this.down ? "descending" : "ascending";
  }

  sorted(items: T[]): T[] {
    const key = Object.hasOwn(this.keys, this.by) ? this.keys[this.by] : undefined;
    if (!key) return items;
    const sign = this.down ? -1 : 1;
    return items
      .map((item) => ({ item, key: key(item) }))
      .sort((a, b) => sign * compare(a.key, b.key))
      .map((x) => x.item);
  }
}

// Numbers in names count as numbers: pc-2 before pc-10.
const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : order.compare(String(a), String(b));
}
