// Screenshots of the main screens, light and dark, desktop and phone, next to the results of the
// run. `make screens` copies those that documents show into docs/screens/.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import { barriers, overhangs } from "./guard.ts";

const folder = resolve(import.meta.dirname, "../../..", process.env.SCREENS ?? "test/browser/screens");

const desktop = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

/** What was found on the screens so far; a last test wants it empty. */
export const findings: string[] = [];

/** Takes the page as it stands, in both themes and widths, and checks each. */
export async function screens(page: Page, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const toasts = page.getByRole("button", { name: "Dismiss" });
  for (let n = await toasts.count(); n > 0; n--)
    await toasts
      .first()
      .click({ timeout: 500 })
      .catch(() => undefined); // or gone by itself
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const [width, size] of [
      ["desktop", desktop],
      ["phone", phone],
    ] as const) {
      await page.setViewportSize(size);
      await page.waitForTimeout(150); // canvases are drawn anew
      const found = await overhangs(page);
      if (width === "desktop" || theme === "light") found.push(...(await barriers(page)));
      findings.push(...found.map((f) => `${name}, ${theme}, ${width}: ${f}`));
      await page.screenshot({ path: join(folder, `${name}-${theme}-${width}.png`) });
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
  await page.setViewportSize(desktop);
}
