// What will happen when something is sent: what is asked of the server about it, and what it answers in words.
import type {
  GroupPlan,
  LeftOut,
  NewTransfer,
  PlanQuery,
  PlannedDevice,
  Selection,
  SendPlan,
  Upload,
  UploadEntry,
} from "../api/types";
import { texts } from "../texts";
import { bytes, duration, known, limiterText, moment, name, rate, stamp } from "./format";
import { declared, sizeOf, type Picked } from "./upload.svelte";

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
  return texts.common.ofBytes(
    sum((x) => x.offset),
    sum((x) => x.size),
  );
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

/** The rate of the options in bits a second; undefined: automatic. */
const bits = (o: Options) => (Number(o.rate) > 0 ? Math.round(Number(o.rate) * 1e6) : undefined);

/** The transfer to a group that somebody asks for. */
export function wanted(what: Partial<NewTransfer>, group: string, o: Options): NewTransfer {
  return { ...what, group, hold: o.hold, now: !o.hold, keep_ns: o.days * 86400e9, rate: bits(o), via: o.via };
}

const most = 10_000; // entries that a plan takes by name

/** What the server is asked: what is picked, to whom, how. */
export function asked(d: {
  groups: string[];
  paths: string[];
  files: Picked[];
  where: string;
  exclude: string[];
  options: Options;
  selection?: Selection;
}): PlanQuery {
  const q: PlanQuery = {
    ...(d.selection ? { selection: d.selection } : {}),
    groups: d.groups,
    hold: d.options.hold,
    now: !d.options.hold,
    rate: bits(d.options),
    via: d.options.via,
  };
  if (d.where === "server") return d.paths.length ? { ...q, paths: d.paths, exclude: d.exclude } : q;
  if (!d.files.length) return q;
  if (d.files.length <= most) return { ...q, entries: declared(d.files), exclude: d.exclude };
  return { ...q, files: d.files.length, bytes: sizeOf(d.files) };
}

/** How many machines it goes to, now or later. */
export const machines = (p: SendPlan | undefined): number => p?.total ?? 0;

/** What will happen, in one sentence. */
export function sentenceOf(p: SendPlan): string {
  const w = texts.plan;
  const longest = Math.max(
    0,
    ...(p.groups ?? []).map((g) => (g.ready && !g.takes.at_least ? (g.takes.for_ns ?? 0) : 0)),
  );
  if (!p.total) return p.no_device ? w.onceTheyLogIn(p.no_device) : w.nobody;
  if (!p.known) return w.areOn(p.ready, p.total);
  if (p.hold) return w.held(p.total, p.ready);
  if (p.ready) {
    const behind = (p.groups ?? []).every((g) => g.ready === 0 || g.begins.code === "behind");
    return w.ready(p.ready, p.total, behind, p.known && longest ? brief(longest) : "", p.away, p.no_space + p.unfit);
  }
  if (p.away) return w.noneHere(p.total);
  return w.noneCan(p.total);
}

const brief = (ns: number) => (ns < 1e9 ? texts.plan.aSecond : texts.plan.about(duration(ns)));

/** When the transfer to a group begins. */
export function beginsText(g: GroupPlan, at: string): string {
  const w = texts.plan.begins;
  const b = g.begins;
  const left = b.until ? Date.parse(b.until) - Date.parse(at) : 0;
  switch (b.code) {
    case "gathering":
      return w.gathering(duration(b.wait_ns));
    case "behind":
      return w.behind(b.behind ?? 0, name(b.name), left > 0 ? duration(left * 1e6) : "");
  }
  return known<string>(w.codes, b.code) ?? name(b.code);
}

/** How long it takes for those who are ready, once it has begun, and by what that is known. */
export function takesText(g: GroupPlan): { time: string; why: string } {
  const w = texts.plan.takes;
  const t = g.takes;
  const way = known<string>(w.ways, t.via) ?? name(t.via);
  if (!t.rate) return { time: w.unknown, why: w.neverMeasured(way, false) };
  const cap = t.cap_of === "server" ? w.serverCap(rate(t.cap)) : w.ownCap(rate(t.cap));
  const took = (t.for_ns ?? 0) < 1e9 ? texts.plan.aSecond : duration(t.for_ns);
  if (t.at_least || !t.measured) return { time: w.atLeast(took), why: `${cap}. ${w.neverMeasured(way, true)}` };
  const time = brief(t.for_ns ?? 0);
  if (t.limiter === "cap" && t.rate < t.measured.rate) return { time, why: cap };
  return { time, why: paceText(t.measured) };
}

/** The transfer that the time goes by, and what held it. */
function paceText(p: NonNullable<GroupPlan["takes"]["measured"]>): string {
  const w = texts.plan.takes;
  const [day] = stamp(p.at);
  const as = w.as(rate(p.rate), p.transfer, p.devices, name(p.group), day);
  if (p.slowest) return `${as}; ${w.waitedFor(name(p.slowest))}`;
  return p.limiter && p.limiter !== "https" ? `${as}; ${w.heldBy(limiterText(p.limiter))}` : as;
}

/** Why a machine is not ready, and what to do. */
export function notReadyText(d: PlannedDevice): string {
  const w = texts.plan.notReady;
  switch (d.stands) {
    case "away": {
      const seen = d.last_seen ? w.seen(moment(d.last_seen)) : w.never;
      return d.lacks_bytes ? `${seen} ${w.thenFree(bytes(d.lacks_bytes))}` : seen;
    }
    case "no-space":
      return d.reserve_bytes
        ? w.spaceReserve(bytes(d.needs_bytes), bytes(d.free_bytes), bytes(d.reserve_bytes), bytes(d.lacks_bytes))
        : w.space(bytes(d.needs_bytes), bytes(d.free_bytes), bytes(d.lacks_bytes));
    case "unfit":
      return (d.machines ?? 0) > 1 ? w.shared(d.machines ?? 0) : name(d.unfit);
  }
  return "";
}

/** Which machines have a group get every file whole, a sentence for each reason. */
export function earlierTexts(p: SendPlan): string[] {
  const w = texts.plan.earlier;
  return (["old", "unseen"] as const).flatMap((why) => {
    const of = (p.devices ?? []).filter((d) => d.earlier_format === why && d.stands !== "unfit");
    if (!of.length) return [];
    return [
      w[why](
        texts.plan.namesOf(
          of.slice(0, 3).map((d) => name(d.device)),
          of.length,
        ),
        of.length,
      ),
    ];
  });
}

/** Why it cannot be sent as it is; nothing if it can. */
export function hindrance(p: SendPlan | undefined, d: { picked: boolean; groups: string[]; bad: number }): string {
  const w = texts.plan.hindrance;
  if (!d.picked && !d.groups.length) return w.both;
  if (!d.picked) return w.files;
  if (!d.groups.length) return w.groups;
  if (d.bad) return w.bad(d.bad);
  if (!p) return "";
  if (p.full) return w.full;
  if (p.known && !p.files && !p.folders) return w.nothing;
  for (const g of p.groups ?? []) {
    if (!g.blocked) continue;
    const of = known<(group: string) => string>(w.codes, g.blocked);
    return of ? of(name(g.group)) : name(g.blocked);
  }
  return "";
}
