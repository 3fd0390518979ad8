// What no page may do: break the CSP, throw, or fetch from elsewhere.
import { expect, type BrowserContext, type Page } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";

export class Guard {
  readonly faults: string[] = [];

  constructor(context: BrowserContext, own: () => string[]) {
    context.on("page", (p) => this.watch(p));
    context.on("request", (r) => {
      const url = r.url();
      if (!/^(data|blob):/.test(url) && !own().some((o) => url.startsWith(o))) this.faults.push(`request to ${url}`);
    });
  }

  private watch(page: Page): void {
    page.on("pageerror", (e) => this.faults.push(`error: ${e.message}`));
    page.on("console", (m) => {
      if (/Content Security Policy|TrustedScript|TrustedHTML|Refused to/i.test(m.text())) this.faults.push(m.text());
    });
  }

  check(): void {
    expect(this.faults).toEqual([]);
  }
}

/** What axe finds serious on the page as it is. */
export async function barriers(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
  const serious = found.violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  return serious.map(
    (v) =>
      `${v.id}: ${v.nodes
        .slice(0, 3)
        .map((n) => n.html.slice(0, 160))
        .join(" | ")}`,
  );
}

/** What hangs out of the page to the right, where nothing scrolls. */
export async function overhangs(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll("main *")]
      .filter((x) => {
        const r = x.getBoundingClientRect();
        if (r.width === 0 || r.right <= wide + 1) return false;
        for (let p = x.parentElement; p; p = p.parentElement)
          if (/(auto|scroll|hidden)/.test(getComputedStyle(p).overflowX)) return false;
        return true;
      })
      .slice(0, 5)
      .map((x) => `hangs out: ${x.tagName}.${x.className} ${x.textContent?.slice(0, 40)}`);
  });
}
