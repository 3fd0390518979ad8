// A room's machines on their seats: looked at, arranged by pointer, finger and keyboard, saved, and
// coloured while files come.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Locator, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { madeUp } from "../lib/room.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;
const large = { width: 1440, height: 900 };

test.beforeAll(async ({ browser }) => {
  world = await new World().start("--max-rate", "80M");
  world.user("root", "admin");
  world.user("mia");
  world.run(["group", "create", "lab"]);
  world.run(["member", "add", "lab", "mia"]);
  for (const n of [1, 2, 3, 10]) world.receiver("mia", `pc-${n}`);
  await Promise.all(world.receivers.slice(0, 3).map((r) => r.start()));
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: large, hasTouch: true });
  guard = new Guard(context, () => [world.url]);
  page = await context.newPage();
  await enter(page, "root");
});
test.afterEach(() => guard.check());
test.afterAll(async () => {
  await context?.close();
  await world?.end();
});

async function enter(on: Page, user: string): Promise<void> {
  await on.goto(`${world.url}/#/machines?view=seats&group=lab`);
  await on.getByLabel("Login ID").fill(user);
  await on.getByLabel("Password").fill(password);
  await on.getByRole("button", { name: "Sign in" }).click();
}

const room = (on = page) => on.getByRole("group", { name: "Seats of lab" });
const tile = (name: string, on = page) => on.locator(`[data-machine][aria-label^="${name},"]`);
const at = (name: string, row: number, seat: number, on = page) =>
  expect(tile(name, on)).toHaveAttribute("aria-label", new RegExp(`row ${row}, seat ${seat}$`));
const seat = (row: number, column: number) => page.locator(`[data-row="${row}"][data-column="${column}"]`);

async function middle(of: Locator): Promise<{ x: number; y: number }> {
  const box = (await of.boundingBox())!;
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

test("a room that nobody arranged is shown by name, with what each machine is", async () => {
  await page.goto(`${world.url}/#/machines`);
  await page.getByRole("link", { name: "Seats" }).click();
  await expect(page.getByText("Nobody has arranged this room yet")).toBeVisible();
  await expect(room().getByRole("link")).toHaveText([/pc-1.*ready/, /pc-2.*ready/, /pc-3.*ready/, /pc-10.*never on/]);
  await tile("pc-1").focus();
  await page.keyboard.press("ArrowRight");
  await expect(tile("pc-2")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "pc-2" })).toBeVisible();
  await page.goBack();
});

test("seats are arranged by mouse, by clicks, by finger and by keyboard", async () => {
  await page.getByRole("button", { name: "Arrange", exact: true }).click();
  await page.getByLabel("Rows").fill("4");
  await page.getByLabel("Seats in a row").fill("5");
  await page.getByLabel("Seats in a row").press("Tab");
  await page.getByRole("button", { name: "Arrange by name" }).click();
  await at("pc-10", 1, 4);

  const to = await middle(seat(3, 5));
  await tile("pc-1").hover();
  await page.mouse.down();
  await page.mouse.move(to.x - 40, to.y - 5, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 2 });
  await expect(seat(3, 5)).toHaveClass(/target/);
  await page.screenshot({ path: "screens/seats-drag.png" });
  await page.mouse.up();
  await at("pc-1", 3, 5);
  await expect(page.getByText("pc-1 to row 3, seat 5", { exact: true }).first()).toBeAttached();

  await tile("pc-2").click(); // picked, and put where pc-3 is: they change places
  await tile("pc-3").click();
  await at("pc-2", 1, 3);
  await at("pc-3", 1, 2);

  const finger = await page.context().newCDPSession(page);
  const touch = (type: string, p?: { x: number; y: number }) =>
    finger.send("Input.dispatchTouchEvent", { type: type as "touchStart", touchPoints: p ? [p] : [] });
  const from = await middle(tile("pc-10"));
  const down = await middle(seat(4, 1));
  await touch("touchStart", from);
  await page.waitForTimeout(400); // a finger rests before it carries
  await touch("touchMove", { x: (from.x + down.x) / 2, y: (from.y + down.y) / 2 });
  await touch("touchMove", down);
  await touch("touchEnd");
  await at("pc-10", 4, 1);

  await tile("pc-10").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowRight");
  await at("pc-10", 3, 2);
  await expect(tile("pc-10")).toBeFocused();
  await page.keyboard.press("Control+z");
  await at("pc-10", 3, 1);
  await tile("pc-10").press("Delete");
  await expect(page.getByRole("region", { name: "Without a seat (1)" }).getByText("pc-10")).toBeVisible();
  await page.keyboard.press("Control+z");
  await at("pc-10", 3, 1);
});

test("what is saved is there again; what is discarded is not", async () => {
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The seats of lab are saved")).toBeVisible();
  await page.reload();
  await at("pc-1", 3, 5);
  await at("pc-2", 1, 3);
  await at("pc-10", 3, 1);
  await page.getByRole("button", { name: "Arrange", exact: true }).click();
  await tile("pc-1").press("ArrowUp");
  await expect(page.getByText("1 moved")).toBeVisible();
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
  await at("pc-1", 3, 5);
});

