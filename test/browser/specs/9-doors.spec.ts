// Whoever comes to a wrong door is told where the right one is; what is slow or fails shows so, and nothing jumps.
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;

test.beforeAll(async ({ browser }) => {
  world = await new World().start();
  world.user("root", "admin");
  world.run(["server", "name", "Physics lab"]);
  context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
  });
  await context.addInitScript(watchShifts);
  guard = new Guard(context, () => [world.url, world.url.replace("https:", "http:")]);
  page = await context.newPage();
});

test.afterEach(() => guard.check());

test.afterAll(async () => {
  await context?.close();
  await world?.end();
});

async function signIn(on: Page, user: string): Promise<void> {
  await on.getByLabel("Login ID").fill(user);
  await on.getByLabel("Password").fill(password);
  await on.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("http:// on the port of HTTPS leads to the sign-in, which says of which server", async () => {
  await page.goto(world.url.replace("https:", "http:"));
  expect(page.url()).toMatch(/^https:/);
  await expect(page.getByText("Sign in to Physics lab.")).toBeVisible();
  await expect(page).toHaveTitle("Sign in · Physics lab");
  await screens(page, "door-sign-in");
});

test("a path without # leads to the page of that name, also across the sign-in", async () => {
  const answer = await page.goto(`${world.url}/machines`);
  expect(answer!.status()).toBe(404); // for programs: there is no such file
  await signIn(page, "root");
  await expect(page.getByRole("heading", { level: 1, name: "Machines" })).toBeVisible();
  expect(page.url()).toBe(`${world.url}/#/machines`);
});

test("an unknown page has the ways on and the finder", async () => {
  await page.goto(`${world.url}/#/mashines/7`);
  await expect(page.getByRole("heading", { level: 1, name: "There is no such page" })).toBeVisible();
  await expect(page.getByText("“mashines/7” leads nowhere.")).toBeVisible();
  await screens(page, "door-unknown");
  await page.getByRole("main").getByRole("button", { name: "Find" }).click();
  await page.getByRole("combobox", { name: "Find" }).fill("mach");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Machines" })).toBeVisible();
});

test("an administrator's page tells a member who can open it, and what they can do", async ({ browser }) => {
  world.user("mia");
  const own = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
  });
  const mine = await own.newPage();
  await mine.goto(`${world.url}/#/people`);
  await signIn(mine, "mia");
  await expect(
    mine.getByRole("heading", {
      level: 1,
      name: "This page is for administrators",
    }),
  ).toBeVisible();
  await expect(mine.getByText("An administrator of Physics lab can open it.")).toBeVisible();
  await screens(mine, "door-member");
  await mine.getByRole("main").getByRole("link", { name: "My files" }).click();
  await expect(mine.getByRole("heading", { level: 1, name: "My files" })).toBeVisible();
  await own.close();
});

test("a sign-in that ends leaves what was typed, also in an open dialog", async () => {
  await page.goto(`${world.url}/#/people`);
  await page.getByRole("button", { name: "New person" }).click();
  const box = page.getByRole("dialog", { name: "New person" });
  await box.getByLabel("Login ID").fill("noah");
  await box.getByLabel("Password").fill(password);
  await context.clearCookies();
  await box.getByRole("button", { name: "Add the person" }).click();
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await expect(again.getByLabel("Login ID")).toHaveValue("root");
  await expect(again.getByLabel("Password")).toBeFocused();
  await screens(page, "door-again");
  await page.keyboard.press("Escape"); // does not lead past it
  await expect(again).toBeVisible();
  await again.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await expect(again).toHaveCount(0);
  await expect(box.getByLabel("Login ID")).toHaveValue("noah");
  await box.getByRole("button", { name: "Add the person" }).click();
  await expect(page.getByRole("table").getByText("noah")).toBeVisible();
});

test("somebody else who signs in then finds nothing of it", async () => {
  await page.getByRole("button", { name: "New person" }).click();
  await page.getByRole("dialog", { name: "New person" }).getByLabel("Login ID").fill("secret-name");
  await context.clearCookies();
  await page.getByRole("dialog", { name: "New person" }).getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await again.getByLabel("Login ID").fill("mia");
  await again.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await expect(
    page.getByRole("heading", {
      level: 1,
      name: "This page is for administrators",
    }),
  ).toBeVisible();
  await expect(page.getByRole("dialog", { name: "New person" })).toHaveCount(0);
  await page.getByRole("button", { name: "Messages" }).click();
  await expect(page.getByRole("dialog", { name: "Messages" }).getByRole("listitem")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, "root");
});

test("what went wrong stays until it is closed, and can be read again", async () => {
  await page.goto(`${world.url}/#/people`);
  await page.getByRole("button", { name: "New person" }).click();
  const box = page.getByRole("dialog", { name: "New person" });
  await box.getByLabel("Login ID").fill("noah");
  await box.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  const said = page.locator(".toasts").getByText("noah");
  await expect(said).toBeVisible();
  await page.waitForTimeout(6000);
  await expect(said).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(said).toHaveCount(0);
  await page.getByRole("button", { name: "Messages" }).click();
  await expect(page.getByRole("dialog", { name: "Messages" }).getByText(/Not done:.*noah/)).toBeVisible();
  await screens(page, "messages");
  await page.keyboard.press("Escape");
});

