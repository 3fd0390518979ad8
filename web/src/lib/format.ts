// How numbers, times and states are written, the same on every page.
import { texts } from "../texts";
import { clock, type Span } from "../texts/words";

/** A whole number. */
export function number(n: number): string {
  return texts.write.number(n);
}

/** Up to three significant digits, without zeros at the end, in the unit that leaves one to three before the point. */
function steps(n: number, units: string[]): string {
  let i = 0;
  for (; n >= 999.5 && i < units.length - 1; i++) n /= 1000;
  const text = n.toFixed(i === 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2);
  const digits = (text.split(".")[1] ?? "").replace(/0+$/, "").length;
  return `${texts.write.number(Number(text), digits)} ${units[i]}`;
}

/** Decimal units: 4.7 GB. */
export function bytes(n: number | undefined): string {
  return steps(n ?? 0, texts.format.bytes);
}

/** Bits a second: 912 Mbit/s. No limit but the network's is "auto". */
export function rate(bits: number | undefined): string {
  return bits ? steps(bits, texts.format.rates) : texts.format.automatic;
}

/** Never 100 before it is all there. */
export function percent(fraction: number | undefined, digits = 0): string {
  const f = fraction ?? 0;
  const most = 1 - 10 ** -(digits + 2);
  return texts.format.percent(texts.write.number((f < 1 ? Math.min(f, most) : f) * 100, digits));
}

/** A share in percent that is a number already, as loss is. */
export function points(n: number | undefined): string {
  return texts.format.percent(texts.write.number(n ?? 0, 1));
}

/** Nanoseconds of Go in the two largest units: 1h5m, 48s. */
export function duration(ns: number | undefined): string {
  return texts.format.span(spans(ns ?? 0));
}

function spans(n: number): Span[] {
  if (n === 0) return [[0, "s"]];
  if (n < 1e9) return [[Math.round(n / 1e6), "ms"]];
  const s = Math.round(n / 1e9);
  for (const [large, small, l, m] of [
    [86400, 3600, "d", "h"],
    [3600, 60, "h", "m"],
    [60, 1, "m", "s"],
  ] as const) {
    if (s < large) continue;
    const rest = Math.floor((s % large) / small);
    return rest
      ? [
          [Math.floor(s / large), l],
          [rest, m],
        ]
      : [[Math.floor(s / large), l]];
  }
  return [[s, "s"]];
}

/** A moment: "4m10s ago" in the last two days, "in 29d" ahead, else the date and the time of the day. */
export function moment(iso: string | undefined, now = Date.now()): string {
  if (!iso || iso.startsWith("0001")) return texts.format.never;
  const d = Date.parse(iso) - now;
  if (Math.abs(d) < 10_000) return texts.format.now;
  const text = duration(Math.round(Math.abs(d) / 1000) * 1e9);
  if (d > 0) return texts.format.ahead(text);
  const [day, time] = stamp(iso);
  return d > -172_800_000 ? texts.format.ago(text) : `${day} ${time.slice(0, 5)}`;
}

export function exact(iso: string | undefined): string {
  return !iso || iso.startsWith("0001") ? texts.format.never : stamp(iso).join(" ");
}

/** When most of the machines that are here will have a transfer; nothing if nobody knows. */
function soon(all: Ahead[], here: number, now: number): string {
  const w = texts.soon;
  const next = all.findLast((e) => !e.done && e.at && !e.at.startsWith("0001"));
  if (!next) return "";
  const who = next.devices >= here ? w.all : w.some(next.devices, here);
  const left = Math.round((Date.parse(next.at!) - now) / 1000);
  return left > 0 ? w.inAbout(who, duration(left * 1e9)) : w.now(who);
}
export interface Ahead {
  devices: number;
  done: boolean;
  at?: string;
}

/** What stands beside the counts of a transfer's machines: when it is done, what it waits for, who needs help. */
export function line(
  t: { summary?: string; estimates?: Ahead[] | null },
  here: number,
  now: number = Date.now(),
): string {
  return [soon(t.estimates ?? [], here, now), t.summary ?? ""].filter(Boolean).join("; ");
}

/** Date and time of the day, each of the same width. */
export function stamp(iso: string): [string, string] {
  const at = clock(new Date(iso));
  return [texts.format.day(at), texts.format.time(at)];
}

