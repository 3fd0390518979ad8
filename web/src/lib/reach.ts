// How a check found that a device is reached, in words with the next step.
import type { CheckResult } from "../api/types";
import { moment } from "./format";

const port = 7441; // of groups, unless they have another

/** The sentence of a device's row. */
export function reach(r: CheckResult): string {
  const probes = r.multicast ?? [];
  const named = (all: typeof probes) => all.map((p) => p.group).join(", ");
  switch (r.reach) {
    case "multicast":
      return "reached over multicast";
    case "lossy": {
      const partly = probes.filter((p) => p.heard > 0 && p.heard < p.sent);
      return `hears multicast with loss: ${partly.map((p) => `${p.group} (${p.heard} of ${p.sent})`).join(", ")}; parity repairs it`;
    }
    case "https": {
      const unheard = named(probes.filter((p) => p.sent > 0 && p.heard === 0));
      return `does not hear multicast of ${unheard}, so data comes over HTTPS: look at its firewall (UDP ${port}), its Wi-Fi, and IGMP snooping without a querier on the switch (\`groupcast doctor\` there)`;
    }
    case "not-probed":
      return `no probe could be sent to ${named(probes.filter((p) => p.sent === 0).slice(0, 1))}: see the server's log and --interface`;
    case "no-group":
      return "is in no group: add its user to one";
    case "silent":
      return "connected, but did not answer in time: the machine may be asleep or overloaded";
    case "off":
      return `not active, seen ${moment(r.last_seen)}: is the machine on and \`groupcast receive\` running there?`;
    case "never":
      return "has never connected: start `groupcast receive` there";
    case "copied":
      return `its login is used by ${r.machines} machines, of which only one gets files: a home was copied; on the others: \`groupcast logout\`, then log in`;
    case "unfit":
      return r.unfit ?? "";
  }
  return r.reach; // a newer server's
}
