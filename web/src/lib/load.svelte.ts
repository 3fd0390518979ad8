// A page's data: loading, error or there; read again when the server says that it changed.
import { onMount } from "svelte";
import { onChange } from "./live.svelte";

export interface Loaded<T> { value: T | undefined; error: string; again: () => Promise<void> }

export function load<T>(read: () => Promise<T>, kinds: string[]): Loaded<T> {
  const state = $state<{ value: T | undefined; error: string }>({ value: undefined, error: "" });
  let running = false;
  let asked = false;
  async function again(): Promise<void> {
    if (running) {
      asked = true; // one more when this one is back
      return;
    }
    running = true;
    try {
      state.value = await read();
      state.error = "";
    } catch (e) {
      state.error = e instanceof Error ? e.message : String(e);
    }
    running = false;
    if (asked) {
      asked = false;
      void again();
    }
  }
  onMount(() => {
    void again();
    return onChange(kinds, again);
  });
  return {
    get value() { return state.value; },
    get error() { return state.error; },
    again,
  };
}
