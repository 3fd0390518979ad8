// From `serve` to a verified delivery, in the browser: what a newcomer does.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password, type Receiver } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;
let links: string[];
let dead: Receiver;
const image = randomBytes(24 << 20);

test.beforeAll(async ({ browser }) => {
  world = await new World().start("--max-rate", "40M");
  links = await world.links();
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } });
  guard = new Guard(context, () => [world.url, new URL(links[0]!).origin]);
  page = await context.newPage();
});

test.afterEach(() => guard.check());

test.afterAll(async () => {
  await context?.close();
  await world?.end();
});

async function go(path: string, heading: string | RegExp): Promise<void> {
  await page.goto(`${world.url}/#/${path}`);
  await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
}

test("the first run makes an administrator on the plain loopback page", async () => {
  expect(links[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#\/first\//);
  expect(links[1]).toMatch(/^https:/);
  await page.goto(links[0]!);
  await expect(page.getByRole("heading", { name: "Make the first administrator" })).toBeVisible();
  expect(page.url()).not.toContain(links[0]!.split("/").pop());
  await screens(page, "first-run");
  await page.getByLabel("Login ID").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("The same password again").fill("something else");
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await expect(page.getByRole("alert")).toHaveText("The two passwords differ.");
  await page.getByLabel("The same password again").fill(password);
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await expect(page.getByRole("heading", { name: "admin is made" })).toBeVisible();
  expect(await context.cookies()).toEqual([]);
  await page.getByRole("link", { name: "Go to the sign-in" }).click();
  await expect(page).toHaveURL(world.url + "/");
});

test("the link works once and its page is gone", async () => {
  await expect(async () => {
    const gone = await fetch(new URL(links[0]!).origin).then(() => false, () => true);
    expect(gone).toBe(true);
  }).toPass();
});

test("signing in, wrong first", async () => {
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await screens(page, "sign-in");
  await page.getByLabel("Login ID").fill("admin");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("The login ID or the password is wrong.");
  await page.waitForTimeout(1100); // a wrong password costs a second
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  const cookie = (await context.cookies()).find((c) => c.name === "__Host-gc")!;
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict", path: "/" });
});

test("the empty overview says the next step", async () => {
  await expect(page.getByText("Next: connect the first receiver")).toBeVisible();
  await expect(page.locator("pre")).toContainText(`groupcast login ${world.url} --user NAME --trust ${world.fingerprint}`);
  await screens(page, "overview-empty");
});

test("a group and users are made", async () => {
  await go("groups", "Groups");
  await page.getByRole("button", { name: "New group" }).click();
  await page.getByLabel("Name").fill("lab-a");
  await page.getByLabel("Description").fill("Room 12, the machines by the window");
  await page.getByRole("button", { name: "Make the group" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "lab-a" })).toBeVisible();
  await go("users", "Users");
  for (const name of ["mia", "noah", "ola"]) {
    await page.getByRole("button", { name: "New user" }).click();
    await page.getByRole("textbox", { name: "Login ID" }).fill(name);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Add the user" }).click();
    await expect(page.getByRole("cell", { name, exact: true })).toBeVisible();
  }
});

test("requests come in live and are approved, several at once", async () => {
  await go("requests", "Join requests");
  await expect(page.getByText("Nobody is waiting.")).toBeVisible();
  const mia = world.receiver("mia", "pc-mia", 3).join("lab-a", "I sit at the window");
  const noah = world.receiver("noah", "pc-noah", 8).join("lab-a");
  dead = world.receiver("ola", "pc-ola").join("lab-a");
  await expect(page.getByText("“I sit at the window”")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Waiting (3)" })).toBeVisible();
  await screens(page, "requests");
  await page.getByRole("button", { name: "Approve all" }).click();
  await expect(page.getByText("Nobody is waiting.")).toBeVisible();
  for (const r of [mia, noah, dead]) await r.start();
  await go("groups/lab-a", "lab-a");
  await expect(page.getByRole("heading", { name: "Members (3)" })).toBeVisible();
  await screens(page, "group");
});

test("a check probes the receivers", async () => {
  await go("receivers", "Receivers");
  await page.getByRole("button", { name: "Check all" }).click();
  await expect(page.getByRole("heading", { name: "Check", exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/probes/).first()).toBeVisible();
  await screens(page, "receivers");
});

test("a folder is uploaded, the page reloaded in the middle of it, and sent", async () => {
  const folder = join(world.dir, "course");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(folder, "image.bin"), image);
  writeFileSync(join(folder, "sub", "notes.txt"), "notes\n");
  await go("send", "Send");
  await page.getByLabel("Folder").setInputFiles(folder);
  await page.getByRole("checkbox", { name: /lab-a/ }).check();
  await expect(page.getByText("3 of 3 devices ready")).toBeVisible();
  await screens(page, "send");
  // Slow the upload down so that there is a middle.
  let pieces = 0;
  await page.route("**/data?*", async (route) => {
    if (++pieces > 2) return; // hangs, as on a dead network
    await route.continue();
  });
  await page.getByRole("button", { name: "Send to lab-a" }).click();
  await expect(page.getByText(/on the server/)).toBeVisible();
  await expect.poll(() => pieces).toBeGreaterThan(2);
  await page.unroute("**/data?*");
  await page.reload();
  await expect(page.getByText(/unfinished|go on|left/i).first()).toBeVisible();
  let first = -1;
  page.on("request", (r) => {
    if (first < 0 && r.url().includes("/data?") && r.url().includes("image.bin")) first = Number(new URL(r.url()).searchParams.get("offset"));
  });
  await page.getByLabel("Folder").setInputFiles(folder);
  await page.getByRole("checkbox", { name: /lab-a/ }).check();
  await page.getByRole("button", { name: "Send to lab-a" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "course" })).toBeVisible({ timeout: 30_000 });
  expect(first).toBeGreaterThan(0);
});

test("the transfer is watched with loss and a receiver that dies", async () => {
  await expect(page.getByText(/held by/).first()).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("heading", { name: "Rate" })).toBeVisible();
  dead.kill();
  await expect(page.locator(".sentence")).toContainText("pc-ola off", { timeout: 30_000 });
  await page.waitForTimeout(1500);
  await screens(page, "live");
  await expect(page.locator(".sentence")).toContainText("2 of 3 done", { timeout: 60_000 });
  for (const r of world.receivers.filter((r) => r !== dead)) {
    expect(readFileSync(join(r.files, "lab-a", "course", "image.bin")).equals(image)).toBe(true);
  }
  await expect(page.getByText("instead of")).toBeVisible();
});

