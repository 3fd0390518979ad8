import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { Me, Upload } from "../api/types";
import { session } from "./session.svelte";
import { broken, refusal, server, type Answer, type Asked } from "../test/fakes";
import {
  cancelUpload,
  dropped,
  forget,
  sift,
  sizeOf,
  unfinished,
  upload,
  uploading,
  type Picked,
} from "./upload.svelte";

const MiB = 1 << 20;
const changed = new Date("2026-11-30T10:00:00Z").getTime();
const file = (path: string, size: number): Picked => ({
  path,
  file: new File([new Uint8Array(size)], path, { lastModified: changed }),
});

/** A server that takes uploads, with what it holds; `before` may answer instead. */
function uploads(before: (asked: Asked) => Answer | undefined = () => undefined) {
  const held: Record<string, Upload> = {};
  const asked = server((a) => {
    const instead = before(a);
    if (instead) return instead;
    const at = new URL(a.path, "http://x");
    const u = held[at.pathname.split("/")[2] ?? ""];
    if (a.method === "POST") {
      const made = { id: `up${Object.keys(held).length + 1}`, entries: (a.body as Upload).entries } as Upload;
      return { body: (held[made.id] = structuredClone(made)) };
    }
    if (!u) return refusal(404, "not-found", "no such upload");
    if (a.method === "GET") return { body: u };
    const e = u.entries!.find((x) => x.path === at.searchParams.get("path"))!;
    if (Number(at.searchParams.get("offset")) !== e.offset) return refusal(409, "conflict", "not where it ends");
    e.offset += (a.body as Blob).size;
    return { body: e };
  });
  return { held, asked, puts: () => asked.filter((a) => a.method === "PUT") };
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  forget(uploading.id);
});
afterEach(() => {
  vi.useRealTimers();
});

/** What becomes of it while time passes. */
async function through<T>(p: Promise<T>): Promise<T | Error> {
  const end = p.catch((e: Error) => e);
  await vi.advanceTimersByTimeAsync(120_000);
  return end;
}

describe("an upload", () => {
  it("goes in pieces of 4 MiB, each where the last ended", async () => {
    const s = uploads();
    expect(await through(upload([file("a", 9 * MiB), file("b", 10), { path: "empty" }]))).toBe("up1");
    expect(s.puts().map((a) => [a.path.split("?")[1], (a.body as Blob).size])).toEqual([
      ["path=a&offset=0", 4 * MiB],
      [`path=a&offset=${4 * MiB}`, 4 * MiB],
      [`path=a&offset=${8 * MiB}`, MiB],
      ["path=b&offset=0", 10],
    ]);
    expect(uploading).toMatchObject({ total: 9 * MiB + 10, sent: 9 * MiB + 10, running: false, error: "", done: true });
  });

  it("lists files and empty folders as they are", async () => {
    const s = uploads();
    await through(upload([file("a", 3), { path: "empty" }]));
    expect(s.held.up1?.entries).toMatchObject([
      { path: "a", kind: "file", size: 3, mode: 0o644, mtime: "2026-11-30T10:00:00.000Z" },
      { path: "empty", kind: "folder", size: 0, mode: 0o755 },
    ]);
  });

  it("asks before the page is left, as long as it runs", async () => {
    uploads((a) => (a.method === "PUT" ? broken() : undefined));
    const leaves = () => window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
    const p = upload([file("a", 3)]).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(100);
    expect(leaves()).toBe(false);
    cancelUpload();
    await p;
    expect(leaves()).toBe(true);
  });
});

describe("a lost connection", () => {
  /** Whatever is asked from the second piece on fails so often. */
  function breaking(calls: number) {
    const s = uploads((a) => (a.path !== "/uploads" && s.puts().length > 1 && calls-- > 0 ? broken() : undefined));
    return s;
  }

  it.each([1, 2, 5, 8])("is survived, be it for %i calls", async (calls) => {
    const s = breaking(calls);
    expect(await through(upload([file("a", 9 * MiB)]))).toBe("up1");
    expect(s.held.up1?.entries?.[0]?.offset).toBe(9 * MiB);
    expect(uploading.sent).toBe(9 * MiB);
  });

  it("ends the upload when it lasts, in words of ours", async () => {
    breaking(9);
    expect(await through(upload([file("a", 9 * MiB)]))).toBeInstanceOf(ApiError);
    expect(uploading.error).toMatch(/^The server does not answer/);
    expect(uploading).toMatchObject({ running: false, done: false, sent: 4 * MiB });
  });

  it("after which the server has more than was confirmed goes on from there", async () => {
    let once = true;
    const s = uploads((a) => {
      if (a.method !== "PUT" || !once) return undefined;
      once = false;
      s.held.up1!.entries![0]!.offset = 4 * MiB; // it took the piece, and its answer was lost
      return broken();
    });
    expect(await through(upload([file("a", 5 * MiB)]))).toBe("up1");
    expect(uploading.sent).toBe(5 * MiB);
    expect(s.puts()).toHaveLength(2);
  });

  it("after which the server has all of the file sends nothing of it again", async () => {
    const s = uploads((a) => {
      if (a.method !== "PUT") return undefined;
      s.held.up1!.entries![0]!.offset = 10;
      return broken();
    });
    expect(await through(upload([file("a", 10)]))).toBe("up1");
    expect([uploading.sent, s.puts().length]).toEqual([10, 1]);
  });

  it("after which the server has less goes back", async () => {
    let first = true;
    const s = uploads((a) => {
      if (a.method !== "PUT" || !a.path.endsWith(`offset=${4 * MiB}`) || !first) return undefined;
      first = false;
      s.held.up1!.entries![0]!.offset = MiB; // its disk lost the rest
      return refusal(409, "conflict", "not where it ends");
    });
    expect(await through(upload([file("a", 5 * MiB)]))).toBe("up1");
    expect(uploading.sent).toBe(5 * MiB);
  });

  it("is waited out by a server that is busy or restarts", async () => {
    let n = 0;
    uploads((a) => (a.method === "PUT" && n++ < 3 ? refusal(503, "unavailable", "the server is stopping") : undefined));
    expect(await through(upload([file("a", 10)]))).toBe("up1");
  });
});

