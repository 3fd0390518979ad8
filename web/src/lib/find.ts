// What the box of Ctrl-K finds: everything that has a page, those first that begin with what is typed.
import type { Device, Group, Transfer, User } from "../api/types";
import type { Place } from "./places";
import { texts } from "../texts";
import { bytes, moment } from "./format";
import { link } from "./router.svelte";

export interface Hit {
  kind: string;
  title: string;
  detail: string;
  href: string;
}

export interface World {
  devices: Device[];
  users: User[];
  groups: Group[];
  transfers: Transfer[];
  places: Pick<Place, "path" | "text">[];
}

const most = 30;

function all(w: World): Hit[] {
  return [
    ...w.places.map((p) => ({ kind: texts.find.page, title: p.text, detail: "", href: link(p.path) })),
    ...w.groups.map((g) => ({
      kind: texts.find.group,
      title: g.name,
      detail: g.description,
      href: link("groups", g.name),
    })),
    ...w.devices.map((d) => ({
      kind: texts.find.machine,
      title: d.name,
      detail: d.user,
      href: link("machines", d.id),
    })),
    ...w.users.map((u) => ({ kind: texts.find.person, title: u.name, detail: u.role, href: link("people", u.name) })),
    ...w.transfers.map((t) => ({
      kind: texts.find.transfer,
      title: t.name,
      detail: texts.find.transferTo(t.id, t.group, bytes(t.bytes), moment(t.created_at)),
      href: link("transfers", t.id),
    })),
  ];
}

/** How well a hit answers: 0 best; undefined not at all. Every word must be in it. */
function rank(h: Hit, words: string[]): number | undefined {
  const title = h.title.toLowerCase();
  const whole = `${title} ${h.detail.toLowerCase()} ${h.kind}`;
  if (!words.every((w) => whole.includes(w))) return undefined;
  const first = words[0] ?? "";
  return title === first ? 0 : title.startsWith(first) ? 1 : title.includes(first) ? 2 : 3;
}

/** What is found for a text, the best first; with files, the last is a search for sent files. */
export function found(text: string, w: World, files: boolean): Hit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return all({ ...w, devices: [], users: [], transfers: w.transfers.slice(0, 8) }).slice(0, most);
  const ranked = all(w).flatMap((hit) => {
    const at = rank(hit, words);
    return at === undefined ? [] : [{ at, hit }];
  });
  ranked.sort((a, b) => a.at - b.at);
  const hits = ranked.slice(0, most).map((r) => r.hit);
  if (files)
    hits.push({
      kind: texts.find.files,
      title: texts.common.quoted(text.trim()),
      detail: texts.find.whichVersion,
      href: link("files", text.trim()),
    });
  return hits;
}
