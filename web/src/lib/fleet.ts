// What is done to several machines at once: each is answered for by itself.
import type { Device, DeviceResult } from "../api/types";
import { texts } from "../texts";
import { ApiError } from "../api/client";

/** What became of several machines. */
export interface Outcome {
  done: string[]; // what happened to each for which it was done
  refused: { who: string; why: string }[];
}

/** How many machines one call is about: its answer comes soon, and shows how far it is. */
const atOnce = 50;

/** Asks for what becomes of many machines, some at a time. What fails as a whole is said of each of them. */
export async function inParts(
  devices: Device[],
  ask: (ids: string[]) => Promise<DeviceResult[]>,
  say: (r: DeviceResult) => string,
): Promise<Outcome> {
  const out: Outcome = { done: [], refused: [] };
  for (let i = 0; i < devices.length; i += atOnce) {
    const some = devices.slice(i, i + atOnce);
    try {
      for (const r of await ask(some.map((d) => d.id)))
        if (r.code) out.refused.push({ who: whoOf(r), why: r.problem ?? r.code });
        else out.done.push(say(r));
    } catch (e) {
      for (const d of some) out.refused.push({ who: who(d), why: words(e) });
    }
  }
  return out;
}

/** Does something for one after another; one that fails leaves the others. */
export async function oneByOne<T>(
  all: T[],
  name: (x: T) => string,
  what: (x: T) => Promise<unknown>,
): Promise<Outcome> {
  const out: Outcome = { done: [], refused: [] };
  for (const x of all) {
    try {
      await what(x);
      out.done.push(name(x));
    } catch (e) {
      out.refused.push({ who: name(x), why: words(e) });
    }
  }
  return out;
}

function words(e: unknown): string {
  return e instanceof ApiError || e instanceof Error ? e.message : String(e);
}

export const who = (d: { user: string; name: string }) => `${d.user}/${d.name}`;
const whoOf = (r: DeviceResult) => (r.device ? `${r.user ?? ""}/${r.device}` : r.device_id);

/** The labels of a machine, by key. */
export function labelsOf(d: Device): string[] {
  return Object.entries(d.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}

/** Every label that a machine of these has, and how many have it. */
export function allLabels(devices: Device[]): [label: string, count: number][] {
  const found = new Map<string, number>();
  for (const d of devices) for (const l of labelsOf(d)) found.set(l, (found.get(l) ?? 0) + 1);
  return [...found].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
}

const keyPattern = /^[a-z0-9._-]{1,32}$/;

/** Reads a label as it is typed; or says what is wrong with it. */
export function readLabel(text: string): { key: string; value: string; wrong: string } {
  const w = texts.fleet.labels;
  const cut = text.indexOf("=");
  const key = (cut < 0 ? text : text.slice(0, cut)).trim();
  const value = cut < 0 ? "" : text.slice(cut + 1).trim();
  let wrong = "";
  if (!text.trim()) wrong = w.empty;
  else if (!keyPattern.test(key)) wrong = w.badKey;
  else if (key.startsWith("fact.")) wrong = w.fact;
  else if (!value) wrong = w.noValue;
  else if ([...value].length > 64) wrong = w.longValue;
  return { key, value, wrong };
}

/** The groups that all of these machines are in. */
export function commonGroups(devices: Device[]): string[] {
  const [first, ...rest] = devices;
  return (first?.groups ?? []).filter((g) => rest.every((d) => (d.groups ?? []).includes(g)));
}
