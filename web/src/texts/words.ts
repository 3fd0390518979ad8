// What the files of texts are made with: numbers, plurals, and sentences of which a part is more than letters.

/** A part of a sentence that is a link, a name of weight, something typed, or stands back. */
export interface Piece {
  as: "a" | "strong" | "em" | "code" | "soft";
  text: string;
  href?: string; // of a link
  title?: string; // shown when it is pointed at
}

/** A sentence with such parts; parts/Rich.svelte shows it. Names in it are data and never markup. */
export type Rich = (string | Piece)[];

export const a = (text: string, href: string): Piece => ({ as: "a", text, href });
export const strong = (text: string): Piece => ({ as: "strong", text });
export const em = (text: string): Piece => ({ as: "em", text });
export const code = (text: string): Piece => ({ as: "code", text });
export const soft = (text: string, title?: string): Piece => ({ as: "soft", text, title });

/** The parts of a list with something between each two. */
export function between(parts: Piece[], gap = ", "): Rich {
  return parts.flatMap((p, i) => (i ? [gap, p] : [p]));
}

/** The forms of a noun that a language tells apart by number; "other" is always one of them. */
export type Forms = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/** Numbers, plurals and dates as a language writes them. */
export function writing(locale: string): {
  number: (n: number, digits?: number) => string;
  pick: (n: number, forms: Forms) => string;
  count: (n: number, forms: Forms) => string;
} {
  const rules = new Intl.PluralRules(locale);
  const whole = new Intl.NumberFormat(locale);
  const exact = [0, 1, 2].map(
    (d) => new Intl.NumberFormat(locale, { minimumFractionDigits: d, maximumFractionDigits: d, useGrouping: false }),
  );
  const number = (n: number, digits?: number) => (digits === undefined ? whole.format(n) : exact[digits]!.format(n));
  /** The form for so many. */
  const pick = (n: number, forms: Forms) => forms[rules.select(n)] ?? forms.other;
  /** The number with its noun. */
  const count = (n: number, forms: Forms) => `${number(n)} ${pick(n, forms)}`;
  return { number, pick, count };
}

/** A part of a duration: how many of which unit. */
export type Span = [n: number, unit: "d" | "h" | "m" | "s" | "ms"];

/** A moment by the clock here, each part of its usual width. */
export type Moment = Record<"year" | "month" | "day" | "hour" | "minute" | "second", string>;

export function clock(d: Date): Moment {
  const two = (n: number) => String(n).padStart(2, "0");
  return {
    year: String(d.getFullYear()),
    month: two(d.getMonth() + 1),
    day: two(d.getDate()),
    hour: two(d.getHours()),
    minute: two(d.getMinutes()),
    second: two(d.getSeconds()),
  };
}
