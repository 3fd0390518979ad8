// How a machine stands, in a word or two that fit on a tile: by what it is owed, or by one transfer.
import type { Delivery, Device } from "../api/types";
import { fraction } from "./deliveries";
import { duration, percent, stateText } from "./format";
import { lookOf, type Tone } from "./looks";
import { presence } from "./machines";
import { texts } from "../texts";
import { reasonText } from "./verdict";

const w = texts.seats;

/** A machine on its tile. */
export interface Tile {
  id: string;
  name: string;
  user: string;
  look: string; // for the shape and the colour: see lookOf
  short: string; // on the tile
  text: string; // in full, beginning with what is on the tile
  part?: number; // how much of what it receives it has, 0 to 1
}

/** "25m": since when, in the largest unit. */
function lasting(iso: string): string {
  const text = duration(Math.max(1, Math.round((Date.now() - Date.parse(iso)) / 1000)) * 1e9);
  return /^\d+\p{L}+/u.exec(text)?.[0] ?? text;
}

/** A delivery with the size of its transfer. */
export interface Coming {
  of: Delivery;
  bytes: number;
}

function away(d: Device): Pick<Tile, "look" | "short" | "text"> {
  const never = d.last_seen.startsWith("0001");
  const since = never ? "" : lasting(d.last_seen);
  const short = never ? w.neverOn : w.away(since);
  return { look: "off", short, text: d.owed ? `${short}, ${w.owed(d.owed)}` : short };
}

/** How a machine stands to all that it is owed. What somebody has to do comes first, then what happens now. */
export function machineTile(d: Device, all: Coming[]): Tile {
  const who = { id: d.id, name: d.name, user: d.user };
  const bad = all.find((c) => c.of.standing.attention);
  if (bad) {
    const text = w.needsYouFor(stateText(bad.of), reasonText(bad.of));
    return { ...who, look: "needs-you", short: w.needsYou, text };
  }
  if (!d.active) return { ...who, ...away(d) };
  const comes = all.filter((c) => c.of.state === "receiving" && c.of.standing.owed);
  if (comes.length) {
    const bytes = comes.reduce((sum, c) => sum + c.bytes, 0);
    const part = bytes ? comes.reduce((sum, c) => sum + fraction(c.of, c.bytes) * c.bytes, 0) / bytes : 0;
    return { ...who, look: "receiving", short: percent(part), text: w.received(percent(part)), part };
  }
  if ((d.machines ?? 0) > 1) return { ...who, look: "shared", short: w.shared, text: w.sharedBy(presence(d)) };
  if (d.owed) return { ...who, look: "queued", short: w.owedShort(d.owed), text: w.owed(d.owed) };
  return { ...who, look: "active", short: w.ready, text: w.ready };
}

/** How a machine stands to one transfer of so many bytes. */
export function deliveryTile(d: Delivery, bytes: number): Tile {
  const part = fraction(d, bytes);
  const comes = d.state === "receiving" && d.standing.owed && d.active;
  const text = stateText(d);
  const full = comes ? w.received(percent(part)) : text;
  return {
    id: d.device_id,
    name: d.device,
    user: d.user,
    look: d.standing.label,
    short: comes ? percent(part) : text,
    text: reasonText(d) ? w.because(full, reasonText(d)) : full,
    part: comes ? part : undefined,
  };
}

const order = ["active", "receiving", "queued", "shared", "needs-you", "off"];

/** "28 ready", "3 away": how many machines stand how. */
export function tally(all: Iterable<Tile>): { text: string; tone: Tone }[] {
  const n = new Map<string, number>();
  for (const t of all) n.set(t.look, (n.get(t.look) ?? 0) + 1);
  return order.flatMap((look) => {
    const many = n.get(look);
    return many ? [{ text: w.tally[look]!(many), tone: lookOf(look)[1] }] : [];
  });
}
