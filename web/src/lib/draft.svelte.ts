// What somebody picks on the page Send. It outlives the page: who looks elsewhere in between, or has to sign in
// again, finds it as it was. It is gone when it was sent, with the tab, and for anybody else who signs in.
import type { LeftOut, Selection } from "../api/types";
import type { Options } from "./plan";
import { lines } from "./plan";
import type { Picked } from "./upload.svelte";

const usual = (): Options => ({ hold: false, days: 30, rate: "", via: "auto" });

class Draft {
  where = $state<"here" | "server">("here");
  pathLines = $state("");
  excludeLines = $state("");
  groups = $state.raw<string[]>([]);
  only = $state.raw<string[]>([]); // for these of the groups only; nobody: for all
  except = $state.raw<string[]>([]);
  options = $state<Options>(usual());
  files = $state.raw<Picked[]>([]);
  byButton = $state(false); // a folder came without its empty folders
  unseen = $state.raw<LeftOut[]>([]); // what of a drop the browser could not look at
  found = $state.raw<LeftOut[]>([]); // what the last try found that cannot be sent
  leaveOut = $state(false); // the rest is sent without what cannot be sent …
  private agreed = new Set<string>(); // … which is these
  private owner = "";

  /** Whose draft it is from now on: nobody sees what another one picked. */
  of(user: string): void {
    if (this.owner && this.owner !== user) this.clear();
    this.owner = user;
  }

  get paths(): string[] {
    return this.where === "server" ? lines(this.pathLines) : [];
  }

  get exclude(): string[] {
    return lines(this.excludeLines);
  }

  get picked(): boolean {
    return this.where === "server" ? this.paths.length > 0 : this.files.length + this.unseen.length > 0;
  }

  /** Something else is picked: what was found of the last is of no use. */
  changed(): void {
    this.found = [];
    this.leaveOut = false;
  }

  /** The rest is sent without these. */
  without(bad: LeftOut[]): void {
    this.agreed = new Set(bad.map((l) => l.path));
    this.leaveOut = true;
  }

  /** Keeps what a try found that cannot be sent, and says whether the rest may go without all of it. */
  mayGoWithout(bad: LeftOut[]): boolean {
    this.found = bad;
    this.leaveOut &&= bad.every((l) => this.agreed.has(l.path));
    return this.leaveOut || bad.length === 0;
  }

  /** Adds files; one of the same path takes the place of the one before. */
  add(files: Picked[], unseen: LeftOut[], byButton: boolean): void {
    this.changed();
    const all = new Map(this.files.map((f) => [f.path, f]));
    for (const f of files) all.set(f.path, f);
    this.files = [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    this.unseen = [...this.unseen, ...unseen];
    this.byButton ||= byButton;
  }

  forgetFiles(): void {
    this.changed();
    this.files = [];
    this.unseen = [];
    this.byButton = false;
  }

  toggle(group: string): void {
    this.groups = this.groups.includes(group) ? this.groups.filter((g) => g !== group) : [...this.groups, group];
  }

  /** For some of the groups. */
  narrow(s: { only: string[]; except: string[] }): void {
    this.only = s.only;
    this.except = s.except;
  }

  /** For whom of the groups it is; undefined: for all. */
  get selection(): Selection | undefined {
    return this.only.length + this.except.length ? { only: this.only, except: this.except } : undefined;
  }

  clear(): void {
    this.forgetFiles();
    this.where = "here";
    this.pathLines = "";
    this.excludeLines = "";
    this.groups = [];
    this.narrow({ only: [], except: [] });
    this.options = usual();
  }
}

export const draft = new Draft();
