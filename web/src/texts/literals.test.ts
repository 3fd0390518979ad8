// @vitest-environment node
// No word for people stands anywhere but in the texts.
import { describe, expect, it } from "vitest";
import { inMarkup, inScript } from "./literals";

// Names, and what is the same in every language.
const allowed = new Set(["groupcast", "· groupcast", "Ctrl K", "Ctrl", "Esc", "role admin", "role member"]);

// Their words are still to be moved.
const later = new Set<string>(["lib/openapi.ts"]);

describe("the search for words", () => {
  const words = (source: string) => inMarkup(source, allowed).map((f) => f.text);
  it("finds text, attributes and what an expression may show", () => {
    expect(words("<p>Send <b>now</b></p>")).toEqual(["Send", "now"]);
    expect(words('<button aria-label="Close">✕</button>')).toEqual(["Close"]);
    expect(words('<Page title="Entry {n}" />')).toEqual(["Entry"]);
    expect(words('{x === "member" ? "yes" : `no ${x}`}')).toEqual(["yes", "no"]);
    expect(words('<Page lead={x ? "one" : w.two} />')).toEqual(["one"]);
    expect(words("{#each [1] as x}{x} more{:else}None{/each}")).toEqual(["more", "None"]);
  });
  it("leaves alone what nobody reads", () => {
    expect(words('<div class="card wide" style:width="10px" data-x="one two">{w.title} · 1</div>')).toEqual([]);
    expect(words('{#if x === "member"}<code>groupcast receive</code>{/if}')).toEqual([]);
  });
  it("finds sentences in modules, and single words that are said", () => {
    const found = (source: string) => inScript(source, allowed).map((f) => f.text);
    expect(found('const x = "two words"; const y = `groupcast join ${x}`; throw new Error(`They are ${x}.`)')).toEqual([
      "two words",
      "They are ",
    ]);
    expect(found('attempt(() => api.end("id"), "Ended"); say(`${n} added`)')).toEqual(["Ended", " added"]);
    expect(found('ask({ title: "Delete", yes: `Go` })')).toEqual(["Delete", "Go"]);
    expect(found('go("people"); const c = { kind: "page" }; document.querySelector("main h1")')).toEqual([]);
  });
});

const sources = import.meta.glob<string>(["../**/*.{svelte,ts}", "!../**/*.test.ts", "!../texts/**", "!../test/**"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const files = Object.keys(sources)
  .map((f) => f.replace("../", ""))
  .filter((f) => f !== "api/schema.ts");

function foundIn(f: string) {
  const source = sources[`../${f}`]!;
  return f.endsWith(".svelte") ? inMarkup(source, allowed) : inScript(source, allowed);
}

it("has an end: what is moved is no longer listed as still to be moved", () => {
  expect([...later].filter((f) => !files.includes(f) || !foundIn(f).length)).toEqual([]);
});

it.each(files.filter((f) => !later.has(f)))("%s has its words in the texts", (f) => {
  expect(foundIn(f).map((x) => `${f}:${x.line}: ${x.text}`)).toEqual([]);
});
