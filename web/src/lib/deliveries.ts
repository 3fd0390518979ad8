// How far a transfer's deliveries are, and in which order they are looked at. Where each stands the server says.
import type { Delivery, LeftOut } from "../api/types";
import { reasonText } from "./verdict";
import { texts } from "../texts";
import { percent, points } from "./format";

/** How much of a transfer of so many bytes a receiver has verified, 0 to 1. */
export function fraction(d: Delivery, size: number | undefined): number {
  return d.standing.delivered ? 1 : size ? Math.min(1, d.bytes_verified / size) : 0;
}

export function worstFirst(all: Delivery[], size: number | undefined): Delivery[] {
  return all.toSorted(
    (a, b) =>
      a.standing.rank - b.standing.rank || fraction(a, size) - fraction(b, size) || a.device.localeCompare(b.device),
  );
}

/** Why a delivery stands as it does, and what of that is not signed. */
export function why(d: Delivery): string {
  return [reasonText(d), d.signed === "outcome" ? texts.notSigned : ""].filter((x) => x).join("; ");
}

// Who receives by multicast is a straggler only when it is clearly behind the median.
const lag = 0.1;
export interface Straggler {
  of: Delivery;
  why: string;
}

/** Who holds a transfer up, and why. */
export function stragglers(all: Delivery[], part: (d: Delivery) => number): Straggler[] {
  const multicast = (d: Delivery) => d.state === "receiving" && !d.cause;
  const receiving = all
    .filter(multicast)
    .map(part)
    .sort((a, b) => a - b);
  const median = receiving[Math.floor(receiving.length / 2)] ?? 0;
  const behind = (d: Delivery) => multicast(d) && part(d) < median - lag;
  return all
    .filter((d) => d.standing.owed && (d.cause || behind(d)))
    .sort((a, b) => a.standing.rank - b.standing.rank || part(a) - part(b))
    .map((d) => ({
      of: d,
      why: reasonText(d) || (behind(d) ? texts.slower(percent(median - part(d)), points(d.loss_percent)) : ""),
    }));
}

export const buckets = 256; // into which a delivery's blocks are counted, two bits each

/** How full each bucket is, 0 to 3. */
export function filled(bar: string): Uint8Array {
  const raw = atob(bar);
  return Uint8Array.from({ length: buckets }, (_, i) => ((raw.charCodeAt(i >> 2) || 0) >> ((i & 3) * 2)) & 3);
}

/** What share of the receivers holds each part of the file, and of how many. */
export function coverage(all: Delivery[]): { n: number; of: number[] } {
  const sum = new Float64Array(buckets);
  let n = 0;
  for (const d of all) {
    const whole = d.standing.delivered;
    if (!whole && !d.standing.promised) continue;
    if (!whole && !d.bar && d.state !== "receiving") continue;
    n++;
    const has = whole ? undefined : filled(d.bar ?? "");
    for (let i = 0; i < buckets; i++) sum[i]! += has ? has[i]! / 3 : 1;
  }
  return { n, of: [...sum].map((v) => (n ? v / n : 0)) };
}

/** What was left out or lost: what was lost first, what was excluded on purpose last. */
export function lostFirst(all: LeftOut[]): LeftOut[] {
  const place = (l: LeftOut) => (["changed", "gone", "unread"].includes(l.why) ? 0 : l.why === "excluded" ? 2 : 1);
  return all.toSorted((a, b) => place(a) - place(b));
}
