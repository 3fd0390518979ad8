// For whom of a group a transfer is: labels, KEY=VALUE, and machines, person/machine.
import type { Selection } from "../api/types";
import { texts } from "../texts";
import { name } from "./format";

export function narrowed(s: Selection | undefined): boolean {
  return (s?.only?.length ?? 0) + (s?.except?.length ?? 0) > 0;
}

const most = 6; // terms that are named; of more only how many

function terms(all: string[]): string {
  const first = all.slice(0, most).map(name).join(", ");
  return all.length > most ? texts.fleet.only.more(first, all.length - most) : first;
}

/** "only room=2, except ann/pc-07". */
export function whom(s: Selection | undefined): string {
  const w = texts.fleet.only;
  return [s?.only?.length ? w.some(terms(s.only)) : "", s?.except?.length ? w.except(terms(s.except)) : ""]
    .filter(Boolean)
    .join(", ");
}

/** What the page Send is opened with: ?only=room%3D2&except=ann%2Fpc-07. */
export function fromQuery(q: URLSearchParams): { only: string[]; except: string[] } {
  return { only: [...new Set(q.getAll("only"))], except: [...new Set(q.getAll("except"))] };
}
