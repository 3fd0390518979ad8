// The pages of the navigation, in their order: what each is called, its icon, and the key that goes there after "g".
import type { Component } from "svelte";
import Boxes from "@lucide/svelte/icons/boxes";
import Braces from "@lucide/svelte/icons/braces";
import Clock from "@lucide/svelte/icons/clock";
import Download from "@lucide/svelte/icons/download";
import History from "@lucide/svelte/icons/history";
import House from "@lucide/svelte/icons/house";
import Monitor from "@lucide/svelte/icons/monitor";
import Radio from "@lucide/svelte/icons/radio";
import ScrollText from "@lucide/svelte/icons/scroll-text";
import Send from "@lucide/svelte/icons/send";
import Server from "@lucide/svelte/icons/server";
import UserPlus from "@lucide/svelte/icons/user-plus";
import Users from "@lucide/svelte/icons/users";
import { known } from "./format";

export interface Place {
  path: string;
  text: string;
  icon: Component;
  key?: string; // after "g"
}

export interface Section {
  title: string; // empty: no heading
  places: Place[];
}

export const admin: Section[] = [
  {
    title: "",
    places: [
      { path: "overview", text: "Overview", icon: House, key: "o" },
      { path: "send", text: "Send", icon: Send, key: "s" },
      { path: "transfers", text: "Transfers", icon: Radio, key: "t" },
      { path: "pending", text: "Pending", icon: Clock, key: "p" },
    ],
  },
  {
    title: "Who receives",
    places: [
      { path: "machines", text: "Machines", icon: Monitor, key: "m" },
      { path: "groups", text: "Groups", icon: Boxes, key: "g" },
      { path: "people", text: "People", icon: Users, key: "u" },
      { path: "requests", text: "Join requests", icon: UserPlus, key: "j" },
    ],
  },
  {
    title: "This server",
    places: [
      { path: "files", text: "Sent files", icon: History, key: "f" },
      { path: "server", text: "Server", icon: Server, key: "v" },
      { path: "audit", text: "Audit log", icon: ScrollText, key: "l" },
      { path: "api", text: "API", icon: Braces },
    ],
  },
];

export const member: Section[] = [
  {
    title: "",
    places: [
      { path: "mine", text: "My files", icon: Download, key: "m" },
      { path: "joined", text: "My groups", icon: Boxes, key: "g" },
    ],
  },
];

/** What pages were called in earlier releases: bookmarks still lead there. */
const earlier: Record<string, string> = { receivers: "machines", users: "people" };

/** The page that a link of this or an earlier release names. */
export function placeOf(path: string): string {
  return known(earlier, path) ?? path;
}
