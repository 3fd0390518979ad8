// Where the machines of a group stand: a plan is never changed, each change gives a new one.
import type { SeatMap } from "../api/types";

/** As many rows, and seats in a row, as the server keeps. */
export const most = 40;

export interface Seat {
  row: number; // from 1
  column: number; // from 1
}

/** A grid, and the seats that are taken, by the machine's ID. */
export interface Plan {
  rows: number;
  columns: number;
  at: ReadonlyMap<string, Seat>;
}

/** Whoever can have a seat. */
export interface Sitter {
  id: string;
  name: string;
  user: string;
}

/** The plan that the server keeps, of those who are there; undefined if none was ever set. */
export function planOf(m: SeatMap, there: ReadonlySet<string>): Plan | undefined {
  if (!m.version) return undefined;
  const at = new Map((m.seats ?? []).map((s) => [s.device_id, { row: s.row, column: s.column }]));
  for (const id of at.keys()) if (!there.has(id)) at.delete(id);
  return { rows: m.rows, columns: m.columns, at };
}

/** What the server is to keep, made from a map of this version. */
export function mapOf(p: Plan, version: number): SeatMap {
  const seats = [...p.at].map(([id, s]) => ({ device_id: id, row: s.row, column: s.column }));
  return { rows: p.rows, columns: p.columns, version, seats };
}

const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** By name, where 2 is before 10. */
export function byName<T extends Sitter>(all: T[]): T[] {
  return all.toSorted((a, b) => order.compare(a.name, b.name) || order.compare(a.user, b.user));
}

const bounded = (n: number) => Math.max(1, Math.min(most, Math.round(n) || 1));

/** A grid for so many, wider than deep, as rooms are. */
export function gridFor(n: number): { rows: number; columns: number } {
  const columns = bounded(Math.ceil(Math.sqrt(n * 1.6)));
  return { rows: bounded(Math.ceil(n / columns)), columns };
}

/** A seat as one number, to look it up by. */
export const key = (row: number, column: number) => row * 100 + column;

/** Who sits where, by key. */
export function taken(p: Plan): Map<number, string> {
  return new Map([...p.at].map(([id, s]) => [key(s.row, s.column), id]));
}

/** The seats that nobody has, row by row. */
export function empty(p: Plan): Seat[] {
  const full = taken(p);
  const out: Seat[] = [];
  for (let row = 1; row <= p.rows; row++)
    for (let column = 1; column <= p.columns; column++) if (!full.has(key(row, column))) out.push({ row, column });
  return out;
}

/** The seat that is meant, or the nearest in the grid. */
export function inside(p: Plan, s: Seat): Seat {
  return {
    row: Math.max(1, Math.min(p.rows, s.row)),
    column: Math.max(1, Math.min(p.columns, s.column)),
  };
}

/** Gives a machine a seat. Who has it changes places with it, and waits if there is no place to change. */
export function moved(p: Plan, id: string, to: Seat): Plan {
  const at = new Map(p.at);
  const from = at.get(id);
  const other = taken(p).get(key(to.row, to.column));
  if (other === id) return p;
  at.set(id, to);
  if (other !== undefined) {
    if (from) at.set(other, from);
    else at.delete(other);
  }
  return { ...p, at };
}

/** Takes a machine's seat away: it waits. */
export function unseated(p: Plan, id: string): Plan {
  if (!p.at.has(id)) return p;
  const at = new Map(p.at);
  at.delete(id);
  return { ...p, at };
}

/** Another size. Who has no seat any more waits. */
export function resized(p: Plan, rows: number, columns: number): Plan {
  const size = { rows: bounded(rows), columns: bounded(columns) };
  const at = new Map([...p.at].filter(([, s]) => s.row <= size.rows && s.column <= size.columns));
  return { ...size, at };
}

/** The same grid, as much larger as so many need; first by rows. */
function grown(p: Plan, n: number): Plan {
  const rows = Math.max(p.rows, bounded(Math.ceil(n / p.columns)));
  const columns = Math.max(p.columns, bounded(Math.ceil(n / rows)));
  return { ...p, rows, columns };
}

/** All in the order of their names, row by row. Past the largest grid they wait. */
export function arranged(p: Plan, all: Sitter[]): Plan {
  const g = grown(p, all.length);
  const at = new Map<string, Seat>();
  for (const [i, s] of byName(all).entries()) {
    const row = Math.floor(i / g.columns) + 1;
    if (row <= g.rows) at.set(s.id, { row, column: (i % g.columns) + 1 });
  }
  return { ...g, at };
}

/** Those who wait take the seats that nobody has; the others stay. */
export function filledUp(p: Plan, all: Sitter[]): Plan {
  const waiting = byName(all.filter((s) => !p.at.has(s.id)));
  const g = grown(p, p.at.size + waiting.length);
  const at = new Map(g.at);
  for (const [i, seat] of empty(g).entries()) {
    const next = waiting[i];
    if (!next) break;
    at.set(next.id, seat);
  }
  return { ...g, at };
}

/** One machine that has another seat than before, none any more, or one at last. */
export interface Change {
  id: string;
  from?: Seat;
  to?: Seat;
}

const same = (a: Seat | undefined, b: Seat | undefined) => a?.row === b?.row && a?.column === b?.column;

/** What is different, machine by machine. */
export function changes(before: Plan, after: Plan): Change[] {
  const ids = new Set([...before.at.keys(), ...after.at.keys()]);
  return [...ids].flatMap((id) => {
    const from = before.at.get(id);
    const to = after.at.get(id);
    return same(from, to) ? [] : [{ id, from, to }];
  });
}

export function sameSize(a: Plan, b: Plan): boolean {
  return a.rows === b.rows && a.columns === b.columns;
}

/** My changes of an older plan, made to theirs: what both touched is as I want it. */
export function rebased(base: Plan, mine: Plan, theirs: Plan): Plan {
  const size = sameSize(base, mine) ? theirs : mine;
  let p = resized(theirs, Math.max(size.rows, 1), Math.max(size.columns, 1));
  for (const c of changes(base, mine)) {
    if (!c.to) p = unseated(p, c.id);
    else if (c.to.row <= p.rows && c.to.column <= p.columns) {
      const other = taken(p).get(key(c.to.row, c.to.column));
      if (other !== undefined && other !== c.id) p = unseated(p, other);
      p = moved(p, c.id, c.to);
    }
  }
  return p;
}

export type Way = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

const ways: Record<Way, Seat> = {
  ArrowUp: { row: -1, column: 0 },
  ArrowDown: { row: 1, column: 0 },
  ArrowLeft: { row: 0, column: -1 },
  ArrowRight: { row: 0, column: 1 },
};

export function isWay(k: string): k is Way {
  return Object.hasOwn(ways, k);
}

/** The seat beside, as far as the grid goes. */
export function beside(p: Plan, s: Seat, way: Way): Seat {
  const d = ways[way];
  return inside(p, { row: s.row + d.row, column: s.column + d.column });
}

/** Who is met first on the way from a machine; undefined: nobody is. */
export function neighbour(p: Plan, id: string, way: Way): string | undefined {
  const from = p.at.get(id);
  if (!from) return undefined;
  const d = ways[way];
  let best: string | undefined;
  let least = Infinity;
  for (const [other, s] of p.at) {
    const along = (s.row - from.row) * d.row + (s.column - from.column) * d.column;
    if (along <= 0) continue;
    const aside = Math.abs((s.row - from.row) * d.column) + Math.abs((s.column - from.column) * d.row);
    const far = along + aside * 3; // straight on is nearer than aside
    if (far < least) [least, best] = [far, other];
  }
  return best;
}
