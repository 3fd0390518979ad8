// Short words after an action, read out by screen readers. What went wrong stays until somebody closes it; the rest
// goes by itself. The last of both can be read again.
import { refresh } from "./live.svelte";

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
  at: string;
}

/** Those on the screen, the oldest first. */
export const toasts = $state<Toast[]>([]);
/** The last ones, whether they are on the screen or not, the newest first. */
export const recent = $state<Toast[]>([]);

const most = 4; // on the screen
const kept = 30;
const stay = 5000; // ms
let next = 1;

export function say(text: string, bad = false): void {
  const t: Toast = { id: next++, text, bad, at: new Date().toISOString() };
  recent.unshift(t);
  if (recent.length > kept) recent.pop();
  toasts.push(t);
  // One that went wrong is not pushed away by words of success.
  if (toasts.length > most) dismiss((toasts.find((x) => !x.bad) ?? toasts[0]!).id);
  if (!bad) setTimeout(() => dismiss(t.id), stay);
}

export function dismiss(id: number): void {
  const i = toasts.findIndex((t) => t.id === id);
  if (i >= 0) toasts.splice(i, 1);
}

/** Somebody else is next at this screen. */
export function forgetAll(): void {
  toasts.splice(0);
  recent.splice(0);
}

/** Runs an action; its error is shown in the server's own words. */
export async function attempt<T>(what: () => Promise<T>, done?: string): Promise<T | undefined> {
  try {
    const v = await what();
    refresh();
    if (done) say(done);
    return v;
  } catch (e) {
    say(e instanceof Error ? e.message : String(e), true);
    return undefined;
  }
}
