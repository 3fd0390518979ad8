// The first steps with a server: which are done, from what the server says.
import type { Device, Group, Transfer } from "../api/types";

export interface Known {
  groups: Group[];
  devices: Device[];
  transfers: Transfer[];
  users: number;
}

export type Step = "admin" | "group" | "account" | "machines" | "send";

/** The steps in their order; somebody who sees them has made the first. */
export function steps(k: Known): { id: Step; done: boolean }[] {
  return [
    { id: "admin", done: true },
    { id: "group", done: k.groups.length > 0 },
    { id: "account", done: k.users > 1 || k.devices.length > 0 },
    {
      id: "machines",
      done: k.devices.some((d) => d.active && (d.groups?.length ?? 0) > 0) || k.transfers.some(reached),
    },
    { id: "send", done: k.transfers.some(reached) },
  ];
}

/** Whether at least one machine has all of it, verified. */
export function reached(t: Transfer): boolean {
  return t.verified > 0;
}

const kept = "first-steps";

/** Whether this browser put the list away. */
export const putAway = (): boolean => localStorage.getItem(kept) === "away";

export function setAway(away: boolean): void {
  if (away) localStorage.setItem(kept, "away");
  else localStorage.removeItem(kept);
}
