// A page's data: loading, error or there; read again when the server says that it changed.
import { onMount } from "svelte";
import { onChange } from "./live.svelte";

export interface Loaded<T> {
  value: T | undefined;
  error: string;
  again: () => Promise<void>;
}

// Readings that events ask for take at most a tenth of the time, however long the list is.
const rest = 10;
const longest = 20_000;

/** least is the least time between two readings that events ask for, in ms. read may tell
 *  what it has so far: it is shown as long as there is nothing else to show. */
export function load<T>(read: (soFar: (part: T) => void) => Promise<T>, kinds: string[], least = 0): Loaded<T> {
  // Raw: what was read is replaced as a whole and never changed; 10,000 rows stay plain objects.
  let value = $state.raw<T | undefined>(undefined);
  let error = $state("");
  let running = false;
  let asked = false;
  let last = 0;
  let took = 0;
  let later: ReturnType<typeof setTimeout> | undefined;
  function soon(): void {
    const wait = last + Math.max(least, Math.min(longest, took * rest)) - Date.now();
    if (wait <= 0) void again();
    else
      later ??= setTimeout(() => {
        later = undefined;
        void again();
      }, wait);
  }
  async function again(): Promise<void> {
    if (running) {
      asked = true; // one more when this one is back
      return;
    }
    running = true;
    last = Date.now();
    const empty = value === undefined;
    try {
      value = await read((part) => {
        if (empty) value = part;
      });
      error = "";
    } catch (e) {
      error = e instanceof Error ? e.message : String(e);
    }
    running = false;
    took = Date.now() - last;
    if (asked) {
      asked = false;
      void again();
    }
  }
  onMount(() => {
    void again();
    const end = onChange(kinds, (all) => (all ? void again() : soon()));
    return () => {
      clearTimeout(later);
      end();
    };
  });
  return {
    get value() {
      return value;
    },
    get error() {
      return error;
    },
    again,
  };
}
