// Every page, empty and with something on it: what it says while it reads, when the server
// refuses, when it is gone; by keyboard, on a phone, for axe in both themes.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;

const pages: [path: string, heading: string][] = [
  ["overview", "Overview"],
  ["send", "Send"],
  ["transfers", "Transfers"],
  ["pending", "Pending"],
  ["groups", "Groups"],
  ["groups/lab-a", "lab-a"],
  ["requests", "Join requests"],
  ["machines", "Machines"],
  ["people", "People"],
  ["people/root", "root"],
  ["server", "Server"],
  ["audit", "Audit"],
  ["api", "API"],
  ["account", "root"],
];

test.beforeAll(async ({ browser }) => {
  world = await new World().start("--max-rate", "80M");
  world.user("root", "admin");
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } });
  guard = new Guard(context, () => [world.url]);
  page = await context.newPage();
  await page.goto(world.url);
  await page.getByLabel("Login ID").fill("root");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});

test.afterEach(() => guard.check());

test.afterAll(async () => {
  await context?.close();
  await world?.end();
});

async function go(path: string, heading: string): Promise<void> {
  await page.goto(`${world.url}/#/${path}`);
  await expect(page.getByRole("heading", { level: 1, name: heading, exact: true })).toBeVisible();
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
}

test("every page that has nothing says so", async () => {
  test.setTimeout(240_000); // each page in two themes and two widths
  world.run(["group", "create", "lab-a"]);
  for (const [path, heading] of pages) {
    await go(path, heading);
    const words = (await page.locator("main").innerText()).replace(heading, "").trim();
    expect(words.length, path).toBeGreaterThan(30);
    await screens(page, `empty-${path.replace("/", "-")}`);
  }
});

test("every page with something on it, light and dark, wide and narrow", async () => {
  test.setTimeout(240_000);
  world.run(["group", "create", "printers-east-wing", "--description", "Label printers and their spares, building 4"]);
  for (const user of ["mia", "noah"]) world.user(user);
  await world.receiver("mia", "pc-mia").join("lab-a").start();
  world.receiver("noah", "workstation-with-a-long-name-17").join("lab-a", "from room 12");
  world.run(["request", "approve", "lab-a", "mia"]);
  world.run(["member", "add", "printers-east-wing", "noah"]);
  const file = join(world.dir, "exam image, second version.qcow2");
  writeFileSync(file, Buffer.alloc(3 << 20, 7));
  world.run(["send", "lab-a", file]);
  world.run(["pending", "add", "printers-east-wing", file]);
  for (const [path, heading] of pages) {
    await go(path, heading);
    await screens(page, `page-${path.replace("/", "-")}`);
  }
});

test("on a phone the audit log tells everything, in words", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await go("audit", "Audit");
  const entry = page.getByRole("cell", {
    name: /promised exam image, second version.qcow2 to lab-a: 1 file, 3.15 MB, owed to 1 device/,
  });
  await expect(entry).toBeVisible();
  for (let again = 0; again < 2; again++) {
    // Escape closes it, and it opens again
    await entry.click();
    const box = page.getByRole("dialog");
    for (const word of [
      "transfer.add",
      "this machine",
      "1 exam image, second version.qcow2 to lab-a",
      "1 files, 0 folders, 3145728 bytes, owed to 1",
    ])
      await expect(box.getByText(word, { exact: true })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(box).toBeHidden();
  }
  await page.getByPlaceholder("Filter").fill("made noah a member");
  await expect(page.getByRole("table", { name: "Audit log" }).getByRole("row")).toHaveCount(1);
});

test("on a phone no list leaves anything out", async () => {
  const told: [path: string, heading: string, words: (string | RegExp)[]][] = [
    ["machines", "Machines", ["pc-mia", "mia", "on", "linux/amd64", "127.0.0.1", "lab-a"]],
    ["people", "People", ["noah", "member", "0 of 1 machine on", /since/]],
    ["groups", "Groups", ["printers-east-wing", "1 member, 0 machines on", "1 pending", /239\.\d+/]],
    ["transfers", "Transfers", ["3.15 MB to lab-a", "1 of 1 have it", "delivered"]],
  ];
  for (const [path, heading, words] of told) {
    await go(path, heading);
    const list = page.getByRole("table");
    for (const word of words) await expect(list.getByText(word).first(), `${path}: ${word}`).toBeVisible();
  }
  await page.setViewportSize({ width: 1280, height: 860 });
});

