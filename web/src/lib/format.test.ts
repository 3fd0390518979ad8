import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as f from "./format";

const now = new Date("2026-11-30T12:00:00Z").getTime();
beforeEach(() => void vi.useFakeTimers({ now }));
afterEach(() => void vi.useRealTimers());
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

// What Go and the web write alike is one table: rows of { of, in, out }. Where a row's formatter is not
// one of these, the row is Go's alone.
interface Row {
  of: string;
  in: number | string;
  out: string;
}
const files = import.meta.glob<Row[]>("../../../internal/ui/testdata/formats.json", { eager: true, import: "default" });
const rows = Object.values(files).flat();
const formatters: Record<string, (v: never) => string> = {
  bytes: f.bytes,
  rate: f.rate,
  duration: f.duration,
  name: f.name,
  percent: f.percent,
  moment: (ns: number) => f.moment(at(ns / 1e9)), // from now
  loss: f.points,
  stamp: (wall: number) => f.exact(atWall(wall)),
};
/** The moment at which the clocks here show these digits: 20260102030405. */
function atWall(digits: number): string {
  const [year, month, day, ...time] = /^(....)(..)(..)(..)(..)(..)$/.exec(String(digits))!.slice(1).map(Number);
  return new Date(year!, month! - 1, day, ...time).toISOString();
}

describe.skipIf(rows.length === 0)("the table that Go's formatter is tested against", () => {
  it.each(rows)("$of of $in is $out", (r) => {
    expect(formatters).toHaveProperty(r.of);
    expect(formatters[r.of]!(r.in as never)).toBe(r.out);
  });
});

it("writes what is not known", () => {
  expect(f.bytes(undefined)).toBe("0 B");
  expect(f.percent(undefined)).toBe("0 %");
  expect(f.moment(undefined)).toBe("never");
  expect(f.moment("0001-01-01T00:00:00Z")).toBe("never");
  expect(f.moment(at(-5))).toBe("now");
});

it("a moment far away is its date", () => {
  expect(f.moment("2020-02-03T12:00:00Z")).toContain("2020");
  expect(f.exact(undefined)).toBe("never");
  expect(f.exact(at(0))).toBe(f.stamp(at(0)).join(" "));
  expect(f.stamp("2026-01-02T03:04:05Z")).toEqual(["2026-01-02", "03:04:05"]);
});

// The same table as Go's internal/ui is tested against.
interface Line {
  name: string;
  here: number;
  summary: string;
  estimates: { share: number; devices: number; done?: boolean; in?: number }[];
  out: string;
}
const told = import.meta.glob<Line[]>("../../../internal/ui/testdata/lines.json", { eager: true, import: "default" });
const lines = Object.values(told).flat();
describe.skipIf(lines.length === 0)("the line beside the counts of a transfer's machines", () => {
  it.each(lines)("$name", (l) => {
    const now = Date.parse("2026-01-02T12:00:00Z");
    const when = (s?: number) => (s === undefined ? "0001-01-01T00:00:00Z" : new Date(now + s * 1000).toISOString());
    const estimates = l.estimates.map((e) => ({ devices: e.devices, done: e.done ?? false, at: when(e.in) }));
    expect(f.line({ summary: l.summary, estimates }, l.here, now)).toBe(l.out);
  });
});

it("counts in words", () => {
  expect([f.count(1, "file"), f.count(0, "file"), f.count(2, "entry", "entries")]).toEqual([
    "1 file",
    "0 files",
    "2 entries",
  ]);
  expect(f.contents({ files: 1 })).toBe("1 file");
  expect(f.contents({ files: 3, folders: 1 })).toBe("3 files in 1 folder");
  expect(f.contents({ files: 0, folders: 2 })).toBe("2 folders");
});

it.each([
  ["", ""],
  ["the disk is full", "The disk is full."],
  ["Is it on?", "Is it on?"],
  ["wait…", "Wait…"],
])("%j as a sentence is %j", (s, text) => expect(f.sentence(s)).toBe(text));

