// How a transfer and its deliveries stand, as sentences. The server says it in English; for other languages it is
// made here from its codes and counts.
import type { Delivery, Transfer } from "../api/types";
import { texts } from "../texts";
import { bytes, known, labelText, name, percent } from "./format";

const named = 3; // machines that are named in one part of a sentence

type Facts = Pick<Transfer, "state" | "cause" | "verified" | "owed" | "summary" | "standing"> &
  Partial<Pick<Transfer, "hashing" | "bytes">>;

/** What the counts of a transfer's machines do not say, in one short line; nothing if there is no more to say. */
export function verdict(t: Facts, all: Delivery[] = []): string {
  if (texts.serverSpeaksIt) return name(t.summary);
  const about = ["held", "paused", "unconfirmed", "source"].includes(t.cause ?? "");
  const ofMachines = ["away", "refused", "silent", "later"].includes(t.cause ?? "") && all.length;
  return [ofMachines ? "" : why(t), ...(about ? [] : [...notThrough(all), read(t)])].filter((x) => x !== "").join("; ");
}

// How much of the files the server has read, of a transfer that is sent meanwhile.
function read(t: Facts): string {
  return t.hashing && t.bytes ? texts.verdict.read(percent(t.hashing.bytes / t.bytes, 1)) : "";
}

function why(t: Facts): string {
  if (t.cause === "away") return texts.verdict.away(t.owed);
  const of = known<unknown>(texts.verdict, t.cause ?? "");
  if (typeof of === "string") return of;
  return t.state === "sending" || t.state === "done" ? "" : labelText(t.state);
}

// The labels that a line names machines for, in their order.
function kinds(): [label: string, say: (who: string) => string][] {
  const w = texts.verdict;
  return [
    ["refused", w.refusedBy],
    ["failed", w.failedOn],
    ["incomplete", w.lacks],
    ["silent", w.silentAre],
    ["put-off", w.putOff],
    ["expired", w.expired],
    ["off", w.off],
  ];
}

function notThrough(all: Delivery[]): string[] {
  return kinds().flatMap(([label, say]) => {
    const these = all.filter((d) => d.standing.label === label).map((d) => name(d.device) || name(d.user));
    if (!these.length) return [];
    const first = these.sort().slice(0, named);
    if (these.length > named) first.push(texts.common.more(these.length - named));
    return [say(first.join(", "))];
  });
}

type Waiting = Pick<Delivery, "state" | "cause" | "refusal" | "reason"> &
  Partial<Pick<Delivery, "signed" | "space" | "void">>;

/** Why a delivery waits, failed or was refused: our words for its code and numbers, the machine's own behind them. */
export function reasonText(d: Waiting): string {
  const words = name(d.reason).replace(/[“”]/g, '"'); // which cannot end their quotation themselves
  const own = words ? texts.ownWords(words) : "";
  const said = (...all: string[]) => all.filter((x) => x).join("; ");
  if (d.state === "refused") {
    if (d.refusal === "space" && d.space) return room(d.space);
    // Of a version that does not fit the words are the server's if it found that out, else the machine's.
    return said(refused(d.refusal), d.refusal === "version" && words ? texts.quoted(words) : own);
  }
  if (d.state === "failed" && d.signed) return said(texts.failedThere, own);
  const lost = d.void ? texts.leftOutPart.lost(d.void) : "";
  if (d.reason && d.signed) return said(lost, d.signed === "outcome" ? texts.quoted(words) : own);
  if (lost) return said(lost, name(d.reason));
  if (texts.serverSpeaksIt || !d.reason) return name(d.reason);
  const why = known<string>(texts.causes, d.cause ?? "");
  if (why) return why;
  const outcome = known<string>(texts.outcomes, d.state);
  return outcome ? texts.withWords(outcome, name(d.reason)) : "";
}

/** What a machine refuses a transfer for. */
function refused(code = ""): string {
  const of = known<string>(texts.refusals, code.startsWith("manifest-") ? "manifest" : code);
  return of ?? texts.refusals.other;
}

function room(s: NonNullable<Delivery["space"]>): string {
  const w = texts.room;
  const lacks = bytes(Math.max(0, s.needed + s.kept + (s.others ?? 0) - s.free));
  const text = s.kept
    ? w.kept(bytes(s.needed), bytes(s.free), bytes(s.kept), lacks)
    : w.free(bytes(s.needed), bytes(s.free), lacks);
  return s.others ? w.others(text, bytes(s.others)) : text;
}

/** Why a transfer waits. */
export function waitText(t: Pick<Transfer, "state" | "cause" | "owed" | "reason">): string {
  if (texts.serverSpeaksIt || !t.reason) return name(t.reason);
  if (t.cause === "away") return texts.verdict.away(t.owed);
  const of = known<unknown>(texts.verdict, t.cause ?? "");
  return typeof of === "string" ? of : "";
}
