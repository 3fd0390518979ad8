// Shortcuts: one key that is never needed for writing; "?" lists them.
import type { Section } from "./places";
import { texts } from "../texts";
import { go } from "./router.svelte";

const patience = 1200; // ms between g and the second key

/** What the list of shortcuts says for somebody with these pages. */
export function shortcuts(sections: Section[]): [keys: string[], what: string][] {
  const w = texts.keys;
  const places = sections.flatMap((s) => s.places).filter((p) => p.key);
  return [
    [["?"], w.list],
    [["Ctrl", "K"], w.find],
    [["/"], w.search],
    ...places.map((p): [string[], string] => [["g", p.key!], p.text]),
    [["g", "a"], w.account],
    [["Esc"], w.close],
  ];
}

let after = 0;

export interface Heard {
  sections: () => Section[]; // none: nobody is signed in
  help: () => void;
  find: () => void;
}

/** Listens until the returned function is called. */
export function listen({ sections, help, find }: Heard): () => void {
  const press = (e: KeyboardEvent): void => {
    const at = e.target as HTMLElement;
    if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k") {
      if (!sections().length) return;
      e.preventDefault();
      find();
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || at.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const second = Date.now() - after < patience;
    after = 0;
    const place = sections()
      .flatMap((s) => s.places)
      .find((p) => p.key === e.key);
    if (second && place) go(place.path);
    else if (second && e.key === "a") go("account");
    else if (e.key === "g") after = Date.now();
    else if (e.key === "?") help();
    else if (e.key === "/") document.querySelector<HTMLElement>("main input[type=search]")?.focus();
    else return;
    e.preventDefault();
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}
