import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Delivery, Transfer } from "../api/types";
import { texts } from "../texts";
import { reasonText, verdict, waitText } from "./verdict";

const transfer = (t: Partial<Transfer>) =>
  ({
    state: "waiting",
    verified: 1,
    owed: 2,
    summary: "as the server says",
    standing: { devices: 3 },
    ...t,
  }) as Transfer;
const delivery = (device: string, label: string, more: object = {}) =>
  ({ device, user: "mia", standing: { label, promised: true, delivered: label === "verified" }, ...more }) as Delivery;

it("is what the server says where it speaks the language", () => {
  expect(verdict(transfer({}))).toBe("as the server says");
  expect(reasonText(delivery("a", "off", { state: "queued", cause: "away", reason: "asleep\u202e" }))).toBe(
    "asleep\\u{202e}",
  );
});

it("puts what a machine signed in quotes, whatever became of the transfer", () => {
  const of = (d: object) => reasonText(delivery("a", "x", { reason: "x”; call me\u202e", ...d }));
  expect(of({ state: "incomplete", signed: "all" })).toBe('it says “x"; call me\\u{202e}”');
  expect(of({ state: "verified", signed: "counts" })).toBe('it says “x"; call me\\u{202e}”');
  expect(of({ state: "incomplete", signed: "outcome" })).toBe('“x"; call me\\u{202e}”');
  expect(of({ state: "incomplete", signed: "all", reason: "" })).toBe("");
  const lost = "2 files changed, went or could not be read at the server";
  expect(of({ state: "incomplete", signed: "counts", reason: "", void: 2 })).toBe(lost);
  expect(of({ state: "incomplete", signed: "counts", void: 2 })).toBe(`${lost}; it says “x"; call me\\u{202e}”`);
});

describe("where the server does not speak the language", () => {
  beforeEach(() => {
    texts.serverSpeaksIt = false;
  });
  afterEach(() => {
    texts.serverSpeaksIt = true;
  });

  it.each<[Partial<Transfer>, string]>([
    [{ cause: "away" }, "2 receivers are off and get it when they are back"],
    [{ cause: "held", state: "held" }, "held until it is sent"],
    [
      { state: "sending", bytes: 400, hashing: { bytes: 100, pages: 2 } },
      "the server has read 25.0 % of the files so far",
    ],
    [{ state: "sending", cause: undefined }, ""],
    [{ state: "cancelled", cause: "unheard-of" }, "cancelled"],
    [{ cause: "constructor" }, "waiting"],
    [{ cause: "done" }, "waiting"],
  ])("%j is said: %s", (t, text) => expect(verdict(transfer(t))).toBe(text));

  it("names machines that are not through, some of many", () => {
    const all = [
      delivery("pc-1", "verified"),
      ...["d", "c", "b", "a", "e"].map((x) => delivery(x, "off")),
      delivery("pc-2", "refused"),
    ];
    expect(verdict(transfer({ state: "sending" }), all)).toBe("pc-2 refused; a, b, c, 2 more off");
  });

  it("says why a delivery waits by its code, and in the server's words what has none", () => {
    const of = (d: object) => reasonText(delivery("a", "x", { state: "queued", reason: "no route", ...d }));
    expect(of({ cause: "away" })).toBe("not active: its receiver is not connected");
    expect(of({ state: "refused", refusal: "space" })).toBe("has no room for it; it says “no route”");
    expect(of({ state: "failed" })).toBe("failed: “no route”");
    expect(of({ reason: "" })).toBe("");
    expect(waitText(transfer({ cause: "paused", reason: "x" }))).toBe("paused until it is resumed");
    expect(waitText(transfer({ cause: "new", reason: "x" }))).toBe("");
  });
});