test("the API page's examples work as they stand", async () => {
  const admin = world.receiver("root", "laptop");
  const token = (JSON.parse(readFileSync(join(admin.home, "agent", "client.json"), "utf8")) as { cli_token: string })
    .cli_token;
  copyFileSync(join(world.home, "server", "ca.pem"), join(world.dir, "ca.pem"));
  const run = (command: string) =>
    execFileSync("bash", ["-c", `${command.replaceAll("curl ", "curl -sS -w '\n%{http_code}' ")}`], {
      cwd: world.dir,
      encoding: "utf8",
      env: { ...process.env, TOKEN: token },
    });
  await go("api", "API");
  const example = async (id: string): Promise<string> => {
    await go(`api/${id}`, "API");
    return page.locator(".command .copy pre").innerText();
  };
  const named = (text: string): string => text.replace("{name}", "made-by-curl").replace("lab-a", "made-by-curl");
  expect(run(await example("groups"))).toMatch(/printers-east-wing[^]*200$/);
  expect(run(named(await example("create-group")))).toMatch(/made-by-curl[^]*200$/);
  expect(run(named(await example("add-member")).replace("{user}", "mia"))).toMatch(/mia[^]*200$/);
  expect(run(named(await example("delete-group")))).toMatch(/204$/);
  expect(run((await example("add-user")).replace('"mia"', '"by-curl"').replace('"lab-a"', '"by-curl"'))).toMatch(
    /by-curl[^]*200$/,
  );
  await page.getByPlaceholder(/^Search \d+ calls/).fill("no such call");
  await expect(page.getByText("No call matches “no such call”.")).toBeVisible();
});

test("while it reads, every page says so, and when it cannot, why", async () => {
  await page.setViewportSize({ width: 1280, height: 860 });
  let tried = 0;
  const waiting: (() => void)[] = [];
  const answer = (): void => waiting.splice(0).forEach((ok) => ok());
  for (const [path, heading] of pages) {
    await go("first-of-all", "There is no such page"); // the page is built anew
    await page.route("**/api/v1/**", async (route) => {
      if (/events|\/me$/.test(route.request().url())) return route.fallback();
      await new Promise<void>((ok) => waiting.push(ok));
      await route
        .fulfill({
          status: 500,
          contentType: "application/problem+json",
          body: JSON.stringify({
            status: 500,
            title: "x",
            code: "internal",
            detail: "the disk of the server is full",
            hint: "make room",
          }),
        })
        .catch(() => undefined);
    });
    await page.goto(`${world.url}/#/${path}`);
    await expect(page.getByRole("heading", { level: 1, name: heading, exact: true }), path).toBeVisible();
    await expect(page.locator("[aria-busy=true]"), path).toHaveText("Reading…");
    if (path === "groups") await screens(page, "state-reading");
    const alert = page.getByRole("alert");
    await expect(async () => {
      answer();
      await expect(alert, path).toContainText(/The disk of the server is full. Make room.|The server answered 500/, {
        timeout: 200,
      });
    }).toPass();
    if (path === "groups") await screens(page, "state-refused");
    await page.unroute("**/api/v1/**");
    answer();
    // Something that happened meanwhile may have made the page read again by itself.
    await alert
      .getByRole("button", { name: "Try again" })
      .click({ timeout: 3000 })
      .then(
        () => tried++,
        () => undefined,
      );
    await expect(alert, path).toHaveCount(0);
    await expect(page.locator("[aria-busy=true]"), path).toHaveCount(0);
  }
  expect(tried).toBeGreaterThan(pages.length / 2);
});

