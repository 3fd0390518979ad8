import { flushSync } from "svelte";
import { beforeEach, describe, expect, it } from "vitest";
import type { SeatMap } from "../api/types";
import { refusal, server, type Answer } from "../test/fakes";
import { pull } from "./carry";
import { Arranging } from "./seatedit.svelte";
import { toasts } from "./toast.svelte";

const all = ["a", "b", "c"].map((id) => ({ id, name: `pc-${id}`, user: "mia" }));
const kept = (version: number, ...seats: [id: string, row: number, column: number][]): SeatMap => ({
  rows: 2,
  columns: 2,
  version,
  seats: seats.map(([device_id, row, column]) => ({ device_id, row, column })),
});
const where = (e: Arranging) => [...e.plan.at].map(([id, s]) => `${id}${s.row}${s.column}`).sort();

beforeEach(() => void toasts.splice(0));

describe("arranging", () => {
  it("proposes an order for a room that nobody arranged, which can be saved at once", () => {
    const e = new Arranging("lab", { rows: 0, columns: 0, version: 0, seats: [] }, all);
    expect(e.plan.at.size).toBe(3);
    expect(e.dirty).toBe(true);
    expect(e.undoable).toBe(false);
  });

  it("moves, exchanges, takes away, and undoes each", () => {
    const e = new Arranging("lab", kept(1, ["a", 1, 1], ["b", 1, 2]), all);
    expect([e.dirty, e.waiting.map((s) => s.id)]).toEqual([false, ["c"]]);
    e.step("a", "ArrowRight");
    expect(where(e)).toEqual(["a12", "b11"]);
    expect(e.said).toContain("pc-b");
    e.step("a", "ArrowRight"); // the wall
    expect(where(e)).toEqual(["a12", "b11"]);
    e.step("c", "ArrowUp"); // who waits takes the first empty one
    expect(where(e)).toEqual(["a12", "b11", "c21"]);
    e.out("b");
    expect(e.summary).toEqual(["1 moved", "1 seated", "1 without a seat now"]);
    e.undo();
    e.undo();
    e.undo();
    expect([where(e), e.dirty, e.undoable]).toEqual([["a11", "b12"], false, false]);
    e.undo();
    expect(where(e)).toEqual(["a11", "b12"]);
  });

  it("puts what is picked where the next click goes", () => {
    const e = new Arranging("lab", kept(1, ["a", 1, 1], ["b", 1, 2]), all);
    e.press("a");
    e.press("a");
    expect(e.picked).toBe("");
    e.press("c");
    e.press("a"); // c waits and takes a's seat, so that a waits
    expect([where(e), e.picked]).toEqual([["b12", "c11"], ""]);
    e.press("b");
    e.press("a"); // a has no seat to give: it is picked instead
    expect(e.picked).toBe("a");
  });

  it("follows who comes and who leaves", () => {
    const e = new Arranging("lab", kept(1, ["a", 1, 1], ["b", 1, 2]), all);
    e.step("a", "ArrowDown");
    e.press("b");
    e.present(all.slice(0, 1));
    expect([where(e), e.picked, e.waiting.length]).toEqual([["a21"], "", 0]);
    e.undo();
    expect(where(e)).toEqual(["a11"]);
  });

  it("changes its size within the bounds", () => {
    const e = new Arranging("lab", kept(1, ["a", 2, 2]), all);
    e.size(1, 99);
    expect([e.plan.rows, e.plan.columns, e.waiting.length]).toEqual([1, 40, 3]);
    expect(e.summary).toEqual(["1 without a seat now", "1 × 40 seats"]);
    e.byName();
    expect(where(e)).toEqual(["a11", "b12", "c13"]);
    e.out("b");
    e.fillUp();
    expect(where(e)).toEqual(["a11", "b12", "c13"]);
  });
});

describe("saving", () => {
  it("goes on from what the server kept", async () => {
    const asked = server((): Answer => ({ body: kept(2, ["a", 1, 2]) }));
    const e = new Arranging("lab 1", kept(1, ["a", 1, 1]), all);
    e.step("a", "ArrowRight");
    expect(await e.save()).toBe(true);
    expect(asked[0]).toMatchObject({ method: "PUT", path: "/groups/lab%201/seats", body: { version: 1 } });
    expect([e.dirty, e.saving]).toEqual([false, false]);
  });

  it("shows what somebody else saved, and puts mine into it", async () => {
    server((a) => (a.method === "PUT" ? refusal(412, "changed", "ada changed them") : { body: kept(7, ["b", 2, 1]) }));
    const e = new Arranging("lab", kept(1, ["a", 1, 1], ["b", 1, 2]), all);
    e.move("a", { row: 2, column: 2 });
    expect(await e.save()).toBe(false);
    expect(e.theirs?.version).toBe(7);
    expect(toasts).toEqual([]);
    e.putMine();
    expect([where(e), e.theirs, e.dirty]).toEqual([["a22", "b21"], undefined, true]);
    e.seen(kept(8, ["c", 1, 1]));
    e.takeTheirs();
    expect([where(e), e.dirty]).toEqual([["c11"], false]);
    e.seen(kept(9)); // nothing of mine is lost by it
    expect(where(e)).toEqual([]);
  });

  it("says what went wrong", async () => {
    server(() => refusal(400, "invalid", "device a is not in the group"));
    const e = new Arranging("lab", kept(1), all);
    e.step("a", "ArrowUp");
    expect(await e.save()).toBe(false);
    expect(toasts[0]?.text).toContain("not in the group");
    expect(e.theirs).toBeUndefined();
    flushSync();
  });
});

it("a box scrolls for what is carried to its edge, the faster the nearer", () => {
  expect([pull(500, 0, 1000), pull(50, 0, 100)]).toEqual([0, 0]); // in the middle; too small to scroll
  expect(pull(20, 0, 1000)).toBe(-8);
  expect(pull(990, 0, 1000)).toBeGreaterThan(pull(970, 0, 1000));
  expect(pull(5000, 0, 1000)).toBe(16);
});
