// Why a group's multicast address is a poor choice, in words.
import type { Group } from "../api/types";
import { name } from "./format";

/** The sentence of a warning; nothing if there is none. */
export function addressWarning(g: Pick<Group, "address" | "warning">): string {
  const ip = g.address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  switch (g.warning ?? "") {
    case "":
      return "";
    case "all-hosts":
      return `${ip} is "all hosts": switches flood it to every port and every machine's network card takes it in, member or not; it never leaves this network. An address of 239.192.0.0/14 (given none, the server picks one) reaches members only`;
    case "flooded":
      return `${ip} shares its Ethernet address with 224.0.0.${ip.slice(ip.lastIndexOf(".") + 1)}, so switches flood it to every port; another third number would not`;
    case "source-specific":
      return `${ip} is of the source-specific range: routers forward it only to receivers that name the server's address, as groupcast's do where the network supports IGMPv3`;
    case "not-private":
      return `${ip} is not of the private range 239.0.0.0/8: another network's traffic may use it too`;
    case "this-machine":
      return `${ip} never leaves the machine: only receivers on the server itself hear it`;
  }
  return name(g.warning); // a newer server's
}
