// A server that answers as a test says, and the stream of its events.
import { vi } from "vitest";

export interface Asked {
  method: string;
  path: string; // below /api/v1
  body: unknown;
}

/** What is answered: a body, a status with its problem, or a connection that fails. */
export type Answer = { status?: number; body?: unknown; headers?: Record<string, string>; text?: string } | Error;

/** Answers every call by what `by` says and keeps what was asked. */
export function server(by: (asked: Asked, n: number) => Answer | Promise<Answer>): Asked[] {
  const all: Asked[] = [];
  const fetch = async (url: string, how: RequestInit = {}): Promise<Response> => {
    const raw = how.body;
    const body: unknown = typeof raw === "string" ? JSON.parse(raw) : raw;
    const asked = { method: how.method ?? "GET", path: url.replace("/api/v1", ""), body };
    all.push(asked);
    how.signal?.throwIfAborted();
    const a = await by(asked, all.length - 1);
    if (a instanceof Error) throw a;
    const text = a.text ?? (a.body === undefined ? "" : JSON.stringify(a.body));
    const status = a.status ?? (text ? 200 : 204);
    return new Response(status === 204 ? null : text, { status, headers: a.headers });
  };
  vi.stubGlobal("fetch", vi.fn(fetch));
  return all;
}

/** What a browser throws when the connection fails. */
export const broken = () => new TypeError("Failed to fetch");

export const refusal = (status: number, code: string, detail: string, hint?: string): Answer => ({
  status,
  body: { status, code, detail, hint },
});

/** The browser's EventSource, without a browser. */
export class Stream extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: Stream[] = [];
  readyState = 0;
  onopen?: () => void;
  onerror?: () => void;
  onmessage?: (m: MessageEvent<string>) => void;
  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }
  static get last(): Stream {
    return Stream.all.at(-1)!;
  }
  static get open(): Stream[] {
    return Stream.all.filter((s) => s.readyState !== Stream.CLOSED);
  }
  close(): void {
    this.readyState = Stream.CLOSED;
  }
  opens(): void {
    this.readyState = Stream.OPEN;
    this.onopen?.();
  }
  says(kind: string, event: object = {}): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify({ kind, ...event }) }));
  }
  /** The connection breaks; the browser tries again by itself. */
  breaks(): void {
    this.readyState = Stream.CONNECTING;
    this.onerror?.();
  }
  /** The server answers with something else than a stream: the browser gives up. */
  refused(): void {
    this.readyState = Stream.CLOSED;
    this.onerror?.();
  }
}

/** Puts Stream in the place of EventSource. */
export function streams(): void {
  Stream.all = [];
  vi.stubGlobal("EventSource", Stream);
}