test("a server that is gone is told, and found again by itself, on every page", async () => {
  for (const [path, heading] of pages.filter(([p]) =>
    ["overview", "send", "machines", "groups/lab-a", "account"].includes(p),
  )) {
    await go(path, heading);
    const shown = await page.locator("main h1").innerText();
    await world.halt("SIGKILL");
    await expect(page.getByText("Not connected to the server"), path).toBeVisible();
    await expect(page.locator("main h1"), "what was known stays").toHaveText(shown);
    await expect(page.getByRole("alert"), "and nothing takes its place").toHaveCount(0);
    if (path === "overview") {
      await screens(page, "state-gone");
      await page.goto(`${world.url}/#/users`); // a page that was not read yet
      await expect(page.getByRole("alert")).toContainText("The server does not answer.");
    }
    await world.start("--max-rate", "80M");
    await expect(page.getByText("Not connected to the server"), path).toHaveCount(0, { timeout: 20_000 });
    await expect(page.getByRole("alert")).toHaveCount(0);
    if (path === "overview")
      await expect(page.getByRole("cell", { name: "noah", exact: true }), "read again by itself").toBeVisible();
  }
});

test("a sign-in that was ended elsewhere leads to the sign-in page", async ({ browser }) => {
  const other = await browser.newContext({ ignoreHTTPSErrors: true });
  const his = await other.newPage();
  await his.goto(world.url);
  await his.getByLabel("Login ID").fill("root");
  await his.getByLabel("Password").fill(password);
  await his.getByRole("button", { name: "Sign in" }).click();
  await expect(his.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await go("overview", "Overview");
  await go("account", "root"); // read anew
  await page
    .getByRole("row")
    .filter({ hasText: "browser", hasNotText: "(this one)" })
    .getByRole("button", { name: "End" })
    .click({ timeout: 10_000 });
  await expect(his.getByRole("button", { name: "Sign in", exact: true })).toBeVisible({ timeout: 20_000 });
  await other.close();
});

test("everything is reached by keyboard, and the focus is seen", async () => {
  await go("overview", "Overview");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await screens(page, "keyboard");
  await page.keyboard.press("Escape");
  // keys are the dialog\'s until it is gone
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeHidden();
  for (const [keys, heading] of [
    ["gu", "People"],
    ["gm", "Machines"],
    ["gg", "Groups"],
    ["gj", "Join requests"],
    ["gl", "Audit"],
    ["gt", "Transfers"],
    ["gp", "Pending"],
    ["gs", "Send"],
    ["go", "Overview"],
  ] as const) {
    await expect(async () => {
      // a machine that stalls for a second lets the first key lapse
      for (const k of keys) await page.keyboard.press(k);
      await expect(page.getByRole("heading", { level: 1, name: heading, exact: true })).toBeVisible({ timeout: 4_000 });
    }).toPass({ timeout: 20_000 });
  }
  await go("people", "People");
  await page.keyboard.press("/");
  await page.keyboard.type("noah gu"); // written, not obeyed
  await expect(page.getByPlaceholder("Search people")).toHaveValue("noah gu");
  for (const [path, heading] of pages) {
    await go(path, heading);
    await page.locator("main h1").focus();
    const missed = await tabThrough(page);
    expect(missed, path).toEqual([]);
  }
});

/** Presses Tab through the page: which buttons, links and fields were not met, or met unseen. */
async function tabThrough(on: Page): Promise<string[]> {
  const all = await on.evaluate(() => {
    const things = [
      ...document.querySelectorAll<HTMLElement>(
        "main a[href], main button, main input, main select, main textarea, main summary, main [tabindex='0']",
      ),
    ]
      .filter((x) => !x.matches("input[type=radio]:not(:checked)")) // the arrow keys go to the others
      .filter((x) => x.checkVisibility() && !(x as HTMLButtonElement).disabled && x.tabIndex >= 0);
    things.forEach((x, i) => (x.dataset.met = String(i)));
    return things.length;
  });
  const met = new Set<string>();
  const unseen: string[] = [];
  for (let n = 0; n < all + 40 && met.size < all; n++) {
    await on.keyboard.press("Tab");
    const at = await on.evaluate(() => {
      const x = document.activeElement as HTMLElement;
      const s = getComputedStyle(x);
      return {
        id: x.dataset.met,
        what: `${x.tagName} ${x.textContent?.slice(0, 30)}`,
        seen: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1,
      };
    });
    if (!at.id) continue;
    met.add(at.id);
    if (!at.seen) unseen.push(`no focus to see: ${at.what}`);
  }
  return met.size < all ? [...unseen, `${all - met.size} of ${all} were not met`] : unseen;
}

test("no page has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
