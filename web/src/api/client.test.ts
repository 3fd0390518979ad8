import { describe, expect, it, vi } from "vitest";
import { broken, refusal, server, type Answer } from "../test/fakes";
import { api, ApiError, onRefused } from "./client";
import type { NewTransfer, User } from "./types";

const failure = (p: Promise<unknown>) =>
  p.then(
    () => expect.fail("it did not fail"),
    (e: unknown) => e as ApiError,
  );

describe("an answer", () => {
  it("is its JSON", async () => {
    server(() => ({ body: { user: { name: "mia" }, admin: true } }));
    expect(await api.me()).toEqual({ user: { name: "mia" }, admin: true });
  });

  it("may be empty", async () => {
    server(() => ({ status: 204 }));
    expect(await api.leave("lab")).toBeUndefined();
  });

  it("of no list is an empty list", async () => {
    server(() => ({ text: "null" }));
    expect(await api.groups()).toEqual([]);
    expect(await api.pending()).toEqual({ rows: [], total: 0 });
  });

  it.each<[string, Answer, number, string, string]>([
    [
      "detail and hint",
      refusal(409, "conflict", "the group exists", "take another name"),
      409,
      "conflict",
      "The group exists. Take another name.",
    ],
    ["no hint", refusal(404, "not-found", "no such group"), 404, "not-found", "No such group."],
    ["an empty hint", refusal(404, "not-found", "no such group", ""), 404, "not-found", "No such group."],
    ["only a title", { status: 400, body: { title: "Bad Request" } }, 400, "", "Bad Request."],
    ["a page of a proxy", { status: 502, text: "<html>Bad gateway</html>" }, 502, "", "The server answered 502."],
    ["nothing", { status: 503, text: "" }, 503, "", "The server answered 503."],
    ["null", { status: 500, text: "null" }, 500, "", "The server answered 500."],
  ])("that refuses with %s says so", async (_, answer, status, code, message) => {
    server(() => answer);
    const e = await failure(api.group("lab"));
    expect(e).toBeInstanceOf(ApiError);
    expect({ status: e.status, code: e.code, message: e.message }).toEqual({ status, code, message });
  });

  it("keeps what cannot be sent", async () => {
    const bad = { count: 1, entries: [{ path: "a", why: "pipe" }] };
    server(() => ({ status: 422, body: { detail: "one cannot be sent", bad } }));
    expect((await failure(api.addTransfer({} as NewTransfer))).bad).toEqual(bad);
  });
});

describe("a connection that fails", () => {
  it.each<[string, () => Promise<unknown>]>([
    ["a reading", () => api.me()],
    ["an action", () => api.cancel(7)],
    ["a stretch", () => api.pending()],
    ["a proof", () => api.proof(7)],
    ["a piece of an upload", () => api.uploadData("u", "a", 0, new Blob(["x"]), new AbortController().signal)],
  ])("in %s is told in words of ours", async (_, call) => {
    server(broken);
    const e = await failure(call());
    expect(e).toBeInstanceOf(ApiError);
    expect([e.status, e.code]).toEqual([0, "unavailable"]);
    expect(e.message).toMatch(/^The server does not answer/);
  });

  it("in the middle of an answer is told in words of ours", async () => {
    const res = new Response(new ReadableStream({ start: (c) => c.error(new TypeError("terminated")) }));
    vi.stubGlobal("fetch", () => Promise.resolve(res));
    const e = await failure(api.groups());
    expect([e.status, e.code]).toEqual([0, "unavailable"]);
    expect(e.message).toMatch(/broke off/);
  });

  it.each(['[{"name":"la', "<html>Sign in to the hotel's network</html>"])("or %s is no answer", async (text) => {
    server(() => ({ text }));
    const e = await failure(api.groups());
    expect([e.status, e.code]).toEqual([0, "unavailable"]);
    expect(e.message).toMatch(/not this server/);
  });

  it("on purpose is no failure of the server", async () => {
    server(() => ({ body: {} }));
    const stop = new AbortController();
    stop.abort();
    const e = await failure(api.uploadData("u", "a", 0, new Blob(["x"]), stop.signal));
    expect(e).not.toBeInstanceOf(ApiError);
    expect(e.name).toBe("AbortError");
  });
});

