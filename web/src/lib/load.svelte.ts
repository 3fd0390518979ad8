// A page's data: loading, error or there; read again when the server says that it changed.
import { onMount } from "svelte";
import { onChange } from "./live.svelte";

export interface Loaded<T> { value: T | undefined; error: string; again: () => Promise<void> }

/** least is the least time between two readings that events ask for, in ms. */
export function load<T>(read: () => Promise<T>, kinds: string[], least = 0): Loaded<T> {
  // Raw: what was read is replaced as a whole and never changed; 10,000 rows stay plain objects.
  let value = $state.raw<T | undefined>(undefined);
  let error = $state("");
  let running = false;
  let asked = false;
  let last = 0;
  let later: ReturnType<typeof setTimeout> | undefined;
  function soon(): void {
    const wait = last + least - Date.now();
    if (wait <= 0) void again();
    else later ??= setTimeout(() => { later = undefined; void again(); }, wait);
  }
  async function again(): Promise<void> {
    if (running) {
      asked = true; // one more when this one is back
      return;
    }
    running = true;
    last = Date.now();
    try {
      value = await read();
      error = "";
    } catch (e) {
      error = e instanceof Error ? e.message : String(e);
    }
    running = false;
    if (asked) {
      asked = false;
      void again();
    }
  }
  onMount(() => {
    void again();
    const end = onChange(kinds, soon);
    return () => {
      clearTimeout(later);
      end();
    };
  });
  return {
    get value() { return value; },
    get error() { return error; },
    again,
  };
}
