// Who holds a transfer up: the cause on the screen, and what its buttons do.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Locator, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password, type Receiver } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;
let dead: Receiver;

test.beforeAll(async ({ browser }) => {
  world = await new World().start();
  world.run(["group", "create", "lab"]);
  world.user("admin", "admin");
  for (const [user, loss] of [
    ["ann", 2],
    ["bob", 9],
    ["cleo", 4],
    ["dan", 0],
  ] as const) {
    world.user(user);
    world.run(["member", "add", "lab", user]);
    await world.receiver(user, `pc-${user}`, loss).start();
  }
  dead = world.receivers[3]!;
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } });
  guard = new Guard(context, () => [world.url]);
  page = await context.newPage();
  await page.goto(world.url);
  await page.getByLabel("Login ID").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});

test.afterEach(() => guard.check());

test.afterAll(async () => {
  await context?.close();
  await world?.end();
});

const straggler = (device: string): Locator => page.getByRole("listitem").filter({ hasText: device });

test("each straggler has its cause and its buttons", async () => {
  const file = join(world.dir, "image.bin");
  writeFileSync(file, randomBytes(40 << 20));
  world.run(["pending", "add", "lab", file, "--rate", "8M"]); // slowly, until all was looked at
  world.run(["pending", "send", "lab"]);
  await page.goto(`${world.url}/#/transfers/1`);
  await expect(page.getByText(/held by/).first()).toBeVisible({ timeout: 20_000 });
  await expect(page.locator(".verdict")).toContainText(/who are here in about \d+/, { timeout: 20_000 });
  await page.getByText("Details: coverage, rate, loss").click();
  await dead.kill();
  await expect(straggler("pc-dan")).toContainText("not connected", { timeout: 30_000 });
  await expect(straggler("pc-dan").getByRole("button", { name: "Catch up now" })).toHaveCount(0);
  await expect(page.locator(".verdict")).toContainText("pc-dan gets it when it is back");
  await expect(page.getByRole("img", { name: /^Loss of 4 receivers/ })).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText(/worst: pc-bob/)).toBeVisible();
  await screens(page, "stragglers");
});

test("what is put off waits, and is sent again", async () => {
  world.run(["transfer", "later", "1", "cleo/pc-cleo"]);
  await expect(straggler("pc-cleo")).toContainText(/put off/i, { timeout: 40_000 });
  await screens(page, "stragglers-later");
  await straggler("pc-cleo").getByRole("button", { name: "Catch up now" }).click();
  await expect(straggler("pc-cleo")).toContainText("Receives over HTTPS", { timeout: 40_000 });
});

test("the dead one is dropped, after a question", async () => {
  await straggler("pc-dan").getByRole("button", { name: "Drop pc-dan" }).click();
  const question = page.getByRole("dialog", { name: "Drop pc-dan?" });
  await expect(question).toContainText("It is not owed this transfer any more");
  await screens(page, "stragglers-drop");
  await question.getByRole("button", { name: "Keep it" }).click();
  await expect(question).toBeHidden();
  await expect(straggler("pc-dan")).toBeVisible();
  await straggler("pc-dan").getByRole("button", { name: "Drop pc-dan" }).click();
  await question.getByRole("button", { name: "Drop it" }).click();
  await expect(straggler("pc-dan")).toHaveCount(0);
  const list = JSON.parse(world.run(["transfer", "deliveries", "1", "--json"])) as {
    device: string;
    state: string;
    reason: string;
  }[];
  expect(list.find((d) => d.device === "pc-dan")).toMatchObject({ state: "cancelled", reason: "dropped by admin" });
  world.run(["transfer", "rate", "1", "80M"]);
  await expect(page.locator(".verdict .state")).toContainText("delivered", { timeout: 80_000 });
  await expect(page.locator(".sentence")).toHaveCount(0);
});

test("the heat map of a finished transfer is the server's, and is replayed", async () => {
  await page.reload();
  const map = page.getByRole("img", { name: /^Loss of 4 receivers over/ });
  const whole = Number(/over (\d+) s/.exec((await map.getAttribute("aria-label"))!)![1]);
  expect(whole).toBeGreaterThan(10);
  await page.getByLabel("Moment").fill("2");
  await expect
    .poll(async () => Number(/over (\d+) s/.exec((await map.getAttribute("aria-label"))!)![1]))
    .toBeLessThan(whole);
  await screens(page, "stragglers-replay");
});

test("who was dropped is owed it again", async () => {
  await page.getByRole("button", { name: "Retry (1)" }).click();
  await expect(straggler("pc-dan")).toContainText("not connected");
  await dead.start();
  await expect(page.locator(".sentence")).toHaveText("everybody has it", { timeout: 60_000 });
});

test("forged packets are told", async () => {
  await page.route("**/api/v1/transfers/1", async (route) => {
    const answer = await route.fetch();
    const transfer = (await answer.json()) as Record<string, unknown>;
    const session = { id: "00", rate: 0, limiter: "", loss_percent: 0, progress: 0 };
    const forging = { code: "member-forges", devices: 3, blocks: 17 };
    await route.fulfill({ response: answer, json: { ...transfer, session, forging } });
  });
  await page.reload();
  await expect(
    page.getByText("A member of the group forges packets: 3 devices reported it, 17 blocks came wrong"),
  ).toBeVisible();
  await screens(page, "forger");
});

test("no screen has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
