// Shortcuts: one key that is never needed for writing, told by "?".
import { known } from "./format";
import { go } from "./router.svelte";

const places: Record<string, string> = {
  o: "overview",
  s: "send",
  t: "transfers",
  p: "pending",
  g: "groups",
  j: "requests",
  u: "users",
  r: "receivers",
  l: "audit",
  a: "account",
};
export const told: [keys: string[], what: string][] = [
  [["?"], "this list"],
  [["/"], "search in the page"],
  [["g", "o"], "Overview"],
  [["g", "s"], "Send"],
  [["g", "t"], "Transfers"],
  [["g", "p"], "Pending"],
  [["g", "g"], "Groups"],
  [["g", "j"], "Join requests"],
  [["g", "u"], "Users"],
  [["g", "r"], "Receivers"],
  [["g", "l"], "Audit log"],
  [["g", "a"], "your account"],
  [["Esc"], "close a dialog"],
];
const patience = 1200; // ms between g and the second key

let after = 0;

/** Listens until the returned function is called. A member has no pages but his own. */
export function listen(admin: () => boolean, help: () => void): () => void {
  const press = (e: KeyboardEvent): void => {
    const at = e.target as HTMLElement;
    if (e.ctrlKey || e.metaKey || e.altKey || at.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const second = Date.now() - after < patience;
    after = 0;
    if (second && known(places, e.key) && (admin() || e.key === "a")) go(places[e.key]!);
    else if (e.key === "g") after = Date.now();
    else if (e.key === "?") help();
    else if (e.key === "/") document.querySelector<HTMLElement>("main input[type=search]")?.focus();
    else return;
    e.preventDefault();
  };
  addEventListener("keydown", press);
  return () => removeEventListener("keydown", press);
}
