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
import { texts } from "../texts";
import { known } from "./format";

const w = texts.places;

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
      { path: "overview", text: w.overview, icon: House, key: "o" },
      { path: "send", text: w.send, icon: Send, key: "s" },
      { path: "transfers", text: w.transfers, icon: Radio, key: "t" },
      { path: "pending", text: w.pending, icon: Clock, key: "p" },
    ],
  },
  {
    title: w.whoReceives,
    places: [
      { path: "machines", text: w.machines, icon: Monitor, key: "m" },
      { path: "groups", text: w.groups, icon: Boxes, key: "g" },
      { path: "people", text: w.people, icon: Users, key: "u" },
      { path: "requests", text: w.requests, icon: UserPlus, key: "j" },
    ],
  },
  {
    title: w.thisServer,
    places: [
      { path: "files", text: w.files, icon: History, key: "f" },
      { path: "server", text: w.server, icon: Server, key: "v" },
      { path: "audit", text: w.audit, icon: ScrollText, key: "l" },
      { path: "api", text: w.api, icon: Braces },
    ],
  },
];

export const member: Section[] = [
  {
    title: "",
    places: [
      { path: "mine", text: w.mine, icon: Download, key: "m" },
      { path: "joined", text: w.joined, icon: Boxes, key: "g" },
    ],
  },
];

/** What pages were called in earlier releases: bookmarks still lead there. */
const earlier: Record<string, string> = { receivers: "machines", users: "people" };

/** The page that a link of this or an earlier release names. */
export function placeOf(path: string): string {
  return known(earlier, path) ?? path;
}
