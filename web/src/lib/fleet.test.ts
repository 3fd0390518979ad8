import { describe, expect, it } from "vitest";
import type { Device, DeviceResult } from "../api/types";
import { allLabels, commonGroups, inParts, labelsOf, oneByOne, readLabel } from "./fleet";

const device = (n: number, more: Partial<Device> = {}) =>
  ({ id: `id${n}`, user: "ann", name: `pc-${n}`, ...more }) as Device;

describe("several machines at once", () => {
  const many = Array.from({ length: 120 }, (_, n) => device(n));
  it("asks in parts and says what became of each", async () => {
    const sizes: number[] = [];
    const out = await inParts(
      many,
      (ids) => {
        sizes.push(ids.length);
        return Promise.resolve(
          ids.map(
            (id) =>
              ({
                device_id: id,
                user: "ann",
                device: id,
                ...(id === "id7" ? { code: "exhausted", problem: "it is full" } : {}),
              }) as DeviceResult,
          ),
        );
      },
      (r) => r.device ?? "",
    );
    expect(sizes).toEqual([50, 50, 20]);
    expect(out.done).toHaveLength(119);
    expect(out.refused).toEqual([{ who: "ann/id7", why: "it is full" }]);
  });
  it("says of a part that failed that none of it was done, and goes on", async () => {
    const out = await inParts(
      many,
      (ids) => (ids.includes("id60") ? Promise.reject(new Error("no server")) : Promise.resolve([])),
      () => "",
    );
    expect(out.refused).toHaveLength(50);
    expect(out.refused[0]).toEqual({ who: "ann/pc-50", why: "no server" });
  });
  it("does one after another", async () => {
    const out = await oneByOne(
      ["a", "b", "c"],
      (x) => x,
      (x) => (x === "b" ? Promise.reject(new Error("no")) : Promise.resolve()),
    );
    expect(out).toEqual({ done: ["a", "c"], refused: [{ who: "b", why: "no" }] });
  });
});

describe("labels", () => {
  it("are read as they are typed", () => {
    expect(readLabel("room=2")).toEqual({ key: "room", value: "2", wrong: "" });
    expect(readLabel(" note = a=b c ")).toEqual({ key: "note", value: "a=b c", wrong: "" });
    for (const bad of ["", "Room=2", "room", "room=", "fact.os=linux", `a=${"x".repeat(65)}`, "=2", "a b=2"])
      expect(readLabel(bad).wrong, bad).not.toBe("");
  });
  it("are listed and counted", () => {
    const all = [device(1, { labels: { room: "10", kind: "exam" } }), device(2, { labels: { room: "2" } }), device(3)];
    expect(labelsOf(all[0]!)).toEqual(["kind=exam", "room=10"]);
    expect(allLabels([...all, device(4, { labels: { room: "2" } })])).toEqual([
      ["kind=exam", 1],
      ["room=2", 2],
      ["room=10", 1],
    ]);
  });
  it("groups of all", () => {
    expect(commonGroups([])).toEqual([]);
    expect(commonGroups([device(1, { groups: ["a", "b"] }), device(2, { groups: ["b"] })])).toEqual(["b"]);
    expect(commonGroups([device(1, { groups: ["a"] }), device(2)])).toEqual([]);
  });
});