describe("an upload that cannot go on", () => {
  it.each([
    [401, "this needs a login"],
    [403, "only administrators"],
    [404, "no such upload"],
    [413, "the disk is full"],
  ])("ends at once with %i", async (status, detail) => {
    const s = uploads((a) => (a.method === "PUT" ? refusal(status, "", detail) : undefined));
    const p = upload([file("a", 10)]).catch((e: Error) => e);
    await vi.advanceTimersByTimeAsync(100);
    expect(await p).toMatchObject({ status });
    expect(s.puts()).toHaveLength(1);
    expect(uploading).toMatchObject({ running: false, done: false });
    expect(uploading.error.toLowerCase()).toBe(`${detail}.`);
  });

  it("says so if it is the file that cannot be read, not the server", async () => {
    const a = file("exam.iso", 10);
    const s = uploads((asked) => {
      if (asked.method !== "PUT") return undefined;
      a.file!.slice = () =>
        ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotFoundError")) }) as unknown as Blob;
      return broken();
    });
    const end = await through(upload([a]));
    expect(end).toBeInstanceOf(Error);
    expect(uploading.error).toBe("exam.iso: it cannot be read: it is not there any more. Pick the files again.");
    expect(s.puts()).toHaveLength(1);
  });

  it("is stopped at once, also in a pause", async () => {
    const s = uploads((a) => (a.method === "PUT" ? broken() : undefined));
    const p = upload([file("a", 10)]).catch((e: Error) => e);
    await vi.advanceTimersByTimeAsync(10_000);
    const before = s.asked.length;
    cancelUpload();
    await vi.advanceTimersByTimeAsync(0);
    expect(await p).toMatchObject({ name: "AbortError" });
    expect(uploading).toMatchObject({ running: false, error: "Stopped. Pick the same files to go on." });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(s.asked).toHaveLength(before);
  });
});

describe("an earlier visit's upload", () => {
  const again = () => [file("a", 9 * MiB), { path: "empty" }];
  async function halfDone() {
    let stopped = false;
    const s = uploads((a) => {
      if (a.method !== "PUT" || s.puts().length < 2 || stopped) return undefined;
      stopped = true;
      return refusal(403, "", "no");
    });
    await through(upload(again()));
    expect(s.held.up1?.entries?.[0]?.offset).toBe(4 * MiB);
    return s;
  }

  it("goes on where it ended when the same files are picked", async () => {
    const s = await halfDone();
    expect((await unfinished())?.id).toBe("up1");
    expect(await through(upload(again()))).toBe("up1");
    expect(Object.keys(s.held)).toEqual(["up1"]);
    expect(uploading).toMatchObject({ sent: 9 * MiB, total: 9 * MiB });
  });

  it.each<[string, Picked[]]>([
    ["another size", [file("a", 8 * MiB), { path: "empty" }]],
    ["another name", [file("b", 9 * MiB), { path: "empty" }]],
    ["one more", [...again(), file("c", 1)]],
    ["a file instead of a folder", [file("a", 9 * MiB), file("empty", 0)]],
    [
      "changed since",
      [{ path: "a", file: new File([new Uint8Array(9 * MiB)], "a", { lastModified: changed + 1 }) }, { path: "empty" }],
    ],
  ])("is not continued with %s", async (_, files) => {
    await halfDone();
    expect(await through(upload(files))).toBe("up2");
  });

  it("is forgotten once the server does not know it", async () => {
    const s = await halfDone();
    delete s.held.up1;
    expect(await unfinished()).toBeUndefined();
    expect(localStorage.getItem("upload")).toBe("[]");
  });

  it("is not forgotten while the server is away", async () => {
    await halfDone();
    server(broken);
    expect(await unfinished()).toBeUndefined();
    expect(localStorage.getItem("upload")).toBe('["up1"]');
  });

  it("is left alone while another tab is at it", async () => {
    await halfDone();
    vi.stubGlobal("navigator", {
      locks: {
        query: () => Promise.resolve({ held: [{ name: "upload up1" }] }),
        request: (_: string, run: () => Promise<string>) => run(),
      },
    });
    expect(await unfinished()).toBeUndefined();
    expect(await through(upload(again()))).toBe("up2");
  });

  it.each(["up0", "{", '{"a":1}', "[1,null]", "7"])("is found, or nothing, in whatever is stored: %s", async (text) => {
    const asked = uploads().asked;
    localStorage.setItem("upload", text);
    expect(await unfinished()).toBeUndefined();
    expect(asked.map((a) => a.path)).toEqual(text === "[1,null]" ? [] : [`/uploads/${encodeURIComponent(text)}`]);
  });

  it("is one of at most twenty that are remembered", async () => {
    uploads();
    for (let i = 0; i < 25; i++) await through(upload([file(`f${i}`, 1)]));
    expect(JSON.parse(localStorage.getItem("upload") ?? "")).toHaveLength(20);
  });
});