test("a page with nothing in it says what will be there, and at most one thing to do", async ({ browser }) => {
  world.user("nia"); // in no group
  const own = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  const mine = await own.newPage();
  await mine.goto(world.url);
  await signIn(mine, "nia");
  for (const [on, paths] of [
    [page, ["transfers", "pending", "machines", "groups", "requests"]],
    [mine, ["mine", "joined"]],
  ] as const)
    for (const path of paths) {
      await on.goto(`${world.url}/#/${path}`);
      const empty = on.locator("main .empty");
      await expect(empty.first()).toBeVisible();
      for (const one of await empty.all()) {
        expect((await one.locator("p").first().textContent())!.trim(), path).toMatch(/^[A-Z].*[.:]$/);
        expect(await one.locator("a, button:not(.copy button)").count(), path).toBeLessThan(2);
      }
    }
  for (const [on, paths] of [
    [page, ["overview", "send", ...pages.map(([p]) => p), "api", "account"]],
    [mine, ["mine", "joined", "account"]],
  ] as const)
    for (const path of paths) {
      await on.goto(`${world.url}/#/${path}`);
      await expect(on.locator("[aria-busy=true]")).toHaveCount(0);
      for (const [width, height] of [
        [1440, 900],
        [390, 844],
      ] as const) {
        await on.setViewportSize({ width, height });
        await on.screenshot({ path: `screens/empty-${path}-${width}.png` });
      }
      await on.setViewportSize({ width: 1440, height: 900 });
    }
  await own.close();
});

const pages = [
  ["overview", "Overview"],
  ["send", "Send"],
  ["transfers", "Transfers"],
  ["pending", "Pending"],
  ["machines", "Machines"],
  ["groups", "Groups"],
  ["people", "People"],
  ["requests", "Join requests"],
  ["files", "Sent files"],
  ["server", "Server"],
  ["audit", "Audit"],
] as const;

declare global {
  interface Window {
    shifts: { value: number; of: string[] };
  }
}

function watchShifts(): void {
  window.shifts = { value: 0, of: [] };
  new PerformanceObserver((list) => {
    for (const e of list.getEntries() as (PerformanceEntry & {
      value: number;
      sources?: { node?: Element | null }[];
    })[]) {
      window.shifts.value += e.value;
      window.shifts.of.push(
        ...(e.sources ?? []).map((s) => `${s.node?.nodeName} ${s.node?.textContent?.slice(0, 40)}`),
      );
    }
  }).observe({ type: "layout-shift", buffered: true });
}

test("what is slow shows its shape, and nothing jumps when it comes", async () => {
  let wait = 0;
  await page.route("**/api/v1/**", async (route) => {
    if (!route.request().url().endsWith("/events")) await new Promise((ok) => setTimeout(ok, wait));
    await route.continue().catch(() => undefined); // the page is gone
  });
  for (const reducedMotion of ["no-preference", "reduce"] as const) {
    await page.emulateMedia({ reducedMotion });
    for (const [path, heading] of reducedMotion === "reduce" ? pages.slice(0, 1) : pages) {
      wait = 0;
      await page.goto("about:blank");
      await page.goto(`${world.url}/#/account`);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      wait = 1200;
      await page.evaluate(() => void (window.shifts = { value: 0, of: [] }));
      await page.evaluate((p) => void (location.hash = `#/${p}`), path);
      await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
      const shape = page.locator(".skeleton");
      if (path !== "files") {
        await expect(shape).toHaveCSS("animation-delay", "0.15s"); // not a flash for what is quick
        if (path === "overview" && reducedMotion === "reduce") {
          await page.waitForTimeout(300);
          await page.screenshot({ path: "screens/skeleton-overview.png" });
        }
      }
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await page.waitForTimeout(500);
      const { value, of } = await page.evaluate(() => window.shifts);
      console.log(`layout shift of ${path} (${reducedMotion}): ${value.toFixed(4)}`);
      expect(value, `${path}: ${of.join(" | ")}`).toBeLessThan(0.05);
    }
  }
  // What jumps is noticed.
  await page.evaluate(() => {
    window.shifts = { value: 0, of: [] };
    const block = Object.assign(document.createElement("div"), { className: "card" });
    block.style.height = "400px";
    document.querySelector("main")!.prepend(block);
  });
  await expect.poll(() => page.evaluate(() => window.shifts.value)).toBeGreaterThan(0.05);
  await page.emulateMedia({ reducedMotion: null });
  await page.unrouteAll();
});

test("what could not be read says so and is tried again", async () => {
  await page.route("**/api/v1/groups", (route) => route.abort());
  await page.goto("about:blank");
  await page.goto(`${world.url}/#/groups`);
  const failed = page.getByRole("alert").filter({ hasText: "could not be read" });
  await expect(failed.getByText("The server does not answer.", { exact: false })).toBeVisible();
  await screens(page, "door-unread");
  await page.unrouteAll();
  await failed.getByRole("button", { name: "Try again" }).click();
  await expect(failed).toHaveCount(0);
});

test("no page has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