// W2: the cases of TestCleanShowsWhatHides in Go's cli; on a page nothing breaks the line either.
it.each([
  [undefined, ""],
  ["plain näme 文 😀", "plain näme 文 😀"],
  ["a\x1b[31mred", "a\\u{1b}[31mred"],
  ["a\u009b31m", "a\\u{9b}31m"],
  ["a\u202etxt.exe", "a\\u{202e}txt.exe"],
  ["a\u2066b\u2069", "a\\u{2066}b\\u{2069}"],
  ["zero\u200bwidth", "zero\\u{200b}width"],
  ["mark\ufeff", "mark\\u{feff}"],
  ["soft\u00adhyphen", "soft\\u{ad}hyphen"],
  ["tag\u{e0041}", "tag\\u{e0041}"],
  ["arabic\u061cmark", "arabic\\u{61c}mark"],
  ["line\u2028separator", "line\\u{2028}separator"],
  ["bad\ufffdbytes", "bad\\u{fffd}bytes"],
  ["half\ud83d", "half\\u{d83d}"],
  ["two\nlines\tand", "two\\u{a}lines\\u{9}and"],
])("the name %j is shown as %j", (s, text) => expect(f.name(s)).toBe(text));

it.each([
  [{ state: "verified" }, "verified"],
  [{ state: "incomplete", entries: 10, missing: 3 }, "incomplete (7 of 10)"],
  [{ state: "verified", beside: 2 }, "verified · 2 kept beside"],
  [{ state: "receiving", beside: 2, owed: true }, "receiving"],
  [{ state: "queued", label: "no-device", owed: true }, "no device"],
])("a delivery %j is %s", (d: { state: string; label?: string; owed?: boolean }, text) => {
  expect(f.stateText({ ...d, standing: { label: d.label ?? d.state, owed: d.owed } })).toBe(text);
});

it.each([
  [{ why: "pipe" }, "a named pipe, not a file"],
  [{ why: "unreadable", detail: "bad \u202e sector" }, "it cannot be read: bad \\u{202e} sector"],
  [{ why: "new-reason" }, "new-reason"],
  [{ why: "constructor" }, "constructor"],
  [{ why: "__proto__" }, "__proto__"],
])("left out for %j is said: %s", (l, text) => expect(f.whyLeftOut(l)).toBe(text));

it("says whether a machine is on, and who asks", () => {
  const states = [{ active: true, machines: 1 }, { active: false }, { active: true, machines: 2 }];
  expect(states.map(f.deviceState)).toEqual(["active", "off", "shared"]);
  expect([f.asker({ user: "mia" }), f.asker({ user: "mia", device: "pc" })]).toEqual(["mia", "mia/pc"]);
});

it("says that a member forges packets", () => {
  expect(f.forgedText({ devices: 1 }, true)).toMatch(/^A member of the group forges packets: 1 device reported it\. /);
  expect(f.forgedText({ devices: 2, blocks: 1 }, false)).toMatch(
    /^A member of the group forged packets: 2 devices reported it, 1 block came wrong and were put right\. /,
  );
});

it("says where a transfer stands, what needs somebody, and what holds the rate", () => {
  const stands = (label: string, away = 0) => f.transferText({ state: "x", standing: { label, away } });
  expect([stands("delivered", 2), stands("delivered"), stands("needs-you", 1), stands("gathering")]).toEqual([
    "delivered · 2 away",
    "delivered",
    "needs you",
    "starting",
  ]);
  const t = { state: "waiting", failed: 0, incomplete: 0, summary: "a \u202e name" };
  expect(f.whatNeedsYou(t)).toBe("a \\u{202e} name");
  expect(f.whatNeedsYou({ ...t, failed: 1, incomplete: 2, stuck: 1 })).toBe(
    "failed on 1 machine, incomplete on 2 machines, 1 machine cannot take it or does not answer",
  );
  expect(f.whatNeedsYou({ ...t, cause: "source" })).toBe("its files cannot be read");
  expect([f.limiterText("cap"), f.limiterText("constructor")]).toEqual(["the rate that is allowed", "constructor"]);
});

describe("digestOf", () => {
  const digest = "ab".repeat(32);
  it("names the hash, for the digests of two do not compare", () => {
    expect(f.digestOf({ digest, hash: "blake3" }, 4)).toBe("BLAKE3 abab");
    expect(f.digestOf({ digest, hash: "sha-256" })).toBe(`SHA-256 ${digest}`);
    expect(f.digestOf({ digest, hash: "toString" }, 4)).toBe("abab");
  });
  it("is empty for what was not read", () => expect(f.digestOf({ digest: "0".repeat(64), hash: "blake3" })).toBe(""));
});
