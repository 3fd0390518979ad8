// The stores that pages share: the address bar, toasts, a page's data, shortcuts.
import { admin as adminPlaces, member as memberPlaces } from "./places";
import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { broken, server, streams } from "../test/fakes";
import { ApiError } from "../api/client";
import Probe from "../test/Probe.svelte";
import { grouped } from "./lists";
import { listen } from "./keys";
import { refresh } from "./live.svelte";
import type { Loaded } from "./load.svelte";
import { columns } from "./series.svelte";
import { attempt, dismiss, say, toasts } from "./toast.svelte";

beforeEach(() => {
  vi.useFakeTimers();
  streams();
});
afterEach(() => {
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
});

describe("the address bar", () => {
  /** What a page is, opened at this address. */
  async function at(hash: string): Promise<string[]> {
    vi.resetModules();
    location.hash = hash;
    return (await import("./router.svelte")).route.parts;
  }

  it.each([
    ["", []],
    ["#/", []],
    ["#/transfers/7", ["transfers", "7"]],
    ["#/groups/a%2Fb%20%C3%BC", ["groups", "a/b ü"]],
    ["#/groups//lab?x=1/2", ["groups", "lab"]],
    ["#/groups/100%", ["groups", "100%"]],
    ["#/groups/%E0%A4%A", ["groups", "%E0%A4%A"]],
  ])("%s is %j", async (hash, parts) => expect(await at(hash)).toEqual(parts));

  it("is made of any name, and read again as the same", async () => {
    const name = "../a b/ü?#%41";
    vi.resetModules();
    const { link, route, go } = await import("./router.svelte");
    expect(link("groups", name)).toMatch(/^#\/groups\/[^/?#]+$/);
    vi.stubGlobal("scrollTo", () => undefined);
    go("groups", name);
    window.dispatchEvent(new Event("hashchange"));
    expect(route.parts).toEqual(["groups", name]);
  });
});

describe("toasts", () => {
  beforeEach(() => void toasts.splice(0));

  it("go by themselves, errors stay until they are dismissed", () => {
    say("done");
    say("failed", true);
    vi.advanceTimersByTime(5000);
    expect(toasts.map((t) => t.text)).toEqual(["failed"]);
    dismiss(toasts[0]!.id);
    dismiss(-1);
    expect(toasts).toEqual([]);
  });

  it("are four at most", () => {
    for (let i = 0; i < 10; i++) say(`${i}`, true);
    expect(toasts.map((t) => t.text)).toEqual(["6", "7", "8", "9"]);
  });

  it("tell how an action went, in the server's words", async () => {
    expect(await attempt(() => Promise.resolve(7), "Sent")).toBe(7);
    expect(await attempt(() => Promise.reject(new ApiError(403, "", "Only administrators.")))).toBeUndefined();
    expect(toasts.map((t) => [t.text, t.bad])).toEqual([
      ["Sent", false],
      ["Only administrators.", true],
    ]);
  });
});

describe("a page's data", () => {
  let read: ReturnType<typeof vi.fn<(soFar: (part: string) => void) => Promise<string>>>;
  let data: Loaded<string>;
  let page: ReturnType<typeof mount>;
  const ticks = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
  function open(least = 0): void {
    page = mount(Probe, { target: document.body, props: { read, kinds: ["group"], least, tell: (d) => (data = d) } });
    flushSync();
  }
  beforeEach(() => {
    read = vi.fn(() => Promise.resolve("one"));
  });
  afterEach(() => void unmount(page));

  it("is read when the page opens", async () => {
    open();
    expect(data.value).toBeUndefined();
    await ticks();
    expect([data.value, data.error]).toEqual(["one", ""]);
  });

  it("stays when reading it again fails, and the error goes with the next that succeeds", async () => {
    open();
    await ticks();
    server(broken);
    read.mockRejectedValueOnce(new Error("The server does not answer."));
    await data.again();
    expect([data.value, data.error]).toEqual(["one", "The server does not answer."]);
    read.mockResolvedValueOnce("two");
    await data.again();
    expect([data.value, data.error]).toEqual(["two", ""]);
  });

  it("shows what is there so far, once: not in the place of a whole list", async () => {
    let finish = (_: string): void => undefined;
    read.mockImplementation((soFar) => {
      soFar("part");
      return new Promise((ok) => (finish = ok));
    });
    open();
    await ticks();
    expect(data.value).toBe("part");
    finish("whole");
    await ticks();
    void data.again();
    await ticks();
    expect(data.value).toBe("whole");
    finish("whole");
    await ticks();
  });

  it("is read once more, not at the same time, when it is asked for while it is read", async () => {
    const ends: ((s: string) => void)[] = [];
    read.mockImplementation(() => new Promise((ok) => ends.push(ok)));
    open();
    void data.again();
    void data.again();
    expect(ends).toHaveLength(1);
    ends[0]!("old");
    await ticks();
    expect(ends).toHaveLength(2);
    ends[1]!("new");
    await ticks();
    expect(data.value).toBe("new");
    expect(ends).toHaveLength(2);
  });

  it("is read again after one's own action, and no more once the page is closed", async () => {
    open();
    await ticks();
    refresh();
    await ticks(250);
    expect(read).toHaveBeenCalledTimes(2);
    await unmount(page);
    refresh();
    await ticks(60_000);
    expect(read).toHaveBeenCalledTimes(2);
    open(); // for afterEach
  });
});

describe("shortcuts", () => {
  const help = vi.fn();
  const find = vi.fn();
  let admin = true;
  let end = (): void => undefined;
  beforeEach(() => {
    admin = true;
    help.mockReset();
    location.hash = "#/start";
    end = listen({ sections: () => (admin ? adminPlaces : memberPlaces), help, find });
  });
  afterEach(() => {
    press("Escape"); // a first key waits for its second no more
    end();
  });
  const press = (key: string, more: KeyboardEventInit = {}, on: Element = document.body) =>
    on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));

  it("open pages with two keys", () => {
    press("g");
    press("t");
    expect(location.hash).toBe("#/transfers");
  });

  it.each<[string, () => void]>([
    ["too late", () => (press("g"), vi.advanceTimersByTime(1300), press("t"))],
    ["with a modifier", () => (press("g"), press("t", { ctrlKey: true }))],
    ["of no page", () => (press("g"), press("x"))],
    ["for another's page", () => ((admin = false), press("g"), press("u"))],
  ])("do nothing %s", (_, keys) => {
    keys();
    expect(location.hash).toBe("#/start");
  });

  it("leave a member his own page", () => {
    admin = false;
    press("g");
    press("a");
    expect(location.hash).toBe("#/account");
  });

  it("show their list, but not to who is writing", () => {
    const input = document.body.appendChild(document.createElement("input"));
    press("?", {}, input);
    expect(help).not.toHaveBeenCalled();
    press("?");
    expect(help).toHaveBeenCalledOnce();
    input.remove();
  });

  it("Ctrl-K finds, whoever is writing", () => {
    const input = document.body.appendChild(document.createElement("input"));
    press("k", { ctrlKey: true }, input);
    press("k", { metaKey: true });
    expect(find).toHaveBeenCalledTimes(2);
    press("k");
    expect(find).toHaveBeenCalledTimes(2);
    input.remove();
  });

  it("end with the page", () => {
    end();
    press("?");
    expect(help).not.toHaveBeenCalled();
  });
});

it("lists are grouped in their order", () => {
  expect([...grouped(["b1", "a1", "b2"], (x) => x[0]!)]).toEqual([
    ["b", ["b1", "b2"]],
    ["a", ["a1"]],
  ]);
});

it("the rate graph has seconds from the start and Mbit/s", () => {
  const point = (s: number) => ({
    at: `2026-11-30T10:00:0${s}Z`,
    sent: 5e6,
    repair: 1e6,
    p10: 2e6,
    p50: 3e6,
    p90: 4e6,
    loss: 0,
    limiter: "",
  });
  expect(columns([point(1), point(3)])).toEqual([
    [0, 2],
    [5, 5],
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
  ]);
  expect(columns([])).toEqual([[], [], [], [], [], []]);
});
