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

/** Who wants to know how the stream fares: refused when the server does not take it, since the
 *  sign-in may be over; back when it is there again after a break. */
export interface Watcher {
  refused: () => void;
  back: () => void;
}

let watcher: Watcher | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Opens the stream. Where it broke off the browser, or this, opens it again. */
export function connect(by = watcher): void {
  close();
  watcher = by;
  const mine = (source = new EventSource("/api/v1/events"));
  mine.onopen = () => {
    if (!live.connected) {
      tell("hello");
      by?.back();
    }
    live.connected = true;
    live.since = Date.now();
  };
  mine.onerror = () => {
    live.connected = false;
    if (mine.readyState !== EventSource.CLOSED) return; // the browser tries again itself
    by?.refused();
    clearTimeout(retry);
    retry = setTimeout(() => source === mine && connect(), 1000 + Math.random() * 4000);
  };
  for (const kind of kinds) mine.addEventListener(kind, (m) => heard(kind, m as MessageEvent<string>));
  mine.onmessage = (m) => heard("", m as MessageEvent<string>);
}

function heard(kind: string, m: MessageEvent<string>): void {
  const e = parsed(m.data);
  if (e?.kind === "progress" && e.data) keep(e.data as Transfer);
  tell(kind || e?.kind || "hello"); // what cannot be read may be anything
}

function parsed(text: string): ServerEvent | undefined {
  try {
    return JSON.parse(text) as ServerEvent;
  } catch {
    return undefined;
  }
}

// Of the transfers that ran while this page was open the newest are kept.
const most = 100;
function keep(t: Transfer): void {
  live.progress[t.id] = t;
  const known = Object.keys(live.progress); // numbers come in their order
  if (known.length > most) delete live.progress[Number(known[0])];
}

function close(): void {
  clearTimeout(retry);
  source?.close();
  source = undefined;
}

/** Closes the stream, and forgets what it told: another user may be next. */
export function disconnect(): void {
  close();
  live.progress = {};
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
