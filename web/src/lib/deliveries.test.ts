import { describe, expect, it } from "vitest";
import type { Delivery } from "../api/types";
import * as l from "./deliveries";
import { reasonText } from "./verdict";

const size = 1000;
/** A delivery, and what the server says of where it stands. */
const delivery = (device: string, state: string, more: Partial<Delivery> = {}, standing: object = {}) =>
  ({
    device,
    user: `of ${device}`,
    state,
    bytes_verified: 0,
    active: true,
    standing: {
      label: state,
      rank: 3,
      delivered: ["verified", "already-had", "superseded"].includes(state),
      promised: state !== "cancelled",
      owed: ["queued", "receiving", "refused"].includes(state),
      ...standing,
    },
    ...more,
  }) as unknown as Delivery;
const names = (all: Delivery[]) => all.map((d) => d.device).join(" ");

describe("how far a delivery is", () => {
  it.each([
    ["verified", 0, 1],
    ["already-had", 0, 1],
    ["superseded", 0, 1],
    ["receiving", 250, 0.25],
    ["receiving", 5000, 1],
    ["failed", 500, 0.5],
  ])("%s with %i bytes is %d", (state, bytes_verified, part) => {
    expect(l.fraction(delivery("a", state, { bytes_verified }), size)).toBe(part);
  });

  it("is nothing as long as the size is not known", () => {
    expect(l.fraction(delivery("a", "receiving", { bytes_verified: 5 }), undefined)).toBe(0);
    expect(l.fraction(delivery("a", "receiving", { bytes_verified: 5 }), 0)).toBe(0);
  });
});

it("the worst come first: by rank, then by how far they are, then by name", () => {
  const all = [
    delivery("done", "verified", {}, { rank: 9 }),
    delivery("half", "receiving", { bytes_verified: 500 }),
    delivery("b", "receiving", { bytes_verified: 100 }),
    delivery("a", "receiving", { bytes_verified: 100 }),
    delivery("bad", "failed", { bytes_verified: 900 }, { rank: 0 }),
  ];
  expect(names(l.worstFirst(all, size))).toBe("bad a b half done");
  expect(names(all)).toMatch(/^done half/); // and the list itself stays as it is
});

it("says what is not signed", () => {
  expect(l.why(delivery("a", "verified", { signed: "outcome" } as Partial<Delivery>))).toBe(
    "reason, path and counts are not signed",
  );
  expect(l.why(delivery("a", "failed", { reason: "disk", signed: "outcome" } as Partial<Delivery>))).toBe(
    "it did not work there; it says “disk”; reason, path and counts are not signed",
  );
  expect(l.why(delivery("a", "queued"))).toBe("");
});

describe("stragglers", () => {
  const part = (d: Delivery) => l.fraction(d, size);
  const at = (device: string, bytes_verified: number, more: Partial<Delivery> = {}) =>
    delivery(device, "receiving", { bytes_verified, ...more });

  it("by multicast are those clearly behind the median", () => {
    const slow = l.stragglers([at("a", 800), at("b", 790), at("c", 710), at("d", 300, { loss_percent: 12.34 })], part);
    expect(slow.map((s) => [s.of.device, s.why])).toEqual([["d", "49 % behind the median, loses 12.3 %"]]);
  });

  it("come in the order of their ranks, with the server's reason", () => {
    const slow = l.stragglers(
      ["away", "held", "silent"].map((cause, i) =>
        delivery(cause, "queued", { cause, reason: `is ${cause}` } as Partial<Delivery>, { rank: 9 - i }),
      ),
      part,
    );
    expect(slow.map((s) => s.why)).toEqual(["is silent", "is held", "is away"]);
  });

  it("are none of those who are done, however they were", () => {
    expect(l.stragglers([delivery("a", "verified", { cause: "behind" } as Partial<Delivery>)], part)).toEqual([]);
  });
});

describe("blocks", () => {
  const bar = (...bytes: number[]) => btoa(String.fromCharCode(...bytes));

  it("are four buckets a byte, the first in the lowest bits", () => {
    expect([...l.filled(bar(0b11_10_01_00)).slice(0, 5)]).toEqual([0, 1, 2, 3, 0]);
    expect(l.filled(bar())).toHaveLength(256);
    expect(l.filled(bar(...new Array<number>(300).fill(255)))).toHaveLength(256);
  });

  it("cover the file as far as the receivers hold it", () => {
    const c = l.coverage([
      delivery("a", "verified"),
      delivery("b", "receiving", { bar: bar(0b11) }),
      delivery("c", "receiving"),
      delivery("d", "queued"),
      delivery("e", "cancelled", { bar: bar(0b11) }),
    ]);
    expect(c.n).toBe(3);
    expect(c.of[0]).toBeCloseTo(2 / 3);
    expect(c.of[1]).toBeCloseTo(1 / 3);
    expect(l.coverage([]).of.every((v) => v === 0)).toBe(true);
  });
});

it("what was lost comes before what was left out", () => {
  const out = ["excluded", "pipe", "gone", "changed"].map((why) => ({ path: why, why }));
  expect(l.lostFirst(out).map((x) => x.why)).toEqual(["gone", "changed", "pipe", "excluded"]);
});

describe("why a machine refused", () => {
  const refused = (refusal: string, reason: string, more: Partial<Delivery> = {}) =>
    reasonText(delivery("pc", "refused", { refusal, reason, ...more } as Partial<Delivery>));
  it("is said of its numbers, not in its words", () => {
    const space = { needed: 160e6, free: 1.21e9, kept: 1.1e9 };
    expect(refused("space", "buy me a disk", { space })).toBe(
      "needs 160 MB; 1.21 GB are free and 1.1 GB must stay free: free 50 MB there, or lower its reserve",
    );
    expect(refused("space", "", { space: { needed: 160e6, free: 200e6, kept: 0, others: 100e6 } })).toBe(
      "needs 160 MB; 200 MB are free: free 60 MB there; other transfers take 100 MB",
    );
  });
  it.each([
    ["names", "a\u001b[31m", "cannot hold these file names; it says “a\\u{1b}[31m”"],
    ["size", "", "takes nothing so large"],
    ["manifest-name", "", "does not accept the list of files"],
    ["version", "install 0.2", "its version does not fit; “install 0.2”"],
    ["version", "", "its version does not fit"],
    ["mood", "a newer one's why", "refused it; it says “a newer one's why”"],
    ["toString", "", "refused it"],
  ])("%s", (refusal, own, text) => expect(refused(refusal, own)).toBe(text));
});
