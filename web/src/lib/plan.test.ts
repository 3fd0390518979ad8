import { describe, expect, it } from "vitest";
import type { GroupPlan, PlannedDevice, SendPlan, Upload } from "../api/types";
import {
  asked,
  beginsText,
  earlierTexts,
  hindrance,
  leftOutLast,
  lines,
  notReadyText,
  sentenceOf,
  takesText,
  uploaded,
  wanted,
} from "./plan";

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

const options = { hold: false, days: 2, rate: "", via: "auto" };

it("asks for what was picked", () => {
  expect(wanted({ upload: "u" }, "lab", options)).toEqual({
    upload: "u",
    group: "lab",
    hold: false,
    now: true,
    keep_ns: 172_800e9,
    rate: undefined,
    via: "auto",
  });
  const held = wanted({}, "lab", { ...options, hold: true, rate: "50" });
  expect(held).toMatchObject({ hold: true, now: false, rate: 50e6 });
});

describe("what the server is asked", () => {
  const d = { groups: ["lab"], paths: [], files: [], where: "here", exclude: ["*.tmp"], options };
  const file = (path: string) => ({ path, file: new File(["12345"], path) });

  it("is who is there, while nothing is picked", () => {
    expect(asked(d)).toEqual({ groups: ["lab"], hold: false, now: true, rate: undefined, via: "auto" });
  });
  it("names paths of the server, with what is left out of them", () => {
    const q = asked({ ...d, where: "server", paths: ["/a"], files: [file("x")] });
    expect([q.paths, q.exclude, q.entries]).toEqual([["/a"], ["*.tmp"], undefined]);
  });
  it("names the files of this computer, or of very many their number and size", () => {
    const q = asked({ ...d, files: [file("x"), { path: "empty" }] });
    expect(q.entries?.map((e) => [e.path, e.kind, e.size])).toEqual([
      ["x", "file", 5],
      ["empty", "folder", 0],
    ]);
    const many = asked({ ...d, files: Array.from({ length: 10_001 }, (_, i) => file(`${i}`)) });
    expect([many.files, many.bytes, many.entries]).toEqual([10_001, 50_005, undefined]);
  });
});

const group = (more: Partial<GroupPlan> = {}) =>
  ({
    group: "lab",
    ready: 2,
    total: 3,
    begins: { code: "now" },
    takes: { via: "multicast", at_least: false },
    replaces: [],
    ...more,
  }) as GroupPlan;
const planned = (more: Partial<SendPlan> = {}) =>
  ({
    known: true,
    files: 1,
    folders: 0,
    bytes: 1e6,
    total: 3,
    ready: 2,
    away: 1,
    no_space: 0,
    unfit: 0,
    no_device: 0,
    groups: [group()],
    ...more,
  }) as SendPlan;

describe("the sentence", () => {
  const took = { via: "multicast", at_least: false, rate: 80e6, for_ns: 90e9 } as GroupPlan["takes"];
  it.each([
    [{}, "2 of 3 machines get it at once; 1 when it is back."],
    [{ groups: [group({ takes: took })] }, "2 of 3 machines get it at once, in about 1m30s; 1 when it is back."],
    [{ ready: 3, away: 0, groups: [group({ takes: took })] }, "All 3 machines get it at once, in about 1m30s."],
    [
      { ready: 3, away: 0, groups: [group({ begins: { code: "behind" } })] },
      "All 3 machines get it after what is being sent now.",
    ],
    [{ total: 1, ready: 1, away: 0 }, "The machine gets it at once."],
    [{ ready: 1, away: 2 }, "1 of 3 machines gets it at once; 2 when they are back."],
    [{ ready: 1, no_space: 1 }, "1 of 3 machines gets it at once; 1 when it is back; 1 needs you."],
    [{ ready: 0, away: 3 }, "None of the 3 machines is ready now. They get it when they are back."],
    [{ ready: 0, away: 1, total: 1 }, "Its machine is not on now and gets it when it is back."],
    [{ ready: 0, away: 0 }, "None of the 3 machines can take it now."],
    [{ hold: true }, "It waits until somebody presses “Send now”. 2 of 3 machines are ready for it."],
    [{ known: false }, "2 of 3 machines are on and ready."],
    [{ total: 0 }, "Nobody gets it: there is no member in what you picked."],
    [{ total: 0, no_device: 2 }, "2 members get it on the first machine that they log in on."],
    [
      { groups: [group({ takes: { ...took, at_least: true } })] }, // a bound is no estimate
      "2 of 3 machines get it at once; 1 when it is back.",
    ],
  ])("%j", (more, text) => expect(sentenceOf(planned(more as Partial<SendPlan>))).toBe(text));
});

describe("when it starts", () => {
  const at = "2026-11-30T10:00:00Z";
  it.each([
    [{ code: "now" }, "at once"],
    [{ code: "gathering", wait_ns: 60e9 }, "when nobody new has come for a moment, within 1m"],
    [{ code: "behind", behind: 7, name: "a" }, "after transfer 7 (a), which is being sent"],
    [
      { code: "behind", behind: 7, name: "a", until: "2026-11-30T10:01:30Z" },
      "after transfer 7 (a), which is being sent, in about 1m30s",
    ],
    [{ code: "held" }, "when somebody presses “Send now”"],
    [{ code: "a newer server’s" }, "a newer server’s"],
  ])("%j", (begins, text) => expect(beginsText(group({ begins } as Partial<GroupPlan>), at)).toBe(text));
});

