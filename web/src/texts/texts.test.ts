import { describe, expect, it } from "vitest";
import { choose, languages, type Texts } from ".";
import { pseudo } from "./pseudo";
import { between, clock, strong, writing } from "./words";

describe("the language in use", () => {
  it("is the first that exists of those that are wanted", () => {
    expect(choose(["fr-FR", "de-AT", "en"], ["en", "de"])).toBe("de");
    expect(choose(["", "en-GB"], ["en", "de"])).toBe("en");
  });
  it("is English where none of them exists", () => {
    expect(choose(["fr"], ["en", "de"])).toBe("en");
    expect(choose([], ["en"])).toBe("en");
  });
});

describe("writing", () => {
  it("groups whole numbers and takes the form for the number", () => {
    const { count, number } = writing("en");
    expect(count(1, { one: "file", other: "files" })).toBe("1 file");
    expect(count(12_000, { one: "file", other: "files" })).toBe("12,000 files");
    expect(number(1234.5, 1)).toBe("1234.5");
  });
  it("knows other languages' forms and points", () => {
    const { count, number } = writing("pl");
    const files = { one: "plik", few: "pliki", many: "plików", other: "pliku" };
    expect([1, 3, 5].map((n) => count(n, files))).toEqual(["1 plik", "3 pliki", "5 plików"]);
    expect(number(4.7, 2)).toBe("4,70");
  });
  it("puts something between the parts of a list", () => {
    expect(between([strong("a"), strong("b")])).toEqual([strong("a"), ", ", strong("b")]);
  });
});

// TypeScript holds the names; what is empty or differs in kind it does not see.
function leaves(of: object, at = ""): [string, unknown][] {
  return Object.entries(of).flatMap(([k, v]): [string, unknown][] =>
    typeof v === "object" && v !== null && !Array.isArray(v) ? leaves(v as object, `${at}.${k}`) : [[`${at}.${k}`, v]],
  );
}

describe.each(Object.entries(languages))("the texts in %s", (tag, { texts }) => {
  it("are all there", () => {
    const all = leaves(texts satisfies Texts);
    expect(all.length).toBe(leaves(languages.en!.texts).length);
    expect(all.filter(([, v]) => typeof v === "string" && v.trim() === "").map(([k]) => k)).toEqual([]);
  });
  it("are not English that was left", () => {
    const english = new Map(leaves(languages.en!.texts));
    const same = leaves(texts).filter(
      ([k, v]) => typeof v === "string" && /^(?!groupcast ).* /.test(v) && v === english.get(k),
    );
    expect(tag === "en" ? [] : same.map(([k]) => k)).toEqual([]);
  });
  it("write numbers and dates as the language does", () => {
    expect(Intl.getCanonicalLocales(texts.locale)[0]!.split("-")[0]).toBe(tag);
  });
});

describe("German", () => {
  const { texts } = languages.de!;
  it("writes numbers, moments and plurals in its own way", () => {
    expect(texts.write.number(12_000.5)).toBe("12.000,5");
    expect(
      texts.format.ago(
        texts.format.span([
          [1, "h"],
          [5, "m"],
        ]),
      ),
    ).toBe("vor 1 h 5 min");
    expect(texts.format.day(clock(new Date(2026, 10, 30)))).toBe("30.11.2026");
    expect([1, 2].map(texts.problems.off.title)).toEqual(["1 Rechner ist aus", "2 Rechner sind aus"]);
    expect(texts.people.on(1, 3, 0)).toBe("1 von 3 Rechnern an");
  });
});

describe("the language of the browser tests", () => {
  it("puts every text in brackets and makes it longer, and leaves numbers and commands alone", () => {
    const t = pseudo(languages.en!.texts);
    expect(t.common.search).toBe("⟦Searchwx⟧");
    expect(t.common.of(1, 12_000)).toBe("⟦1 of 12,000w⟧");
    expect(t.write.number(12_000)).toBe("12,000");
    expect(t.format.bytes[2]).toBe("⟦MBw⟧");
    expect(t.steps.startReceive[1]).toEqual({ as: "code", text: "groupcast receive", title: undefined });
    expect(t.locale).toBe("en");
  });
});
