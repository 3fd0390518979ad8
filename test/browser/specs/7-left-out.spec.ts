// What cannot be sent, what is left out, what was lost on the way and what a receiver lacks.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { drop } from "../lib/drop.ts";
import { Guard } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password, type Receiver } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;
let ann: Receiver;
let source: string;

test.beforeAll(async ({ browser }) => {
  world = new World();
  source = join(world.dir, "images");
  mkdirSync(source);
  await world.start("--max-rate", "40M", "--source", source);
  world.run(["group", "create", "lab"]);
  world.user("admin", "admin");
  world.user("ann");
  world.run(["member", "add", "lab", "ann"]);
  ann = await world.receiver("ann", "pc-ann").start();
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

async function toSend(): Promise<void> {
  await page.goto(`${world.url}/#/overview`);
  await page.goto(`${world.url}/#/send`);
  await expect(page.getByRole("heading", { level: 1, name: "Send" })).toBeVisible();
  await page.getByRole("checkbox", { name: /lab/ }).check();
}

/** The rows of a list of entries with their reasons. */
const listed = (label: string) => page.getByRole("table", { name: label }).getByRole("row");

test("a tree on the server with entries that cannot be sent: all are listed, the rest goes", async () => {
  const tree = join(source, "tree");
  mkdirSync(join(tree, "build"), { recursive: true });
  for (const file of ["fine.txt", "old.tmp", "build/out.o"]) writeFileSync(join(tree, file), file);
  execFileSync("mkfifo", [join(tree, "queue")]);
  symlinkSync("/etc/hostname", join(tree, "away"));
  writeFileSync(Buffer.concat([Buffer.from(join(tree, "caf")), Buffer.from([0xe9])]), "latin-1");

  await toSend();
  await page.getByRole("radio", { name: "On the server" }).check();
  await page.getByLabel("Files and folders on the server").fill(tree);
  await page.getByText("Leave something out").click();
  await page.getByLabel("Patterns of what is left out").fill("*.tmp\nbuild/");
  await expect(page.getByRole("heading", { name: "3 entries cannot be sent" })).toBeVisible();
  await expect(page.getByRole("button", { name: /^Send to/ })).toBeDisabled();
  await expect(listed("What cannot be sent")).toHaveCount(3);
  for (const words of [
    /tree\/caf\\xE9.*its name cannot be carried/,
    /tree\/away.*the link cannot be carried/,
    /tree\/queue.*a named pipe/,
  ])
    await expect(listed("What cannot be sent").filter({ hasText: words })).toHaveCount(1);
  expect(world.run(["transfer", "list", "--json"]).includes('"name": "tree"'), "nothing was promised").toBe(false);
  await screens(page, "cannot-be-sent");
  await page.getByRole("button", { name: "Leave these out" }).click();
  await page.getByRole("button", { name: /^Send to/ }).click();

  await expect(page.getByRole("heading", { level: 1, name: "tree" })).toBeVisible();
  await expect(page.locator(".sentence")).toHaveText("everybody has it", { timeout: 30_000 });
  await page.getByText("5 entries were left out").click();
  await expect(listed("Left out")).toHaveCount(5);
  await expect(listed("Left out").filter({ hasText: /tree\/build.*excluded/ })).toHaveCount(1);
  await screens(page, "left-out");
  const files = JSON.parse(world.run(["transfer", "files", "1", "--json"])) as { path: string }[];
  expect(files.map((f) => f.path).sort()).toEqual(["tree", "tree/fine.txt"]);
});

test("a pattern that is none is said, and nothing is sent", async () => {
  await toSend();
  await page.getByRole("radio", { name: "On the server" }).check();
  await page.getByLabel("Files and folders on the server").fill(join(source, "tree"));
  await page.getByText("Leave something out").click();
  await page.getByLabel("Patterns of what is left out").fill("[a-");
  await expect(page.getByText(/is no pattern/)).toBeVisible();
  await expect(page.getByRole("button", { name: /^Send/ })).toBeDisabled();
});

test("an upload: what cannot be read is listed, patterns leave out, the rest goes", async () => {
  const folder = join(world.dir, "upload");
  mkdirSync(join(folder, "build", "deep"), { recursive: true });
  for (const file of ["fine.txt", "old.tmp", "gone.txt", "build/out.o", "build/deep/x.o"])
    writeFileSync(join(folder, file), file);
  await page.reload(); // what was picked before is gone with the page
  await toSend();
  writeFileSync(Buffer.concat([Buffer.from(join(folder, "caf")), Buffer.from([0xe9])]), "latin-1");
  await drop(page, page.getByText("Drop files or a folder here"), [folder]);
  await expect(page.getByText(/^5 files/)).toBeVisible();
  await expect(page.getByText("1 entry could not be looked at")).toBeVisible();
  unlinkSync(join(folder, "gone.txt"));
  await page.getByText("Leave something out").click();
  await page.getByLabel("Patterns of what is left out").fill("*.tmp\nbuild/");
  await page.getByRole("button", { name: "Leave it out" }).click(); // the one that is known by now
  await page.getByRole("button", { name: /^Send to/ }).click();
  await expect(page.getByRole("heading", { name: "2 entries cannot be sent" })).toBeVisible();
  await expect(
    listed("What cannot be sent").filter({ hasText: /its name cannot be carried: the browser cannot read it/ }),
  ).toHaveCount(1);
  await expect(listed("What cannot be sent").filter({ hasText: /upload\/gone.txt.*it cannot be read/ })).toHaveCount(1);
  await page.getByRole("button", { name: "Leave these out" }).click();
  await page.getByRole("button", { name: /^Send to/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "upload" })).toBeVisible();
  await expect(page.locator(".sentence")).toHaveText("everybody has it", { timeout: 30_000 });
  await page.getByText("5 entries were left out").click();
  await expect(listed("Left out")).toHaveCount(5);
  for (const n of [0, 1]) await expect(listed("Left out").nth(n)).not.toContainText("excluded"); // on purpose: last
});

test("files that change or go before everybody has them are named", async () => {
  const tree = mkdtempSync(join(source, "late"));
  for (const file of ["stays.txt", "changes.txt", "goes.txt"]) writeFileSync(join(tree, file), file);
  await ann.kill();
  world.run(["pending", "add", "lab", tree]);
  writeFileSync(join(tree, "changes.txt"), "other words");
  rmSync(join(tree, "goes.txt"));
  await ann.start();
  await page.goto(`${world.url}/#/transfers/3`);
  world.run(["pending", "send", "lab"]);
  const lost = page.locator("summary", { hasText: "2 files changed, went or could not be read at the server" });
  await lost.click({ timeout: 30_000 });
  await expect(listed("Left out").filter({ hasText: /changes.txt.*changed at the server/ })).toHaveCount(1);
  await expect(listed("Left out").filter({ hasText: /goes.txt.*gone at the server/ })).toHaveCount(1);
  await expect(page.getByRole("cell", { name: /^incomplete \(\d of \d\)/ })).toBeVisible({ timeout: 30_000 });
  await screens(page, "lost");
  writeFileSync(join(tree, "goes.txt"), "back"); // and the changed one is taken as it is
  await page.getByRole("button", { name: "Retry (1)" }).click();
  await expect(page.locator(".sentence")).toHaveText("everybody has it", { timeout: 30_000 });
  await expect(page.getByText("could not be read at the server")).toHaveCount(0);
});

test("what a receiver lacks is named, entry by entry", async () => {
  const tree = join(source, "way");
  mkdirSync(tree);
  for (const file of ["a.txt", "b.txt"]) writeFileSync(join(tree, file), file);
  mkdirSync(join(ann.files, "lab", "way", "a.txt", "own"), { recursive: true });
  writeFileSync(join(ann.files, "lab", "way", "a.txt", "own", "work.txt"), "mine");
  world.run(["pending", "add", "lab", tree]);
  world.run(["pending", "send", "lab"]);
  await page.goto(`${world.url}/#/transfers/4`);
  await expect(page.getByRole("heading", { name: "Missing or beside" })).toBeVisible({ timeout: 30_000 });
  await page
    .locator("section", { has: page.getByRole("heading", { name: "Missing or beside" }) })
    .locator("summary")
    .click();
  await expect(page.getByRole("cell", { name: "way/a.txt", exact: true })).toBeVisible();
  await screens(page, "astray");
});

test("a login that several machines use is told wherever it is listed", async () => {
  await page.route(/\/api\/v1\/devices/, async (route) => {
    const answer = await route.fetch();
    const devices = (await answer.json()) as Record<string, unknown>[];
    await route.fulfill({ response: answer, json: devices.map((d) => ({ ...d, machines: 3 })) });
  });
  await page.goto(`${world.url}/#/machines`);
  await expect(page.getByText("on 3 machines")).toBeVisible();
  await screens(page, "machines-receivers");
  await page.goto(`${world.url}/#/groups/lab`);
  await expect(page.getByText("on 3 machines")).toBeVisible();
  await screens(page, "machines-group");
  await page.goto(`${world.url}/#/people`);
  await expect(page.getByText(/1 of 1 machine on, 1 used by several at once/)).toBeVisible();
  await page.getByRole("link", { name: "ann" }).click();
  await expect(page.getByText("on 3 machines")).toBeVisible();
  await screens(page, "machines-person");
  await page.unroute(/\/api\/v1\/devices/);
});

test("no screen has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
