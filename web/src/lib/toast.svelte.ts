// Short words after an action, read out by screen readers; errors stay until dismissed.
import { refresh } from "./live.svelte";

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}
export const toasts = $state<Toast[]>([]);
let next = 1;

export function say(text: string, bad = false): void {
  const id = next++;
  toasts.push({ id, text, bad });
  if (toasts.length > 4) toasts.shift();
  if (!bad) setTimeout(() => dismiss(id), 5000);
}

export function dismiss(id: number): void {
  const i = toasts.findIndex((t) => t.id === id);
  if (i >= 0) toasts.splice(i, 1);
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
