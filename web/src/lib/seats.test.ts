import { describe, expect, it } from "vitest";
import type { SeatMap } from "../api/types";
import * as seats from "./seats";
import type { Plan, Sitter } from "./seats";

const sitter = (name: string): Sitter => ({ id: name, name, user: "mia" });
const many = (n: number) => Array.from({ length: n }, (_, i) => sitter(`pc-${i + 1}`));

/** A plan as a picture: a line a row, a letter a machine. */
function plan(...lines: string[]): Plan {
  const at = new Map<string, seats.Seat>();
  lines.forEach((line, r) => [...line].forEach((c, i) => c !== "." && at.set(c, { row: r + 1, column: i + 1 })));
  return { rows: lines.length, columns: lines[0]!.length, at };
}

function picture(p: Plan): string[] {
  const of = seats.taken(p);
  return Array.from({ length: p.rows }, (_, r) =>
    Array.from({ length: p.columns }, (_, c) => of.get(seats.key(r + 1, c + 1)) ?? ".").join(""),
  );
}

describe("a seat", () => {
  it("is taken, exchanged and given back", () => {
    const p = plan("ab", "..");
    expect(picture(seats.moved(p, "a", { row: 2, column: 2 }))).toEqual([".b", ".a"]);
    expect(picture(seats.moved(p, "a", { row: 1, column: 2 }))).toEqual(["ba", ".."]);
    expect(picture(seats.moved(p, "c", { row: 1, column: 1 }))).toEqual(["cb", ".."]); // a waits
    expect(seats.moved(p, "a", { row: 1, column: 1 })).toBe(p);
    expect(picture(seats.unseated(p, "b"))).toEqual(["a.", ".."]);
    expect(seats.unseated(p, "z")).toBe(p);
    expect(picture(p)).toEqual(["ab", ".."]); // as it was
  });

  it("goes with the rows that are taken away", () => {
    expect(picture(seats.resized(plan("abc", "def"), 1, 2))).toEqual(["ab"]);
    expect(seats.resized(plan("a"), 99, 0)).toMatchObject({ rows: 40, columns: 1 });
    expect(seats.resized(plan("a"), Number.NaN, 3)).toMatchObject({ rows: 1, columns: 3 });
  });
});

describe("arranging", () => {
  it("is by name, where 2 is before 10", () => {
    const all = ["pc-10", "pc-2", "PC-1"].map(sitter);
    const p = seats.arranged({ rows: 1, columns: 2, at: new Map() }, all);
    expect(p.rows).toBe(2);
    expect(p.at.get("PC-1")).toEqual({ row: 1, column: 1 });
    expect(p.at.get("pc-2")).toEqual({ row: 1, column: 2 });
    expect(p.at.get("pc-10")).toEqual({ row: 2, column: 1 });
  });

  it("fills only what is empty", () => {
    const all = ["a", "b", "c", "d"].map(sitter);
    expect(picture(seats.filledUp(plan("c.", ".."), all))).toEqual(["ca", "bd"]);
    expect(picture(seats.filledUp(plan("c."), all))).toEqual(["ca", "bd"]);
  });

  it("stays within the largest grid", () => {
    const p = seats.arranged({ rows: 1, columns: 1, at: new Map() }, many(2000));
    expect([p.rows, p.columns, p.at.size]).toEqual([40, 40, 1600]);
    expect(seats.gridFor(0)).toEqual({ rows: 1, columns: 1 });
    expect(seats.gridFor(40)).toEqual({ rows: 5, columns: 8 });
    expect(seats.gridFor(9999)).toEqual({ rows: 40, columns: 40 });
  });
});

describe("what is different", () => {
  it("is told machine by machine", () => {
    expect(seats.changes(plan("ab", ".."), plan("a.", "c."))).toEqual([
      { id: "b", from: { row: 1, column: 2 }, to: undefined },
      { id: "c", from: undefined, to: { row: 2, column: 1 } },
    ]);
    expect(seats.changes(plan("ab"), plan("ab"))).toEqual([]);
  });

  it("is made to what somebody else has saved meanwhile", () => {
    const base = plan("abc", "...");
    const mine = plan("ba.", "..c");
    const theirs = plan("abc", "d..");
    expect(picture(seats.rebased(base, mine, theirs))).toEqual(["ba.", "d.c"]);
    // Both gave away one seat: mine counts, and theirs waits.
    expect(picture(seats.rebased(base, plan("ab.", "c.."), theirs))).toEqual(["ab.", "c.."]);
    // The grid that I changed is mine, else it is theirs.
    expect(picture(seats.rebased(base, plan("abc"), theirs))).toEqual(["abc"]);
    expect(picture(seats.rebased(base, base, plan("a")))).toEqual(["a"]);
    expect(picture(seats.rebased(base, mine, plan("a")))).toEqual(["b"]);
  });
});

describe("arrow keys", () => {
  const p = plan("a..b", ".c..", "...d");
  it("go to whoever is met first", () => {
    expect(seats.neighbour(p, "a", "ArrowRight")).toBe("b");
    expect(seats.neighbour(p, "a", "ArrowDown")).toBe("c");
    expect(seats.neighbour(p, "d", "ArrowUp")).toBe("b");
    expect(seats.neighbour(p, "a", "ArrowLeft")).toBeUndefined();
    expect(seats.neighbour(p, "nobody", "ArrowLeft")).toBeUndefined();
  });
  it("stop at the wall", () => {
    expect(seats.beside(p, { row: 1, column: 1 }, "ArrowUp")).toEqual({ row: 1, column: 1 });
    expect(seats.beside(p, { row: 3, column: 4 }, "ArrowLeft")).toEqual({ row: 3, column: 3 });
    expect(seats.isWay("ArrowUp")).toBe(true);
    expect(seats.isWay("constructor")).toBe(false);
  });
});

describe("the server's map", () => {
  const kept: SeatMap = {
    rows: 2,
    columns: 3,
    version: 4,
    seats: [
      { device_id: "a", row: 1, column: 2 },
      { device_id: "gone", row: 2, column: 2 },
    ],
  };
  it("is read without those who left, and written with its version", () => {
    const p = seats.planOf(kept, new Set(["a"]))!;
    expect(picture(p)).toEqual([".a.", "..."]);
    expect(seats.mapOf(p, 4)).toEqual({ ...kept, seats: [kept.seats![0]] });
    expect(seats.planOf({ rows: 0, columns: 0, version: 0, seats: [] }, new Set())).toBeUndefined();
  });
});
