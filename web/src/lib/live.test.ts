import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Stream, streams } from "../test/fakes";
import { connect, disconnect, live, onChange, refresh } from "./live.svelte";

const watcher = { refused: vi.fn(), back: vi.fn() };
const ends: (() => void)[] = [];

/** What is told of these kinds, as a list that grows. */
function heard(...kinds: string[]): boolean[] {
  const all: boolean[] = [];
  ends.push(onChange(kinds, (everything) => all.push(everything)));
  return all;
}

beforeEach(() => {
  vi.useFakeTimers();
  streams();
  watcher.refused.mockReset();
  watcher.back.mockReset();
  connect(watcher);
  Stream.last.opens();
});
afterEach(() => {
  ends.splice(0).forEach((end) => end());
  disconnect();
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
});

describe("events", () => {
  it("reach who cares for their kind, and nobody else", () => {
    const groups = heard("group", "member");
    const transfers = heard("transfer");
    Stream.last.says("group");
    vi.advanceTimersByTime(250);
    expect(groups).toEqual([false]);
    expect(transfers).toEqual([]);
  });

  it("of a burst are one reading, at most four a second", () => {
    const all = heard("delivery");
    for (let i = 0; i < 100; i++) {
      Stream.last.says("delivery");
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(250);
    expect(all).toHaveLength(4);
  });

  it("are not told any more once nobody listens", () => {
    const all = heard("group");
    ends.splice(0).forEach((end) => end());
    Stream.last.says("group");
    vi.advanceTimersByTime(1000);
    expect(all).toEqual([]);
  });

  it("that cannot be read let everything be read again", () => {
    const all = heard("group");
    Stream.last.onmessage?.(new MessageEvent("message", { data: "not JSON" }));
    vi.advanceTimersByTime(250);
    expect(all).toEqual([true]);
  });

  it("of progress keep the transfer as it is told", () => {
    Stream.last.says("progress", { data: { id: 7, state: "sending" } });
    expect(live.progress[7]).toEqual({ id: 7, state: "sending" });
  });

  it("of progress are kept of the newest transfers only", () => {
    for (let id = 1; id <= 500; id++) Stream.last.says("progress", { data: { id } });
    const ids = Object.keys(live.progress).map(Number);
    expect(ids).toHaveLength(100);
    expect(Math.min(...ids)).toBe(401);
  });

  it("are not needed after one's own action", () => {
    const all = heard("group");
    refresh();
    vi.advanceTimersByTime(250);
    expect(all).toEqual([true]);
  });
});

describe("a stream that breaks", () => {
  it("is said to be lost until the browser has it back; then everything is read again", () => {
    const all = heard("group");
    Stream.last.breaks();
    expect(live.connected).toBe(false);
    vi.advanceTimersByTime(60_000);
    expect(Stream.all).toHaveLength(1); // the browser's own business
    expect(all).toEqual([]);
    Stream.last.opens();
    expect(live.connected).toBe(true);
    expect(watcher.back).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(250);
    expect(all).toEqual([true]);
  });

  it("tells nobody of a break at its first opening", () => {
    expect(watcher.back).not.toHaveBeenCalled();
  });

  it("and is refused asks whether the sign-in is over, and is opened again after a pause", () => {
    const all = heard("group");
    Stream.last.refused();
    expect(live.connected).toBe(false);
    expect(watcher.refused).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(999);
    expect(Stream.all).toHaveLength(1);
    vi.advanceTimersByTime(4001);
    expect(Stream.all).toHaveLength(2);
    Stream.last.opens();
    vi.advanceTimersByTime(250);
    expect(live.connected).toBe(true);
    expect(all).toEqual([true]);
  });

  it("goes on trying as long as it is refused, with one stream at a time", () => {
    for (let i = 0; i < 20; i++) {
      Stream.last.refused();
      vi.advanceTimersByTime(5000);
      expect(Stream.open).toHaveLength(1);
    }
    expect(Stream.all).toHaveLength(21);
  });

  it("is not opened again once one signed out", () => {
    Stream.last.refused();
    disconnect();
    vi.advanceTimersByTime(60_000);
    expect(Stream.open).toEqual([]);
    expect(live.connected).toBe(true);
  });

  it("leaves the next one's stream alone", () => {
    Stream.last.refused();
    disconnect();
    connect(watcher); // signed in again within the pause
    const mine = Stream.last;
    mine.opens();
    vi.advanceTimersByTime(60_000);
    expect(Stream.last).toBe(mine);
    expect(Stream.open).toEqual([mine]);
  });
});

it("signing out forgets what was told: another user may be next", () => {
  Stream.last.says("progress", { data: { id: 7 } });
  disconnect();
  expect(live.progress).toEqual({});
});
