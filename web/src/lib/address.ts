// Why a group's multicast address is a poor choice, in words.
import type { Group } from "../api/types";
import { texts } from "../texts";
import { name } from "./format";

/** The sentence of a warning; nothing if there is none. */
export function addressWarning(g: Pick<Group, "address" | "warning">): string {
  const ip = g.address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const w = texts.address;
  switch (g.warning ?? "") {
    case "":
      return "";
    case "all-hosts":
      return w.allHosts(ip);
    case "flooded":
      return w.flooded(ip, `224.0.0.${ip.slice(ip.lastIndexOf(".") + 1)}`);
    case "source-specific":
      return w.sourceSpecific(ip);
    case "not-private":
      return w.notPrivate(ip);
    case "this-machine":
      return w.thisMachine(ip);
  }
  return name(g.warning); // a newer server's
}
