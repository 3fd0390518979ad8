import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "../api/client";
import type { Me } from "../api/types";
import { broken, refusal, server, Stream, streams, type Answer, type Asked } from "../test/fakes";
import { disconnect, live } from "./live.svelte";
import { entered, find, giveUp, leave, session } from "./session.svelte";
import { toasts } from "./toast.svelte";

const me = (name: string, admin: boolean) => ({ user: { id: name, name }, admin, server: "lab" }) as Me;
const gone = refusal(401, "unauthorized", "this needs a login", "log in");

/** What the server answers from now on: to /me, and to the rest. */
let answers: { me: Answer; rest: Answer };
let asked: Asked[];

beforeEach(() => {
  vi.useFakeTimers();
  streams();
  answers = { me: { body: me("mia", true) }, rest: { body: [] } };
  asked = server(({ path }) => (path === "/me" ? answers.me : answers.rest));
  Object.assign(session, { me: undefined, known: false, error: "", over: false });
  toasts.splice(0);
});
afterEach(() => {
  disconnect();
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
});

const settled = () => vi.advanceTimersByTimeAsync(0);

describe("at the start", () => {
  it("who is signed in is found, and the stream opened", async () => {
    await find();
    expect(session.me?.user.name).toBe("mia");
    expect([session.known, session.error]).toEqual([true, ""]);
    expect(Stream.open).toHaveLength(1);
  });

  it("a sign-in meanwhile is not undone by the answer to who was signed in before it", async () => {
    let answer: ((a: Answer) => void) | undefined;
    server(() => (answer ? { body: me("mia", true) } : new Promise<Answer>((ok) => (answer = ok))));
    const found = find();
    entered(me("mia", true));
    await settled();
    answer!(gone);
    await found;
    await settled();
    expect(session.me?.user.name).toBe("mia");
  });

  it("nobody is signed in: no error, no stream", async () => {
    answers.me = gone;
    await find();
    expect(session).toMatchObject({ me: undefined, known: true, error: "" });
    expect(Stream.all).toEqual([]);
  });

  it("a server that does not answer is no sign-out, and is asked again", async () => {
    answers.me = broken();
    await find();
    expect(session.error).toMatch(/^The server does not answer/);
    answers.me = { body: me("mia", true) };
    await find();
    expect(session).toMatchObject({ error: "", known: true });
    expect(session.me?.user.name).toBe("mia");
  });
});

describe("a sign-in that ends in mid-work", () => {
  beforeEach(() => {
    entered(me("mia", true));
    Stream.last.opens();
  });

  it("shows at the next call, whichever it is", async () => {
    answers = { me: gone, rest: gone };
    await expect(api.createGroup({ name: "lab" })).rejects.toThrow("This needs a login. Log in.");
    await settled();
    expect(session).toMatchObject({ over: true, me: { user: { name: "mia" } } }); // what is on the screen stays
    expect(Stream.open).toEqual([]);
    expect(live.connected).toBe(true); // no word of a lost connection beside the sign-in
  });

  it("shows when the stream is refused", async () => {
    answers.me = gone;
    Stream.last.refused();
    await settled();
    expect(session.over).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Stream.open).toEqual([]);
  });

  it("goes on for whom it ended, and starts anew for somebody else", async () => {
    const over = async () => {
      answers.me = gone;
      Stream.last.refused();
      await settled();
      expect(session.over).toBe(true);
    };
    const visit = session.visit;
    await over();
    entered(me("mia", true));
    expect([session.over, session.visit]).toEqual([false, visit]);
    expect(Stream.open).toHaveLength(1);
    await over();
    entered(me("tom", false));
    expect([session.over, session.visit]).toEqual([false, visit + 1]);
    await over();
    giveUp();
    expect([session.over, session.visit, session.me]).toEqual([false, visit + 2, undefined]);
  });

  it("is none if only a password was wrong", async () => {
    answers.rest = refusal(401, "unauthorized", "wrong password");
    await expect(api.changePassword("a", "b")).rejects.toThrow("Wrong password.");
    await settled();
    expect(session.me?.user.name).toBe("mia");
    expect(Stream.open).toHaveLength(1);
  });

  it.each([
    ["does not answer", broken()],
    ["is starting", refusal(503, "unavailable", "the server is starting")],
  ])("is none if the server %s", async (_, answer) => {
    answers.me = answer;
    Stream.last.refused();
    await settled();
    expect(session.me?.user.name).toBe("mia");
    expect(live.connected).toBe(false);
    answers.me = { body: me("mia", true) };
    await vi.advanceTimersByTimeAsync(5000);
    Stream.last.opens();
    expect(live.connected).toBe(true);
  });

  it("is asked for once, however many calls are refused at a time", async () => {
    answers = { me: gone, rest: gone };
    await Promise.allSettled([api.groups(), api.devices(), api.transfers()]);
    await settled();
    expect(asked.filter((a) => a.path === "/me")).toHaveLength(1);
  });

  it("of one user does not end that of the next", async () => {
    let answer = (_: Answer): void => undefined;
    server(() => new Promise<Answer>((ok) => (answer = ok)));
    Stream.last.refused();
    entered(me("tom", false)); // meanwhile
    answer(gone);
    await settled();
    expect(session.me?.user.name).toBe("tom");
    expect(Stream.open).toHaveLength(1);
  });
});

describe("another role", () => {
  it("is known once the stream is back: the server ends it at such a change", async () => {
    entered(me("mia", true));
    Stream.last.opens();
    answers.me = { body: me("mia", false) };
    Stream.last.breaks();
    Stream.last.opens();
    await settled();
    expect(session.me?.admin).toBe(false);
  });
});

describe("signing out", () => {
  beforeEach(() => {
    entered(me("mia", true));
    Stream.last.opens();
    answers.rest = { status: 204 };
  });

  it("closes the stream and forgets who it was", async () => {
    await leave();
    expect(asked.at(-1)).toMatchObject({ method: "POST", path: "/web/logout" });
    expect(session.me).toBeUndefined();
    expect(Stream.open).toEqual([]);
  });

  it("is done if the sign-in was over already", async () => {
    answers = { me: gone, rest: gone };
    await leave();
    expect(session.me).toBeUndefined();
    expect(toasts).toEqual([]);
  });

  it("is not done if the server did not hear of it, and says so", async () => {
    answers.rest = broken();
    await leave();
    expect(session.me?.user.name).toBe("mia");
    expect(Stream.open).toHaveLength(1);
    expect(toasts[0]).toMatchObject({
      bad: true,
      text: expect.stringMatching(/^You are still signed in\. The server/),
    });
  });
});
