// A language that no one speaks: every text of another in brackets and a third longer. What is on a page without
// brackets is in no file of texts, and what has no room for it will have none for a longer language.

const padding = "wxyz";

function longer(text: string): string {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  if (!letters) return text;
  const more = Math.ceil(letters / 3);
  return `⟦${text}${padding.repeat(Math.ceil(more / 4)).slice(0, more)}⟧`;
}

/** The same shape with every text longer; what a function gives is made longer when it is called. */
export function pseudo<T>(of: T): T {
  const made = (x: unknown): unknown => {
    if (typeof x === "string") return longer(x);
    if (typeof x === "function") return (...args: unknown[]) => made((x as (...a: unknown[]) => unknown)(...args));
    if (Array.isArray(x)) return x.map(made);
    if (typeof x !== "object" || x === null) return x;
    if ("as" in x && "text" in x) return { ...x, text: x.as === "code" ? x.text : made(x.text), title: made(opt(x)) };
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, k === "locale" ? v : made(v)]));
  };
  return made(of) as T;
}

const opt = (x: object): unknown => ("title" in x ? x.title : undefined);