/** How many files and folders a transfer has. */
export function contents(t: { files: number; folders?: number }): string {
  const { files, folders, both } = texts.contents;
  if (!t.folders) return files(t.files);
  return t.files ? both(t.files, t.folders) : folders(t.folders);
}

export function count(n: number, one: string, many = one + "s"): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** With a capital and a stop, as a sentence stands alone. */
export function sentence(s: string): string {
  return s.charAt(0).toUpperCase() + s.slice(1) + (/[.!?…]$/.test(s) || s === "" ? "" : ".");
}

// Characters that hide, turn text around or break a line are shown as what they are (security.md W2):
// those that the server's own programs show so, too.
const hostile = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/gu;

/** A name from outside, safe to show. */
export function name(s: string | undefined): string {
  return (s ?? "").replace(hostile, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** Who asks: a user, or USER/DEVICE for a new device. */
export function asker(r: { user: string; device?: string }): string {
  return r.device ? `${r.user}/${r.device}` : r.user;
}

/** A state in a word or two; a newer server's as it is. */
export function labelText(label: string): string {
  return known<string>(texts.states, label) ?? name(label);
}

/** Where a delivery stands, with what does not lie under its name. */
export function stateText(d: {
  state: string;
  standing: { label: string; owed?: boolean };
  entries?: number;
  missing?: number;
  beside?: number;
}): string {
  const text =
    d.state === "incomplete"
      ? texts.incompleteOf((d.entries ?? 0) - (d.missing ?? 0), d.entries ?? 0)
      : labelText(d.standing.label);
  return d.beside && !d.standing.owed ? texts.keptBeside(text, d.beside) : text;
}

/** What an entry of a transfer is: file, folder or symlink. */
export function kindText(kind: string): string {
  return known<string>(texts.kinds, kind) ?? name(kind);
}

/** What a table says of a word from elsewhere: nothing of "constructor", which every object knows. */
export function known<T>(table: Record<string, T>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Why an entry is left out, or cannot be sent. */
export function whyLeftOut(l: { why: string; detail?: string }): string {
  return (known<string>(texts.leftOut, l.why) ?? name(l.why)) + (l.detail ? `: ${name(l.detail)}` : "");
}

/** What holds the rate of a session. */
export function limiterText(limiter: string): string {
  return known<string>(texts.limiters, limiter) ?? name(limiter);
}

/** Where a transfer stands, in a word or two: "delivered · 2 away". */
export function transferText(t: {
  state: string;
  replaced_by?: number;
  standing: { label?: string; away?: number };
}): string {
  const label = t.standing.label ?? t.state;
  if (label === "replaced" && t.replaced_by) return texts.replacedBy(t.replaced_by);
  const text = labelText(label);
  return t.standing.away && label === "delivered" ? texts.deliveredAway(text, t.standing.away) : text;
}

/** What of a transfer does not come by itself, in a few words. */
export function whatNeedsYou(t: {
  state: string;
  cause?: string;
  failed: number;
  incomplete: number;
  stuck?: number;
  summary?: string;
}): string {
  const w = texts.needsYou;
  const parts = [
    t.failed ? w.failed(t.failed) : "",
    t.incomplete ? w.incomplete(t.incomplete) : "",
    t.stuck ? w.stuck(t.stuck) : "",
    t.cause === "source" ? w.source : "",
  ].filter(Boolean);
  return parts.length ? parts.join(", ") : name(t.summary);
}

/** The state of a machine: on, off, or its login used by several at once. */
export function deviceState(d: { active: boolean; machines?: number }): string {
  return (d.machines ?? 0) > 1 ? "shared" : d.active ? "active" : "off";
}

/** Says that a member of the group forges packets of a transfer, or did. */
export function forgedText(f: { devices: number; blocks?: number }, running: boolean): string {
  return texts.forged(f.devices, f.blocks ?? 0, running);
}

/** A digest, or its first digits, after the name of its hash; nothing of what was not read, or not to its end. */
export function digestOf(f: { digest: string; hash?: string }, digits = 64): string {
  if (/^0*$/.test(f.digest)) return "";
  return `${known<string>(texts.hashes, f.hash ?? "") ?? ""} ${f.digest.slice(0, digits)}`.trim();
}
