// Arranging a room: the map that it began with, the plan as it is now, and how to go back.
import { api, ApiError } from "../api/client";
import { name } from "./format";
import { refresh } from "./live.svelte";
import { say } from "./toast.svelte";
import { texts } from "../texts";
import {
  arranged,
  beside,
  changes,
  empty,
  filledUp,
  gridFor,
  key,
  mapOf,
  moved,
  planOf,
  rebased,
  resized,
  sameSize,
  taken,
  unseated,
  type Plan,
  type Seat,
  type Sitter,
  type Way,
} from "./seats";
import type { SeatMap } from "../api/types";

const w = texts.seats;
const back = 200; // steps that can be undone

/** A plan for machines that nobody has seated: by name. */
export function unarranged(all: Sitter[]): Plan {
  return arranged({ ...gridFor(all.length), at: new Map() }, all);
}

export class Arranging {
  /** The machines that there are to seat. */
  all = $state.raw<Sitter[]>([]);
  plan = $state.raw<Plan>({ rows: 1, columns: 1, at: new Map() });
  /** The machine that the next click on a seat moves. */
  picked = $state("");
  /** What happened, for screen readers. */
  said = $state("");
  saving = $state(false);
  /** The map that somebody else saved meanwhile. */
  theirs = $state.raw<SeatMap | undefined>(undefined);
  private base = $state.raw<Plan>({ rows: 1, columns: 1, at: new Map() });
  private past = $state.raw<Plan[]>([]);
  private version = 0;

  constructor(
    readonly group: string,
    map: SeatMap,
    all: Sitter[],
  ) {
    this.all = all;
    this.start(map);
  }

  readonly changed = $derived(changes(this.base, this.plan));
  readonly dirty = $derived(this.changed.length > 0 || !sameSize(this.base, this.plan));
  readonly undoable = $derived(this.past.length > 0);
  readonly waiting = $derived(this.all.filter((s) => !this.plan.at.has(s.id)));

  private start(map: SeatMap): void {
    const there = new Set(this.all.map((s) => s.id));
    const kept = planOf(map, there);
    // Of a room that nobody arranged the proposal is a change that can be saved at once.
    this.base = kept ?? { rows: 0, columns: 0, at: new Map() };
    this.plan = kept ?? unarranged(this.all);
    this.version = map.version;
    this.past = [];
    this.theirs = undefined;
    this.picked = "";
  }

  /** Machines that came wait; those that left lose their seats. */
  present(all: Sitter[]): void {
    this.all = all;
    const there = new Set(all.map((s) => s.id));
    const still = (p: Plan): Plan => {
      if ([...p.at.keys()].every((id) => there.has(id))) return p;
      return { ...p, at: new Map([...p.at].filter(([id]) => there.has(id))) };
    };
    this.base = still(this.base);
    this.plan = still(this.plan);
    if (this.past.length) this.past = this.past.map(still);
    if (this.picked && !there.has(this.picked)) this.picked = "";
  }

  /** The server's map as it is now. */
  seen(map: SeatMap): void {
    if (map.version === this.version || this.saving) return;
    if (this.dirty) this.theirs = map;
    else this.start(map);
  }

  nameOf(id: string): string {
    return name(this.all.find((s) => s.id === id)?.name);
  }

  private turn(next: Plan, said: string): void {
    if (next === this.plan) return;
    this.past = [...this.past.slice(-back), this.plan];
    this.plan = next;
    this.said = said;
  }

  move(id: string, to: Seat): void {
    const other = taken(this.plan).get(key(to.row, to.column));
    const place = w.seat(to.row, to.column);
    const who = this.nameOf(id);
    this.picked = "";
    if (other === id) return;
    const said =
      other === undefined
        ? w.wentTo(who, place)
        : this.plan.at.has(id)
          ? w.changedPlaces(who, this.nameOf(other), place)
          : w.tookPlace(who, this.nameOf(other), place);
    this.turn(moved(this.plan, id, to), said);
  }

  /** One seat further; who waits takes the first that is empty. */
  step(id: string, way: Way): void {
    const from = this.plan.at.get(id);
    const to = from ? beside(this.plan, from, way) : empty(this.plan)[0];
    if (to) this.move(id, to);
  }

  out(id: string): void {
    this.picked = "";
    this.turn(unseated(this.plan, id), w.isOut(this.nameOf(id)));
  }

  /** A click on a machine: it is picked, or the one that is picked takes its seat. */
  press(id: string): void {
    const seat = this.plan.at.get(id);
    if (this.picked && this.picked !== id && seat) return this.move(this.picked, seat);
    this.picked = this.picked === id ? "" : id;
    if (this.picked) this.said = w.isPicked(this.nameOf(id));
  }

  byName(): void {
    this.turn(arranged(this.plan, this.all), w.allByName);
  }

  fillUp(): void {
    this.turn(filledUp(this.plan, this.all), w.restSeated);
  }

  size(rows: number, columns: number): void {
    const next = resized(this.plan, rows, columns);
    if (!sameSize(next, this.plan)) this.turn(next, w.sized(next.rows, next.columns));
  }

  undo(): void {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.plan = before;
    this.picked = "";
    this.said = w.undone;
  }

  /** Whether it is saved. Who was overtaken has the other's map in `theirs`. */
  async save(): Promise<boolean> {
    this.saving = true;
    try {
      const map = await api.setSeats(this.group, mapOf(this.plan, this.version));
      this.start(map);
      say(w.saved(name(this.group)));
      refresh();
      return true;
    } catch (e) {
      if (e instanceof ApiError && e.status === 412) this.theirs = await api.seats(this.group).catch(() => undefined);
      if (!this.theirs) say(e instanceof Error ? e.message : String(e), true);
      return false;
    } finally {
      this.saving = false;
    }
  }

  /** My changes go into their map. */
  putMine(): void {
    const map = this.theirs;
    if (!map) return;
    const theirs = planOf(map, new Set(this.all.map((s) => s.id))) ?? unarranged(this.all);
    const mine = rebased(this.base, this.plan, theirs);
    this.start(map);
    this.plan = mine;
    this.said = w.put;
  }

  takeTheirs(): void {
    if (this.theirs) this.start(this.theirs);
  }

  /** What is different, in a few words. */
  readonly summary = $derived.by(() => {
    const moves = this.changed.filter((c) => c.from && c.to).length;
    const seated = this.changed.filter((c) => !c.from).length;
    const out = this.changed.filter((c) => !c.to).length;
    return [
      moves ? w.summary.moved(moves) : "",
      seated ? w.summary.seated(seated) : "",
      out ? w.summary.unseated(out) : "",
      sameSize(this.base, this.plan) ? "" : w.summary.size(this.plan.rows, this.plan.columns),
    ].filter(Boolean);
  });
}
