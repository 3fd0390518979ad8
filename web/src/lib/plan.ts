// What is known before something is sent: who can take it at once, who gets it later, and how long it takes.
import type { Device, LeftOut, NewTransfer, Transfer, Upload, UploadEntry } from "../api/types";
import { bytes } from "./format";

export interface Plan {
  targets: Device[];
  ready: Device[];
  away: Device[];
  short: Device[]; // active, but without space
  without: string[]; // members who have no device
}

const reserve = 1e9; // what a receiver keeps free

/** What becomes of so many bytes for the members of some groups. */
export function plan(members: (Set<string> | undefined)[], devices: Device[], total: number): Plan {
  const users = new Set(members.flatMap((m) => [...(m ?? [])]));
  const targets = devices.filter((d) => users.has(d.user));
  const owners = new Set(targets.map((d) => d.user));
  const fits = (d: Device) => !d.free_bytes || Math.max(d.free_bytes - reserve, 0) >= total;
  return {
    targets,
    ready: targets.filter((d) => d.active && fits(d)),
    away: targets.filter((d) => !d.active),
    short: targets.filter((d) => d.active && !fits(d)),
    without: [...users].filter((u) => !owners.has(u)),
  };
}

/** Bytes a second that this network is known to do: the median of the last finished transfers. */
export function usualRate(transfers: Transfer[]): number | undefined {
  const seconds = (t: Transfer) => (Date.parse(t.ended_at!) - Date.parse(t.started_at!)) / 1000;
  const rates = transfers
    .filter((t) => t.state === "done" && t.started_at && t.ended_at && t.bytes > 1e6)
    .map((t) => t.bytes / Math.max(0.05, seconds(t)))
    .sort((a, b) => a - b);
  return rates[Math.floor(rates.length / 2)];
}

/** The lines of a text that are not empty. */
export function lines(text: string): string[] {
  return text
    .split("\n")
    .map((x) => x.trim())
    .filter((x) => x !== "");
}

/** How much of an upload the server has: "1 MB of 3 MB". */
export function uploaded(u: Upload | undefined): string {
  if (!u) return "";
  const sum = (of: (x: UploadEntry) => number) => bytes((u.entries ?? []).reduce((n, x) => n + of(x), 0));
  return `${sum((x) => x.offset)} of ${sum((x) => x.size)}`;
}

/** What is left out, with what was excluded on purpose last. */
export function leftOutLast(entries: LeftOut[]): LeftOut[] {
  return entries.toSorted((a, b) => Number(a.why === "excluded") - Number(b.why === "excluded"));
}

export interface Options {
  hold: boolean;
  days: number;
  rate: string; // Mbit/s; empty: automatic
  via: string;
}

/** The transfer to a group that somebody asks for. */
export function wanted(what: Partial<NewTransfer>, group: string, o: Options): NewTransfer {
  return {
    ...what,
    group,
    hold: o.hold,
    now: !o.hold,
    keep_ns: o.days * 86400e9,
    rate: o.rate ? Number(o.rate) * 1e6 : undefined,
    via: o.via,
  };
}
