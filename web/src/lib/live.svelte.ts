// The event stream as state. Events are hints: a page that cares reads its data again. When
// the stream breaks, everything is read again once it is back.
import type { ServerEvent, Transfer } from "../api/types";

type Listener = (kinds: Set<string>) => void;

export const live = $state({ connected: true, since: 0, progress: {} as Record<number, Transfer> });

const listeners = new Set<Listener>();
let source: EventSource | undefined;
let changed = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

const kinds = ["hello", "user", "device", "group", "member", "request", "transfer", "delivery", "progress"];

function tell(kind: string): void {
  changed.add(kind);
  // Many events in a burst are one reading: at most four a second.
  timer ??= setTimeout(() => {
    const now = changed;
    changed = new Set();
    timer = undefined;
    for (const l of listeners) l(now);
  }, 250);
}

/** After one's own action: everything on the page is read again, whatever the server tells. */
export function refresh(): void {
  tell("hello");
}

let refused: (() => Promise<void>) | undefined;

/** Opens the stream; ended is asked when the server refuses it: the sign-in may be over. */
export function connect(ended = refused): void {
  source?.close();
  refused = ended;
  source = new EventSource("/api/v1/events");
  source.onopen = () => {
    if (!live.connected) tell("hello");
    live.connected = true;
    live.since = Date.now();
  };
  source.onerror = () => {
    live.connected = false;
    if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again itself
    void refused?.();
    setTimeout(() => source && connect(), 1000 + Math.random() * 4000);
  };
  for (const kind of kinds) source.addEventListener(kind, (m) => heard(kind, m as MessageEvent<string>));
  source.onmessage = (m) => heard("", m as MessageEvent<string>);
}

function heard(kind: string, m: MessageEvent<string>): void {
  const e = JSON.parse(m.data) as ServerEvent;
  if (e.kind === "progress" && e.data) {
    const t = e.data as Transfer;
    live.progress[t.id] = t;
  }
  tell(kind || e.kind);
}

export function disconnect(): void {
  source?.close();
  source = undefined;
  live.connected = true; // nothing to be connected to
}

/** Calls back, at most four times a second, when something of these kinds has changed; all says
 *  that everything is to be read again. */
export function onChange(of: string[], then: (all: boolean) => void): () => void {
  const l: Listener = (now) => {
    if (now.has("hello") || of.some((k) => now.has(k))) then(now.has("hello"));
  };
  listeners.add(l);
  return () => listeners.delete(l);
}
