// Machines as their table shows them: which are looked at, in which order, and what is known of each in words.
import type { Device } from "../api/types";
import { texts } from "../texts";
import { labelsOf } from "./fleet";
import { moment, name } from "./format";

/** Which machines are looked at. */
export interface Filter {
  text: string;
  only: string; // "", "on", "off", "https", "owed", "full", "shared"
  group: string;
  label?: string; // "room=2"; empty: any
}

export const kinds: [only: string, text: string][] = Object.entries(texts.machineKinds).map(([only, text]) => [
  only === "all" ? "" : only,
  text,
]);

const nearlyFull = 5e9; // bytes free

export function isFull(d: Device): boolean {
  return d.active && d.free_bytes > 0 && d.free_bytes < nearlyFull;
}

function isOf(d: Device, only: string): boolean {
  switch (only) {
    case "on":
      return d.active;
    case "off":
      return !d.active;
    case "owed":
      return (d.owed ?? 0) > 0;
    case "https":
      return isDeaf(d);
    case "full":
      return isFull(d);
    case "shared":
      return (d.machines ?? 0) > 1;
  }
  return true;
}

export function filtered(all: Device[], f: Filter): Device[] {
  const words = f.text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((d) => {
    if (f.label && !labelsOf(d).includes(f.label)) return false;
    if (!isOf(d, f.only) || (f.group && !(d.groups ?? []).includes(f.group))) return false;
    const text =
      `${d.name} ${d.user} ${d.address ?? ""} ${d.site ?? ""} ${d.os} ${d.version} ${(d.groups ?? []).join(" ")} ${labelsOf(d).join(" ")}`.toLowerCase();
    return words.every((w) => text.includes(w));
  });
}

/** What the columns sort by. */
export const sortKeys: Record<string, (d: Device) => string | number> = {
  name: (d) => d.name,
  user: (d) => d.user,
  state: (d) => (d.active ? 0 : -Date.parse(d.last_seen)),
  path: (d) => d.site ?? d.path,
  loss: (d) => -d.loss_percent,
  free: (d) => d.free_bytes,
  version: (d) => d.version,
  owed: (d) => -(d.owed ?? 0),
};

/** Whether a machine is on, or since when it is off. */
export function presence(d: Device): string {
  const w = texts.presence;
  if ((d.machines ?? 0) > 1) return w.onSeveral(d.machines ?? 0);
  if (d.active) return w.on;
  const seen = moment(d.last_seen);
  if (seen === texts.format.never) return w.never;
  return seen === texts.format.now ? w.justNow : w.off(seen);
}

/** How data reaches a machine, and in which site it is if that is not the server's own. */
export function pathText(d: Device): string {
  const w = texts.paths;
  if (d.site) return w.inSite(name(d.site));
  return d.path === "multicast" ? w.multicast : d.path === "https" ? w.https : w.unknown;
}

/** Whether multicast should reach a machine that is on, and does not. */
export function isDeaf(d: Device): boolean {
  return d.active && d.path === "https" && !d.site;
}

/** What it means for the groups of a machine that it is not known to take the format of today; nothing if it is. */
export function earlierText(d: Device): string {
  const w = texts.plan.earlier;
  if (d.earlier_format === "old") return w.old(name(d.name), 1);
  return d.earlier_format === "unseen" ? w.unseen(name(d.name), 1) : "";
}

/** How a machine is called everywhere: by its person and its name. */
export function called(d: { user: string; name: string }): string {
  return `${name(d.user)}/${name(d.name)}`;
}

/** "pc-05 is off since 25m and is owed 6 transfers": one line for each machine that is away and owed something. */
export function awayAndOwed(all: Device[]): Device[] {
  return all.filter((d) => !d.active && (d.owed ?? 0) > 0).sort((a, b) => (b.owed ?? 0) - (a.owed ?? 0));
}

export function owedText(d: Device): string {
  return d.owed ? texts.presence.owed(d.owed) : "";
}