describe("what is picked", () => {
  it("is sifted by the server's judgement and by what can be read", async () => {
    server(() => ({ body: { entries: [{ path: "a.tmp", why: "excluded" }], listed: 1, total: 1 } }));
    const locked = file("locked", 3);
    locked.file!.slice = () =>
      ({ arrayBuffer: () => Promise.reject(new DOMException("no", "NotReadableError")) }) as unknown as Blob;
    const { rest, left } = await sift(
      [file("a.tmp", 3), locked, file("b", 3), file("none", 0), { path: "d" }],
      ["*.tmp"],
    );
    expect(rest.map((f) => f.path)).toEqual(["b", "none", "d"]);
    expect(left).toEqual([
      { path: "a.tmp", why: "excluded" },
      { path: "locked", why: "unreadable", detail: "no permission, or it changed since it was picked" },
    ]);
  });

  it("has the size of its files", () => {
    expect(sizeOf([file("a", 3), { path: "d" }, file("b", 4)])).toBe(7);
  });
});

describe("a drop", () => {
  const leaf = (name: string, fails?: Error) => ({
    name,
    isFile: true,
    file: (ok: (f: File) => void, no: (e: Error) => void) => (fails ? no(fails) : ok(new File(["x"], name))),
  });
  const folder = (name: string, ...inside: object[][]) => ({
    name,
    isFile: false,
    createReader: () => ({ readEntries: (ok: (e: object[]) => void) => ok(inside.shift() ?? []) }),
  });
  const drop = (...roots: (object | null)[]) =>
    dropped(roots.map((r) => ({ webkitGetAsEntry: () => r })) as unknown as DataTransferItemList);

  it("is walked, batch by batch, with its empty folders, in order", async () => {
    const { files, bad } = await drop(
      leaf("z"),
      folder("d", [leaf("b"), folder("empty")], [leaf("a")]),
      null, // a text that was dropped with them
    );
    expect(files.map((f) => [f.path, f.file !== undefined])).toEqual([
      ["d/a", true],
      ["d/b", true],
      ["d/empty", false],
      ["z", true],
    ]);
    expect(bad).toEqual([]);
  });

  it("names what cannot be looked at, and goes on", async () => {
    const { files, bad } = await drop(
      folder("d", [leaf("gone", new DOMException("x", "NotFoundError")), leaf("", new Error("x")), leaf("a")]),
    );
    expect(files.map((f) => f.path)).toEqual(["d/a"]);
    expect(bad).toEqual([
      { path: "d/gone", why: "unreadable", detail: "it is not there any more" },
      { path: "d/\ufffd", why: "name", detail: "the browser cannot read it" },
    ]);
  });
});

describe("a sign-in that ends in the middle of an upload", () => {
  const mia = { user: { id: "1", name: "mia" } } as Me;
  const tom = { user: { id: "2", name: "tom" } } as Me;
  afterEach(() => {
    Object.assign(session, { me: undefined, over: false });
  });
  function cutOff() {
    let over = false;
    let pieces = 0;
    const s = uploads((a) => {
      if (a.method === "PUT" && ++pieces === 2) {
        over = true;
        session.over = true;
      }
      return over ? refusal(401, "unauthorized", "sign in") : undefined;
    });
    return { ...s, back: () => (over = false) };
  }

  it("goes on where it stopped once the same person is back", async () => {
    session.me = mia;
    const s = cutOff();
    const done = upload([file("a", 9 * MiB)]);
    await vi.advanceTimersByTimeAsync(120_000); // nothing gives up meanwhile
    expect([uploading.running, uploading.away, uploading.error]).toEqual([true, true, ""]);
    s.back();
    session.over = false;
    expect(await through(done)).toBe("up1");
    expect([uploading.away, uploading.done, s.held.up1!.entries![0]!.offset]).toEqual([false, true, 9 * MiB]);
  });

  it("stops when somebody else signs in", async () => {
    session.me = mia;
    const s = cutOff();
    const done = upload([file("a", 9 * MiB)]).catch((e: Error) => e);
    await vi.advanceTimersByTimeAsync(2000);
    s.back();
    Object.assign(session, { me: tom, over: false });
    expect(await through(done)).toBeInstanceOf(ApiError);
    expect(uploading.error).toMatch(/Somebody else/);
  });
});
