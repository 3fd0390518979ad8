// How a transfer and its deliveries stand, as sentences. The server says it in English; for other languages it is
// made here from its codes and counts.
import type { Delivery, Transfer } from "../api/types";
import { texts } from "../texts";
import { known, labelText, name } from "./format";

const named = 3; // machines that are named in one part of a sentence

type Facts = Pick<Transfer, "state" | "cause" | "verified" | "owed" | "summary" | "standing">;

/** How a transfer stands, in one sentence. */
export function verdict(t: Facts, all: Delivery[] = []): string {
  if (texts.serverSpeaksIt) return name(t.summary);
  const w = texts.verdict;
  const promised = all.filter((d) => d.standing.promised);
  const done = all.length ? promised.filter((d) => d.standing.delivered).length : t.verified;
  return [w.done(done, all.length ? promised.length : t.standing.devices), why(t), ...notThrough(all)]
    .filter((x) => x !== "")
    .join("; ");
}

function why(t: Facts): string {
  if (t.cause === "away") return texts.verdict.away(t.owed);
  const of = known<unknown>(texts.verdict, t.cause ?? "");
  if (typeof of === "string") return of;
  return t.state === "sending" || t.state === "done" ? "" : labelText(t.state);
}

// The labels that a sentence names machines for, in their order.
function kinds(): [label: string, say: (who: string) => string][] {
  const w = texts.verdict;
  return [
    ["behind", w.behind],
    ["refused", w.refusedBy],
    ["failed", w.failedOn],
    ["incomplete", w.lacks],
    ["silent", w.silentAre],
    ["put-off", w.putOff],
    ["expired", w.expired],
    ["off", w.off],
    ["no-device", w.without],
    ["replaced", w.replaced],
    ["cancelled", w.takenBack],
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

type Waiting = Pick<Delivery, "state" | "cause" | "refusal" | "reason">;

/** Why a delivery waits, failed or was refused. */
export function reasonText(d: Waiting): string {
  if (texts.serverSpeaksIt || !d.reason) return name(d.reason);
  const refused = d.state === "refused" || d.cause === "refused";
  const why = refused ? known<string>(texts.refusals, d.refusal ?? "") : known<string>(texts.causes, d.cause ?? "");
  if (why) return why;
  const outcome = known<string>(texts.outcomes, d.state);
  return outcome ? texts.withWords(outcome, name(d.reason)) : "";
}

/** Why a transfer waits. */
export function waitText(t: Pick<Transfer, "state" | "cause" | "owed" | "reason">): string {
  if (texts.serverSpeaksIt || !t.reason) return name(t.reason);
  if (t.cause === "away") return texts.verdict.away(t.owed);
  const of = known<unknown>(texts.verdict, t.cause ?? "");
  return typeof of === "string" ? of : "";
}