describe("a call without a sign-in", () => {
  it("tells whoever keeps the sign-in, and fails", async () => {
    const told = vi.fn();
    onRefused(told);
    server(() => refusal(401, "unauthorized", "this needs a login"));
    expect((await failure(api.groups())).status).toBe(401);
    expect(told).toHaveBeenCalledOnce();
  });

  it.each([403, 404, 500])("is none with %i", async (status) => {
    const told = vi.fn();
    onRefused(told);
    server(() => refusal(status, "", "no"));
    await failure(api.groups());
    expect(told).not.toHaveBeenCalled();
  });
});

const users = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ id: `u${from + i}`, name: `n${from + i}` }) as User);

describe("a long list", () => {
  it("is read piece by piece, and tells what is there so far", async () => {
    const all = users(0, 2500);
    const asked = server(({ path }) => {
      const from = Number(new URL(path, "http://x").searchParams.get("from"));
      return { body: all.slice(from, from + 1000) };
    });
    const soFar: number[] = [];
    expect(await api.users((u) => soFar.push(u.length))).toEqual(all);
    expect(soFar).toEqual([1000, 2000]);
    expect(asked.map((a) => a.path)).toEqual([0, 1000, 2000].map((n) => `/users?limit=1000&from=${n}`));
  });

  it("has a row that moved between two pieces once", async () => {
    server((_, n) => ({ body: n === 0 ? users(0, 1000) : users(999, 1100) }));
    expect(await api.users()).toHaveLength(1100);
  });

  it("ends at a server that does not know where to begin", async () => {
    const asked = server(() => ({ body: users(0, 1000) }));
    expect(await api.users()).toHaveLength(1000);
    expect(asked).toHaveLength(2);
  });

  it("that breaks off half way is no list", async () => {
    server((_, n) => (n === 0 ? { body: users(0, 1000) } : broken()));
    expect((await failure(api.users())).code).toBe("unavailable");
  });

  it("may have more rows than are read", async () => {
    server(() => ({ body: [{ path: "a" }], headers: { "X-Total-Count": "9000" } }));
    expect(await api.files(7)).toEqual({ rows: [{ path: "a" }], total: 9000 });
  });
});

describe("what cannot be sent", () => {
  it("is read to the end, without what is excluded", async () => {
    const listed = Array.from({ length: 1500 }, (_, i) => ({ path: `p${i}`, why: i < 10 ? "excluded" : "pipe" }));
    const asked = server(({ path }) => {
      const from = Number(new URL(path, "http://x").searchParams.get("from"));
      return { body: { entries: listed.slice(from, from + 1000), listed: 1500, total: 1500 } };
    });
    expect(await api.checkTransfer({} as NewTransfer)).toHaveLength(1490);
    expect(asked).toHaveLength(2);
  });

  it("ends when the server lists fewer than it said", async () => {
    server((_, n) => ({ body: { entries: n ? null : [{ path: "a", why: "pipe" }], listed: 3, total: 3 } }));
    expect(await api.checkTransfer({} as NewTransfer)).toHaveLength(1);
  });
});

describe("a path", () => {
  it("cannot be left by a name", async () => {
    const asked = server(() => ({ body: [] }));
    await api.userGroups("../groups?x=1#");
    await api.requests("open");
    await api.approve("a/b", "mia/pc 7");
    await api.audit(17, 5);
    await api.series(7, "2026-11-30T10:00:00+01:00");
    await api.uploadData("u/1", "a b/ü&offset=9", 4, new Blob(["x"]), new AbortController().signal);
    expect(asked.map((a) => `${a.method} ${a.path}`)).toEqual([
      "GET /users/..%2Fgroups%3Fx%3D1%23/groups",
      "GET /requests?state=open&limit=1000&from=0",
      "POST /groups/a%2Fb/requests/mia%2Fpc%207/approve",
      "GET /audit?limit=5&before=17",
      "GET /transfers/7/series?after=2026-11-30T10%3A00%3A00%2B01%3A00",
      "PUT /uploads/u%2F1/data?path=a%20b%2F%C3%BC%26offset%3D9&offset=4",
    ]);
  });
});
