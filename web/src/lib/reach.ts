// How a check found that a device is reached, in words with the next step.
import type { CheckResult } from "../api/types";
import { texts } from "../texts";
import { moment } from "./format";

const port = 7441; // of groups, unless they have another

/** The sentence of a device's row. */
export function reach(r: CheckResult): string {
  const probes = r.multicast ?? [];
  const named = (all: typeof probes) => all.map((p) => p.group).join(", ");
  const w = texts.reach;
  switch (r.reach) {
    case "multicast":
      return w.multicast;
    case "lossy": {
      const partly = probes.filter((p) => p.heard > 0 && p.heard < p.sent);
      return w.lossy(partly.map((p) => w.heard(p.group, p.heard, p.sent)).join(", "));
    }
    case "https":
      return w.https(named(probes.filter((p) => p.sent > 0 && p.heard === 0)), port);
    case "not-probed":
      return w.notProbed(named(probes.filter((p) => p.sent === 0).slice(0, 1)));
    case "no-group":
      return w.noGroup;
    case "silent":
      return w.silent;
    case "off":
      return w.off(moment(r.last_seen));
    case "never":
      return w.never;
    case "copied":
      return w.copied(r.machines ?? 0);
    case "unfit":
      return r.unfit ?? "";
  }
  return r.reach; // a newer server's
}
