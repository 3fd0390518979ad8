// The texts in use. Which language is chosen when the page is read: the one that was kept, else the first of
// the browser's languages that there is, else English.
import { de } from "./de";
import { en } from "./en";
import { pseudo } from "./pseudo";

// Where English has one of a few words, another language has any.
type Wide<T> = T extends (...args: infer A) => infer R
  ? (...args: A) => [R] extends [string] ? string : R
  : T extends string
    ? string
    : T extends unknown[]
      ? T
      : T extends object
        ? { [K in keyof T]: Wide<T[K]> }
        : T;

/** What every language has. TypeScript refuses a file in which something is missing. */
export type Texts = Wide<typeof en>;

/** The languages that there are, each under its name in itself. */
export const languages: Record<string, { called: string; texts: Texts }> = {
  en: { called: "English", texts: en },
  de: { called: "Deutsch", texts: de },
};

/** The first language that exists among those that are wanted. */
export function choose(wanted: readonly string[], there: readonly string[]): string {
  for (const w of wanted) {
    const tag = w.toLowerCase().split("-")[0]!;
    if (there.includes(tag)) return tag;
  }
  return "en";
}

const kept = "language";

function wanted(): string[] {
  return [keptLanguage, ...navigator.languages];
}

/** What was kept for this browser; "": nothing. */
export const keptLanguage = localStorage.getItem(kept) ?? "";

export const language = choose(wanted(), Object.keys(languages));

// `vite build --mode pseudo` makes a build for the browser tests; the one that is shipped has nothing of it.
export const texts: Texts =
  import.meta.env.MODE === "pseudo" ? pseudo({ ...en, serverSpeaksIt: false }) : languages[language]!.texts;

/** Keeps a language for this browser and reads the page again in it; "": as the browser says. */
export function keep(tag: string): void {
  if (tag) localStorage.setItem(kept, tag);
  else localStorage.removeItem(kept);
  location.reload();
}
