// What keeps a transfer from being whole, grouped by its cause, with what can be done about each.
import type { Delivery } from "../api/types";
import { stragglers } from "./deliveries";
import { count, known, name } from "./format";

/** What machines of a transfer have in common that is not through. */
export interface Problem {
  key: string;
  title: string; // how many of them, and what it is
  next: string; // what to do about it, or that nothing is to be done
  quiet: boolean; // it is nobody's fault and mends itself
  of: { of: Delivery; why: string }[];
}

interface Kind {
  what: (n: number) => string;
  next: string;
  quiet?: boolean;
}

const kinds: Record<string, Kind> = {
  "refused-space": {
    what: (n) => (n === 1 ? "has no room for it" : "have no room for it"),
    next: "Free some space there, or lower the reserve that its receiver keeps. It is tried again by itself.",
  },
  "refused-size": {
    what: (n) => (n === 1 ? "takes nothing so large" : "take nothing so large"),
    next: "Its receiver was started with a limit: raise it there, then retry.",
  },
  "refused-names": {
    what: (n) => (n === 1 ? "cannot hold these file names" : "cannot hold these file names"),
    next: "Rename the files at the source, or drop the machine.",
  },
  "refused-folder": {
    what: (n) => (n === 1 ? "has lost its folder for files" : "have lost their folder for files"),
    next: "Is a disk not mounted there? As soon as the folder is back, it goes on by itself.",
  },
  "refused-version": {
    what: (n) => (n === 1 ? "runs a version that does not fit" : "run a version that does not fit"),
    next: "Install the version of this server there.",
  },
  refused: {
    what: (n) => (n === 1 ? "refused it" : "refused it"),
    next: "The reason stands beside each. Mend it there, then retry.",
  },
  failed: {
    what: (n) => (n === 1 ? "failed" : "failed"),
    next: "The reason stands beside each. Retry owes it again.",
  },
  incomplete: {
    what: (n) => (n === 1 ? "has not all of it in place" : "have not all of it in place"),
    next: "What is missing, and why, is listed below. Retry owes it again.",
  },
  silent: {
    what: (n) => (n === 1 ? "is connected and does not answer" : "are connected and do not answer"),
    next: "It may be frozen: look at the machine. It is served as soon as it answers.",
  },
  "put-off": {
    what: (n) => (n === 1 ? "was put off" : "were put off"),
    next: "Send now, or let it catch up, when its time has come.",
  },
  expired: {
    what: (n) => (n === 1 ? "did not come in time" : "did not come in time"),
    next: "It is not owed any more. Retry owes it again.",
  },
  behind: {
    what: (n) => (n === 1 ? "is served over HTTPS" : "are served over HTTPS"),
    next: "Multicast does not serve it well. It gets everything all the same, only slower.",
    quiet: true,
  },
  slow: {
    what: (n) => (n === 1 ? "is slower than the others" : "are slower than the others"),
    next: "Nothing to do: it gets everything, only later. Catch up now takes it out of multicast.",
    quiet: true,
  },
  off: {
    what: (n) => (n === 1 ? "is off" : "are off"),
    next: "Nothing to do: it gets it by itself when it is back.",
    quiet: true,
  },
  "no-device": {
    what: (n) => (n === 1 ? "has no machine yet" : "have no machine yet"),
    next: "Nothing to do: the first machine that they log in on gets it.",
    quiet: true,
  },
};

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
    if (key) add(key, d, d.reason ?? "");
  }
  for (const s of stragglers(all, part)) if (!s.of.cause && !kindOf(s.of)) add("slow", s.of, s.why);
  return Object.entries(kinds).flatMap(([key, kind]) => {
    const these = of.get(key);
    if (!these) return [];
    const who = key === "no-device" ? count(these.length, "member") : count(these.length, "machine");
    const title = `${who} ${kind.what(these.length)}`;
    return [{ key, title, next: kind.next, quiet: kind.quiet ?? false, of: these }];
  });
}

/** A word or two on each part of a transfer's machines: "3 verified", "1 away", "1 no room". */
export interface Chip {
  text: string;
  tone: "good" | "go" | "wait" | "bad" | "off";
}

const chipWords: Record<string, [text: string, tone: Chip["tone"]]> = {
  verified: ["verified", "good"],
  receiving: ["receiving", "go"],
  behind: ["over HTTPS", "go"],
  queued: ["waiting", "wait"],
  held: ["held", "wait"],
  paused: ["paused", "wait"],
  "put-off": ["put off", "wait"],
  silent: ["no answer", "bad"],
  "refused-space": ["no room", "bad"],
  refused: ["refused", "bad"],
  incomplete: ["incomplete", "bad"],
  failed: ["failed", "bad"],
  expired: ["expired", "bad"],
  off: ["away", "off"],
  "no-device": ["without a machine", "off"],
  replaced: ["replaced", "off"],
  cancelled: ["dropped", "off"],
};

function chipOf(d: Delivery): string {
  if (d.standing.delivered) return "verified";
  if (d.state === "refused") return d.refusal === "space" ? "refused-space" : "refused";
  return d.standing.label;
}

export function chips(all: Delivery[]): Chip[] {
  const n = new Map<string, number>();
  for (const d of all) n.set(chipOf(d), (n.get(chipOf(d)) ?? 0) + 1);
  const listed = Object.entries(chipWords).flatMap(([key, [text, tone]]): Chip[] => {
    const many = n.get(key);
    return many ? [{ text: `${many.toLocaleString("en")} ${text}`, tone }] : [];
  });
  const others = [...n].filter(([key]) => !known(chipWords, key));
  return [...listed, ...others.map(([key, many]): Chip => ({ text: `${many} ${name(key)}`, tone: "off" }))];
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