test("what the dead receiver is owed is pending, with the reason", async () => {
  await go("pending", "Pending");
  await page.locator("summary").first().click();
  await expect(page.getByText(/not active/).first()).toBeVisible();
  await screens(page, "pending");
  await page.getByRole("button", { name: "By member" }).click();
  await expect(page.getByRole("cell", { name: "ola" })).toBeVisible();
});

test("cancelled for the dead one, then retried, it comes to its end", async () => {
  await go("transfers", "Transfers");
  await page.getByRole("cell", { name: "course" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("cancelled by admin").first()).toBeVisible();
  await page.goto(`${world.url}/#/transfers`);
  await go("transfers/1", "course");
  expect(existsSync(join(dead.files, "lab-a", "course", "image.bin"))).toBe(false);
});

test("a finished transfer is replayed", async () => {
  await go("transfers/1", "course");
  await expect(page.getByRole("button", { name: "Replay" })).toBeVisible();
  await page.getByRole("button", { name: "Replay" }).click();
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
  await screens(page, "finished");
});

test("the overview with something on it, audit and API", async () => {
  await go("overview", "Overview");
  await expect(page.getByRole("heading", { name: "The last day" })).toBeVisible();
  await screens(page, "overview");
  await go("audit", "Audit");
  await expect(page.getByRole("cell", { name: "transfer.cancel" })).toBeVisible();
  await screens(page, "audit");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export CSV" }).click();
  const csv = readFileSync((await (await download).path())!, "utf8");
  expect(csv.split("\r\n")[0]).toBe("at,actor,action,object,detail,address");
  await go("api", "API");
  await expect(page.getByText("/api/v1/transfers/{no}/series")).toBeVisible();
  await screens(page, "api");
  await go("transfers", "Transfers");
  await screens(page, "transfers");
  await go("users", "Users");
  await screens(page, "users");
  await go("account", "admin");
  await expect(page.getByText("(this one)")).toBeVisible();
  await screens(page, "account");
});

test("no screen has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
