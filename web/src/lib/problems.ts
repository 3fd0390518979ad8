// What keeps a transfer from being whole, grouped by its cause, with what can be done about each.
import type { Delivery } from "../api/types";
import { stragglers } from "./deliveries";
import { reasonText } from "./verdict";
import { texts } from "../texts";
import { known, labelText, number } from "./format";

/** What machines of a transfer have in common that is not through. */
export interface Problem {
  key: string;
  title: string; // how many of them, and what it is
  next: string; // what to do about it, or that nothing is to be done
  quiet: boolean; // it is nobody's fault and mends itself
  of: { of: Delivery; why: string }[];
}

// Those are quiet that mend themselves; the order is that of a page.
const quiet = ["behind", "slow", "off", "no-device"];
const kinds: Record<string, { title: (n: number) => string; next: string }> = texts.problems;

function kindOf(d: Delivery): string | undefined {
  const label = d.standing.label;
  if (d.state === "refused" || label === "refused") {
    const of = `refused-${d.refusal ?? ""}`;
    return known(kinds, of) ? of : "refused";
  }
  return known(kinds, label) ? label : undefined;
}

/** The problems of a transfer, those first that somebody has to look after. part is how much a machine has, 0 to 1. */
export function problems(all: Delivery[], part: (d: Delivery) => number): Problem[] {
  const of = new Map<string, Problem["of"]>();
  const add = (key: string, d: Delivery, why: string) => of.set(key, [...(of.get(key) ?? []), { of: d, why }]);
  for (const d of all) {
    const key = kindOf(d);
    if (key) add(key, d, reasonText(d));
  }
  for (const s of stragglers(all, part)) if (!s.of.cause && !kindOf(s.of)) add("slow", s.of, s.why);
  return Object.entries(kinds).flatMap(([key, kind]) => {
    const these = of.get(key);
    if (!these) return [];
    return [{ key, title: kind.title(these.length), next: kind.next, quiet: quiet.includes(key), of: these }];
  });
}

/** A word or two on each part of a transfer's machines: "3 verified", "1 away", "1 no room". */
export interface Chip {
  text: string;
  tone: "good" | "go" | "wait" | "bad" | "off";
}

const tones: Record<string, Chip["tone"]> = {
  verified: "good",
  receiving: "go",
  behind: "go",
  queued: "wait",
  held: "wait",
  paused: "wait",
  "put-off": "wait",
  silent: "bad",
  "refused-space": "bad",
  refused: "bad",
  incomplete: "bad",
  failed: "bad",
  expired: "bad",
  off: "off",
  "no-device": "off",
  replaced: "off",
  cancelled: "off",
};
const said: Record<string, (n: number) => string> = texts.chips;

function chipOf(d: Delivery): string {
  if (d.standing.delivered) return "verified";
  if (d.state === "refused") return d.refusal === "space" ? "refused-space" : "refused";
  return d.standing.label;
}

export function chips(all: Delivery[]): Chip[] {
  const n = new Map<string, number>();
  for (const d of all) n.set(chipOf(d), (n.get(chipOf(d)) ?? 0) + 1);
  const listed = Object.entries(tones).flatMap(([key, tone]): Chip[] => {
    const many = n.get(key);
    return many ? [{ text: said[key]!(many), tone }] : [];
  });
  const others = [...n].filter(([key]) => !known(tones, key));
  return [
    ...listed,
    ...others.map(([key, many]): Chip => ({ text: `${number(many)} ${labelText(key)}`, tone: "off" })),
  ];
}

/** Who is here: has it already, or is connected and gets it by itself. */
export function isHere(d: Delivery): boolean {
  return d.standing.delivered === true || (d.active && d.standing.owed === true && !d.standing.attention);
}

/** Bytes verified over bytes wanted, of the machines that are here; 0 if none is. */
export function progressHere(all: Delivery[], size: number | undefined): number {
  const here = all.filter(isHere);
  if (!here.length) return 0;
  const of = (d: Delivery) => (d.standing.delivered ? 1 : size ? Math.min(1, d.bytes_verified / size) : 0);
  return here.reduce((sum, d) => sum + of(d), 0) / here.length;
}
