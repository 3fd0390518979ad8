import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { dismiss, forgetAll, recent, say, toasts } from "./toast.svelte";

beforeEach(() => {
  vi.useFakeTimers();
  forgetAll();
});
afterEach(() => vi.useRealTimers());

const shown = () => toasts.map((t) => t.text);

it("goes by itself, unless something went wrong", () => {
  say("saved");
  say("no room", true);
  vi.advanceTimersByTime(60_000);
  expect(shown()).toEqual(["no room"]);
  dismiss(toasts[0]!.id);
  expect(shown()).toEqual([]);
});

it("does not push away what went wrong, as long as there is something else", () => {
  say("no room", true);
  for (const n of [1, 2, 3, 4, 5]) say(`saved ${n}`);
  expect(shown()).toEqual(["no room", "saved 3", "saved 4", "saved 5"]);
  for (const n of [1, 2, 3, 4, 5]) say(`failed ${n}`, true);
  expect(shown()).toEqual(["failed 2", "failed 3", "failed 4", "failed 5"]);
});

it("can be read again, the last ones first, by nobody else", () => {
  for (let n = 1; n <= 40; n++) say(`saved ${n}`);
  vi.advanceTimersByTime(60_000);
  expect(shown()).toEqual([]);
  expect([recent.length, recent[0]!.text, recent.at(-1)!.text]).toEqual([30, "saved 40", "saved 11"]);
  forgetAll();
  expect(recent).toEqual([]);
});
