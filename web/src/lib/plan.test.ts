import { describe, expect, it } from "vitest";
import type { Device, Transfer, Upload } from "../api/types";
import { leftOutLast, lines, plan, uploaded, usualRate, wanted } from "./plan";

const device = (name: string, user: string, more: Partial<Device> = {}) =>
  ({ name, user, active: true, free_bytes: 0, ...more }) as Device;
const names = (of: Device[]) => of.map((d) => d.name);

describe("the plan", () => {
  const devices = [
    device("a", "mia"),
    device("b", "mia", { active: false }),
    device("c", "tom", { free_bytes: 5e9 }),
    device("d", "tom", { free_bytes: 1.5e9 }),
    device("e", "eve"),
  ];

  it("has the devices of the members, and nobody else's", () => {
    const p = plan([new Set(["mia"]), new Set(["tom", "mia"])], devices, 1e9);
    expect(names(p.targets)).toEqual(["a", "b", "c", "d"]);
    expect(names(p.ready)).toEqual(["a", "c"]);
    expect(names(p.away)).toEqual(["b"]);
    expect(names(p.short)).toEqual(["d"]);
  });

  it("counts a member without a device once, in however many groups", () => {
    expect(plan([new Set(["zoe", "mia"]), new Set(["zoe"])], devices, 0).without).toEqual(["zoe"]);
  });

  it("keeps a reserve free: what would eat it does not fit", () => {
    const one = [device("x", "mia", { free_bytes: 2e9 })];
    expect(names(plan([new Set(["mia"])], one, 1e9).ready)).toEqual(["x"]);
    expect(names(plan([new Set(["mia"])], one, 1e9 + 1).short)).toEqual(["x"]);
  });

  it("of groups that are still read is empty", () => {
    expect(plan([undefined], devices, 0)).toEqual({ targets: [], ready: [], away: [], short: [], without: [] });
  });
});

describe("the usual rate", () => {
  const done = (bytes: number, seconds: number, more: Partial<Transfer> = {}) =>
    ({
      state: "done",
      bytes,
      started_at: "2026-11-30T10:00:00Z",
      ended_at: new Date(Date.parse("2026-11-30T10:00:00Z") + seconds * 1000).toISOString(),
      ...more,
    }) as Transfer;

  it("is the median of what finished", () => {
    expect(usualRate([done(10e6, 1), done(30e6, 1), done(20e6, 1)])).toBe(20e6);
  });

  it("takes neither what is too small to tell nor what did not finish", () => {
    expect(usualRate([done(1000, 1), done(9e9, 1, { state: "failed" }), done(9e9, 1, { ended_at: undefined })])).toBe(
      undefined,
    );
  });

  it("of what took no time is no endless one", () => {
    expect(usualRate([done(10e6, 0)])).toBe(200e6);
  });
});

it("reads lines", () => expect(lines(" /a b \n\n\t/c\r\n")).toEqual(["/a b", "/c"]));

it("says how much of an upload is there", () => {
  expect(uploaded(undefined)).toBe("");
  const entries = [
    { offset: 1e6, size: 2e6 },
    { offset: 0, size: 1e6 },
  ];
  expect(uploaded({ entries } as Upload)).toBe("1 MB of 3 MB");
});

it("lists what was excluded on purpose last", () => {
  const all = ["excluded", "pipe", "excluded", "name"].map((why, i) => ({ path: `${i}`, why }));
  expect(leftOutLast(all).map((l) => l.path)).toEqual(["1", "3", "0", "2"]);
});

it("asks for what was picked", () => {
  const o = { hold: false, days: 2, rate: "", via: "auto" };
  expect(wanted({ upload: "u" }, "lab", o)).toEqual({
    upload: "u",
    group: "lab",
    hold: false,
    now: true,
    keep_ns: 172_800e9,
    rate: undefined,
    via: "auto",
  });
  expect(wanted({}, "lab", { ...o, hold: true, rate: "50" })).toMatchObject({ hold: true, now: false, rate: 50e6 });
});
