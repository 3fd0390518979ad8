// What needs an administrator, one line for each machine and cause: a machine without room for three transfers is one
// thing to do, not three.
import type { Delivery, Transfer } from "../api/types";
import { name } from "./format";
import { reasonText } from "./verdict";

/** The states of a delivery that need somebody, as the API's filter takes them. */
export const needyStates = "refused,silent,failed,incomplete,expired,put-off";

/** A transfer that needs somebody, with those of its deliveries that do. */
export interface Found {
  transfer: Pick<Transfer, "id" | "name">;
  rows: Delivery[];
}

export interface Need {
  id: string; // of the machine; "" where the member has none
  machine: string;
  why: string; // of the newest of its transfers
  transfers: { id: number; name: string }[]; // newest first
}

/** The needs of machines, those with most transfers first. Found is newest first. */
export function needsOf(found: Found[]): Need[] {
  const all = new Map<string, Need>();
  for (const { transfer, rows } of found)
    for (const d of rows) {
      const key = `${d.device_id} ${d.user_id} ${d.standing.label} ${d.refusal ?? ""}`;
      const need = all.get(key) ?? {
        id: d.device_id,
        machine: name(d.device) || name(d.user),
        why: reasonText(d) || d.standing.label,
        transfers: [],
      };
      need.transfers.push({ id: transfer.id, name: name(transfer.name) });
      all.set(key, need);
    }
  return [...all.values()].sort((a, b) => b.transfers.length - a.transfers.length);
}
