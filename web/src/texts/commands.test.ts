import { expect, it } from "vitest";
import { languages } from ".";

// The texts that show a command to type or to copy. Everywhere else the web says what to do in words.
const shown = [
  "calls.elsewhere",
  "commands.login",
  "commands.loginUntrusted",
  "commands.join",
  "commands.receive",
  "steps.startReceive",
  "transfer.proofHint",
  "transfer.moreFiles",
  "machine.deaf",
];

/** What a text may say: itself, or what its function makes of made-up arguments. */
function said(v: unknown): string {
  if (typeof v === "string") return v;
  if (Array.isArray(v)) return v.map(said).join(" ");
  if (typeof v === "function") return `${said(attempt(v as (...of: unknown[]) => unknown))} ${String(v)}`;
  return typeof v === "object" && v !== null ? Object.values(v).map(said).join(" ") : "";
}

function attempt(make: (...of: unknown[]) => unknown): unknown {
  try {
    return make("x", 2, 3, 4, 5);
  } catch {
    return ""; // its source is looked at, too
  }
}

function leaves(of: object, at = ""): [string, unknown][] {
  return Object.entries(of).flatMap(([k, v]): [string, unknown][] => {
    const key = at ? `${at}.${k}` : k;
    return typeof v === "object" && v !== null && !Array.isArray(v) ? leaves(v as object, key) : [[key, v]];
  });
}

const command =
  /\bgroupcast (serve|login|logout|join|receive|doctor|send|verify|transfer|group|user|device|backup|restore)\b/;

const found = (texts: object) =>
  leaves(texts)
    .filter(([, v]) => command.test(said(v)))
    .map(([k]) => k);

it("finds commands in sentences, in parts and in functions", () => {
  expect(
    found({
      a: { b: "start `groupcast receive` there" },
      c: ["run ", { as: "code", text: "groupcast doctor" }],
      d: (n: number) => `${n}: groupcast transfer files ${n}`,
      e: () => {
        throw new Error("groupcast login");
      },
      f: "the groupcast server, groupcast 0.2.0",
    }),
  ).toEqual(["a.b", "c", "d", "e"]);
});

it.each(Object.entries(languages))("no sentence in %s holds a command", (_, { texts }) => {
  expect(found(texts).filter((k) => !shown.includes(k))).toEqual([]);
});

it("the list names only texts that show a command", () => {
  expect(shown.filter((k) => !found(languages.en!.texts).includes(k))).toEqual([]);
});