describe("how long it takes", () => {
  const measured = {
    transfer: 12,
    group: "lab",
    devices: 27,
    rate: 80e6,
    at: "2026-11-30T10:00:00Z",
    of: 1,
  } as GroupPlan["takes"]["measured"];
  const takes = (t: Partial<GroupPlan["takes"]>) =>
    takesText(group({ takes: { via: "multicast", at_least: false, ...t } as GroupPlan["takes"] }));

  it("is not known where nothing was measured", () => {
    expect(takes({})).toEqual({
      time: "not known yet",
      why: "No transfer over multicast was measured here yet, and no limit is set.",
    });
  });
  it("is at least what the limit allows", () => {
    expect(takes({ via: "https", at_least: true, rate: 8e6, cap: 8e6, cap_of: "server", for_ns: 3e9 })).toEqual({
      time: "at least 3s",
      why: "The limit of this server holds it: 8 Mbit/s. No transfer over HTTPS was measured here yet.",
    });
  });
  it("goes by a transfer that was measured, and says what held it", () => {
    const as = "At 80 Mbit/s, as transfer 12 to 27 machines of lab on 2026-11-30";
    expect(takes({ rate: 80e6, for_ns: 90e9, measured })).toEqual({ time: "about 1m30s", why: as });
    expect(takes({ rate: 80e6, for_ns: 5e8, measured: { ...measured!, limiter: "receivers" } })).toEqual({
      time: "less than a second",
      why: `${as}; held by the receivers`,
    });
    expect(takes({ rate: 80e6, for_ns: 90e9, measured: { ...measured!, slowest: "u/pc" } }).why).toBe(
      `${as}; it waited for u/pc`,
    );
  });
  it("goes by a limit that is lower", () => {
    const t = { rate: 8e6, cap: 8e6, cap_of: "transfer", limiter: "cap", for_ns: 90e9, measured };
    expect(takes(t)).toEqual({ time: "about 1m30s", why: "The limit that you set holds it: 8 Mbit/s" });
  });
});

describe("a machine that is not ready", () => {
  const d = (more: Partial<PlannedDevice>) => notReadyText(more as PlannedDevice);
  it.each([
    [{ stands: "ready" }, ""],
    [{ stands: "away" }, "Has never been on. Start its receiver."],
    [{ stands: "away", lacks_bytes: 1e6 }, "Has never been on. Start its receiver. Then 1 MB must be freed there."],
    [
      { stands: "no-space", needs_bytes: 160e6, free_bytes: 21e6, lacks_bytes: 139e6 },
      "Needs 160 MB. 21 MB are free: free 139 MB there.",
    ],
    [
      { stands: "no-space", needs_bytes: 160e6, free_bytes: 1.1e9, reserve_bytes: 1.1e9, lacks_bytes: 160e6 },
      "Needs 160 MB. 1.1 GB are free and 1.1 GB must stay free: free 160 MB there, or lower its reserve.",
    ],
    [{ stands: "unfit", machines: 3 }, "Its login is used by 3 machines. Log in again on the others."],
    [{ stands: "unfit", unfit: "too\u202eold" }, "too\\u{202e}old"],
  ])("%j", (more, text) => expect(d(more)).toBe(text));
});

it("names the machines that have a group get every file whole", () => {
  const of = (...list: [string, string, string?][]) =>
    earlierTexts({
      devices: list.map(([device, earlier_format, stands]) => ({ device, earlier_format, stands: stands ?? "ready" })),
    } as SendPlan);
  expect(of(["pc-1", ""])).toEqual([]);
  expect(of(["pc-1", "old"], ["pc-2", "unseen"], ["pc-3", "old", "unfit"])).toEqual([
    "pc-1 is too old for sending only what changed: until an upgrade there, the group gets every file whole.",
    "pc-2 was never connected: until then the group gets every file whole.",
  ]);
  expect(of(["a", "unseen"], ["b", "unseen"], ["c", "unseen"], ["d", "unseen"])[0]).toMatch(/^a, b, c and 1 more were/);
});

describe("why it cannot be sent", () => {
  const d = { picked: true, groups: ["lab"], bad: 0 };
  it.each([
    [planned(), d, ""],
    [undefined, d, ""],
    [undefined, { ...d, picked: false, groups: [] }, "Pick files and a group first."],
    [planned(), { ...d, picked: false }, "Pick files first."],
    [planned(), { ...d, groups: [] }, "Pick a group first."],
    [planned(), { ...d, bad: 2 }, "2 entries cannot be sent: leave them out first."],
    [planned({ full: true }), d, "The server’s own disk has no room for this upload."],
    [planned({ files: 0 }), d, "Nothing is left to send."],
    [planned({ groups: [group({ blocked: "nobody" })] }), d, "Nobody is in lab: add members first, or hold it."],
    [planned({ groups: [group({ blocked: "new" })] }), d, "new"],
  ])("%#", (p, what, text) => expect(hindrance(p, what)).toBe(text));
});