test("two who arrange at once do not overwrite each other", async ({ browser }) => {
  const second = await browser.newContext({ ignoreHTTPSErrors: true, viewport: large });
  const other = await second.newPage();
  await enter(other, "root");
  for (const on of [page, other]) await on.getByRole("button", { name: "Arrange", exact: true }).click();
  await tile("pc-1").press("ArrowDown");
  await tile("pc-2", other).press("ArrowDown");
  await other.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("root saved other seats meanwhile.");
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await screens(page, "seats-overtaken");
  await page.setViewportSize(large);
  await page.getByRole("button", { name: "Put my changes into it" }).click();
  await at("pc-1", 4, 5);
  await at("pc-2", 2, 3);
  // The server refuses whoever saves from an older map, whatever their page knows.
  const kept = JSON.parse(await text(other, "GET")) as object;
  expect(await text(other, "PUT", { ...kept, version: 1 })).toContain('"code":"changed"');
  await page.getByRole("button", { name: "Save" }).click();
  await at("pc-1", 4, 5, other);
  await second.close();
});

/** What the API answers to a page's own call. */
function text(on: Page, method: string, body?: object): Promise<string> {
  return on.evaluate(
    async ([how, what]) =>
      (
        await fetch("/api/v1/groups/lab/seats", {
          method: how,
          headers: what ? { "Content-Type": "application/json" } : {},
          body: what,
        })
      ).text(),
    [method, body ? JSON.stringify(body) : undefined] as const,
  );
}

test("tiles fill while files come, here and on the transfer's page", async () => {
  const file = join(world.dir, "image.bin");
  writeFileSync(file, randomBytes(3 << 20));
  world.run(["send", "lab", file, "--rate", "4M", "--detach"]);
  await expect(tile("pc-1")).toHaveAttribute("aria-label", /\d+ % received/, { timeout: 20_000 });
  await expect(tile("pc-1").locator(".part")).toBeAttached();
  await screens(page, "seats-live");
  await page.goto(`${world.url}/#/transfers/1`);
  await page.getByRole("button", { name: "Seats" }).click();
  await expect(tile("pc-2")).toHaveAttribute("aria-label", /received|verified/);
  await page.screenshot({ path: "screens/seats-transfer.png" });
  await expect(tile("pc-1")).toHaveAttribute("aria-label", /^pc-1, verified/, { timeout: 30_000 });
  await at("pc-1", 4, 5);
  await page.getByRole("button", { name: "Table" }).click();
  await page.goto(`${world.url}/#/machines?view=seats&group=lab`);
  await expect(tile("pc-1")).toHaveAttribute("aria-label", /^pc-1, ready/);
  await expect(tile("pc-10")).toHaveAttribute("aria-label", /^pc-10, never on, owed 1 transfer/);
});

test("who is no administrator neither sees nor changes it", async ({ browser }) => {
  const own = await browser.newContext({ ignoreHTTPSErrors: true });
  const mine = await own.newPage();
  await enter(mine, "mia");
  await expect(mine.getByRole("heading", { level: 1, name: "This page is for administrators" })).toBeVisible();
  expect(await text(mine, "GET")).toContain('"code":"forbidden"');
  const empty = { rows: 1, columns: 1, version: 3, seats: [] };
  expect(await text(mine, "PUT", empty)).toContain('"code":"forbidden"');
  await own.close();
});

test("40 machines stand on one screen", async ({ page }) => {
  await madeUp(page, { machines: 40, columns: 9, rows: 5, progress: 0.5 });
  await page.setViewportSize(large);
  await page.goto(`${world.url}/#/machines?view=seats&group=lab`);
  await expect(page.locator("[data-machine]")).toHaveCount(40);
  const hidden = await page.evaluate(() => {
    const box = document.querySelector(".box")!;
    return [
      document.documentElement.scrollHeight - innerHeight,
      box.scrollHeight - box.clientHeight,
      box.scrollWidth - box.clientWidth,
    ];
  });
  expect(hidden).toEqual([0, 0, 0]);
  await screens(page, "seats-forty");
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 1100, height: 760 });
  await expect(page.locator("nav")).toBeHidden();
  await page.screenshot({ path: "screens/seats-print.png" });
});

test("1,000 machines stay smooth while files come", async ({ page }) => {
  const m = { machines: 1000, columns: 40, rows: 26, progress: 0.3 };
  await madeUp(page, m);
  await page.setViewportSize(large);
  await page.goto(`${world.url}/#/machines?view=seats&group=lab`);
  await expect(page.locator("[data-machine]")).toHaveCount(1000);
  await page.waitForTimeout(500); // how long the first picture takes is another question
  const timer = setInterval(() => (m.progress = Math.min(0.95, m.progress + 0.02)), 400);
  const gaps = await page.evaluate(
    () =>
      new Promise<number[]>((done) => {
        const all: number[] = [];
        let last = performance.now();
        const end = last + 5000;
        const frame = (now: number): void => {
          all.push(now - last);
          last = now;
          if (now < end) requestAnimationFrame(frame);
          else done(all.slice(1).sort((a, b) => a - b));
        };
        requestAnimationFrame(frame);
      }),
  );
  clearInterval(timer);
  const q = (p: number) => gaps[Math.floor(p * (gaps.length - 1))]!;
  console.log(
    `frames of a room of 1,000 while files come: median ${q(0.5).toFixed(1)} ms, 95 % ${q(0.95).toFixed(1)} ms, longest ${q(1).toFixed(0)} ms`,
  );
  expect(q(0.5)).toBeLessThan(34);
  expect(q(0.95)).toBeLessThan(120);
  await page.screenshot({ path: "screens/seats-thousand.png" });
});

test("nothing hangs out, and axe finds nothing", () => {
  expect(findings.filter((f) => f.startsWith("seats"))).toEqual([]);
});
