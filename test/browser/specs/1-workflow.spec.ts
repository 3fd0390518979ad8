// From `serve` to a verified delivery, in the browser: what a newcomer does.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
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
let links: string[];
let dead: Receiver;
const image = randomBytes(24 << 20);

test.beforeAll(async ({ browser }) => {
  world = await new World().start("--max-rate", "16M");
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
  await expect(page.getByRole("heading", { name: "Set up this server" })).toBeVisible();
  expect(page.url()).not.toContain(links[0]!.split("/").pop());
  await screens(page, "first-run");
  await page.getByLabel("Your login ID").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByLabel("Password")).toHaveAttribute("type", "text");
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await expect(page.getByRole("heading", { name: /^admin administers .* now$/ })).toBeVisible();
  expect(await context.cookies()).toEqual([]);
  await page.getByRole("link", { name: "Continue to the server" }).click();
  await expect(page).toHaveURL(`${world.url}/#/overview`);
  await page.getByRole("button", { name: "Sign out" }).click();
});

test("the link works once, and its page says so afterwards", async () => {
  const { origin } = new URL(links[0]!);
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ token: links[0]!.split("/").pop(), name: "eve", password });
  const again = await fetch(`${origin}/api/v1/setup`, { method: "POST", headers, body });
  expect(again.status).toBe(404);
  expect(await (await fetch(`${origin}/api/v1/welcome`)).json()).toMatchObject({ set_up: false, sign_in: world.url });
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
  await expect(page.locator("[aria-current=step]")).toContainText("Make a group");
  await screens(page, "overview-empty");
});

test("a group and users are made", async () => {
  await go("groups", "Groups");
  await page.getByRole("button", { name: "New group" }).first().click();
  await page.getByLabel("Name").fill("lab-a");
  await page.getByLabel("Description").fill("Room 12, the machines by the window");
  await page.getByRole("button", { name: "Make the group" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "lab-a" })).toBeVisible();
  await go("people", "People");
  for (const name of ["mia", "noah", "ola"]) {
    await page.getByRole("button", { name: "New person" }).click();
    await page.getByRole("textbox", { name: "Login ID" }).fill(name);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Add the person" }).click();
    await expect(page.getByRole("cell", { name, exact: true })).toBeVisible();
  }
});

test("the next step is the command for the first receiver", async () => {
  await go("overview", "Overview");
  await expect(page.locator("[aria-current=step]")).toContainText("Add machines");
  await expect(page.locator("pre")).toContainText(
    `groupcast login ${world.url} --user mia --trust ${world.fingerprint}`,
  );
  await expect(page.locator("pre")).toContainText("groupcast join lab-a");
  await screens(page, "overview-next");
});

test("requests come in live and are approved, several at once", async () => {
  await go("requests", "Join requests");
  await expect(page.getByText("Nobody is waiting.", { exact: false })).toBeVisible();
  const mia = world.receiver("mia", "pc-mia", 3).join("lab-a", "I sit at the window");
  const noah = world.receiver("noah", "pc-noah", 8).join("lab-a");
  dead = world.receiver("ola", "pc-ola").join("lab-a");
  await expect(page.getByText("“I sit at the window”")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Waiting (3)" })).toBeVisible();
  await screens(page, "requests");
  await page.getByRole("button", { name: "Approve all" }).click();
  await expect(page.getByText("Nobody is waiting.", { exact: false })).toBeVisible();
  for (const r of [mia, noah, dead]) await r.start();
  await go("groups/lab-a", "lab-a");
  await expect(page.getByRole("heading", { name: "Members (3)" })).toBeVisible();
  await screens(page, "group");
});

test("a check probes the receivers", async () => {
  await go("machines", "Machines");
  await page.getByRole("button", { name: "Check all" }).click();
  await expect(page.getByRole("heading", { name: "Check", exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/probes/).first()).toBeVisible();
  await screens(page, "receivers");
});

test("a folder is dropped, the page reloaded in the middle of it, and sent", async () => {
  const folder = join(world.dir, "course");
  mkdirSync(join(folder, "sub"), { recursive: true });
  mkdirSync(join(folder, "to fill in", "by you"), { recursive: true });
  writeFileSync(join(folder, "1 first.txt"), "first\n");
  writeFileSync(join(folder, "2 image.bin"), image);
  writeFileSync(join(folder, "sub", "notes.txt"), "notes\n");
  symlinkSync("1 first.txt", join(folder, "link"));
  await go("send", "Send");
  await drop(page, page.getByText("Drop files or a folder here"), [folder]);
  await expect(page.getByText(/3 files and 1 empty folder, 25.2 MB/)).toBeVisible();
  await expect(page.getByText(/A browser cannot see permissions or symbolic links/)).toBeVisible();
  await page.getByRole("checkbox", { name: /lab-a/ }).check();
  await expect(page.getByText("3 ready")).toBeVisible();
  await screens(page, "send");
  // The network dies when the second piece of the image is under way.
  let pieces = 0;
  await page.route("**/data?*", async (route) => {
    if (route.request().url().includes("image") && ++pieces > 2) return;
    await route.continue();
  });
  await page.getByRole("button", { name: /^Send to/ }).click();
  await expect(page.getByText(/MB on the server/)).toBeVisible();
  await expect.poll(() => pieces).toBeGreaterThan(2);
  // A second tab begins an upload of its own and leaves this one alone.
  const before = await page.evaluate(() => JSON.parse(localStorage.getItem("upload")!) as string[]);
  const second = await page.context().newPage();
  await second.goto(page.url());
  await expect(second.getByRole("heading", { level: 1, name: "Send" })).toBeVisible();
  await expect(second.getByText(/was not finished/)).toHaveCount(0);
  await drop(second, second.getByText("Drop files or a folder here"), [join(folder, "1 first.txt")]);
  // It uploads and makes no transfer. (Another route here would let go what the first tab's route holds.)
  await second.evaluate(() => {
    const real = window.fetch;
    window.fetch = (to, how) =>
      how?.method === "POST" && String(to).endsWith("/transfers")
        ? Promise.reject(new TypeError("no transfer"))
        : real(to, how);
  });
  await second.getByRole("checkbox", { name: /lab-a/ }).check();
  await second.getByRole("button", { name: /^Send to/ }).click();
  await expect
    .poll(() => second.evaluate(() => (JSON.parse(localStorage.getItem("upload")!) as string[]).length))
    .toBe(2);
  expect(await second.evaluate(async (id) => (await fetch(`/api/v1/uploads/${id}`)).status, before[0])).toBe(200);
  await second.evaluate((ids) => localStorage.setItem("upload", JSON.stringify(ids)), before);
  await second.close();
  await page.unroute("**/data?*");
  // Leaving asks while it runs.
  const asked = page.waitForEvent("dialog").then(async (d) => {
    const type = d.type();
    await d.accept();
    return type;
  });
  await page.reload();
  expect(await asked).toBe("beforeunload");
  await expect(
    page.getByText(/An upload of 3 files was not finished: [\d.]+ MB of 25.2 MB is on the server/),
  ).toBeVisible();
  await screens(page, "send-unfinished");
  const sent: [path: string, offset: number][] = [];
  page.on("request", (r) => {
    const url = new URL(r.url());
    if (url.pathname.endsWith("/data"))
      sent.push([url.searchParams.get("path")!, Number(url.searchParams.get("offset"))]);
  });
  await drop(page, page.getByText("Drop files or a folder here"), [folder]);
  await page.getByRole("checkbox", { name: /lab-a/ }).check();
  await page.getByRole("button", { name: /^Send to/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "course" })).toBeVisible({ timeout: 30_000 });
  // What was there is not sent again: not the first file, not the image's beginning.
  expect(sent.map(([path]) => path)).not.toContain("course/1 first.txt");
  expect(sent.filter(([path]) => path.includes("notes"))).toEqual([["course/sub/notes.txt", 0]]);
  const [first, ...rest] = sent.filter(([path]) => path.includes("image")).map(([, offset]) => offset);
  expect(first).toBeGreaterThanOrEqual(8 << 20);
  expect(rest).toEqual(rest.map((_, n) => first! + (n + 1) * (4 << 20)));
});

test("the transfer is watched with loss and a receiver that dies", async () => {
  await expect(page.getByText(/held by/).first()).toBeVisible({ timeout: 20_000 });
  await page.getByText("Details: coverage, rate, loss").click();
  await expect(page.getByRole("heading", { name: "Rate" })).toBeVisible();
  await dead.kill();
  await expect(page.locator(".sentence")).toContainText("pc-ola gets it when it is back", { timeout: 30_000 });
  await screens(page, "live");
  await expect(page.locator(".card.verdict").getByText("2 verified")).toBeVisible({ timeout: 60_000 });
  for (const r of world.receivers.filter((r) => r !== dead)) {
    expect(readFileSync(join(r.files, "lab-a", "course", "2 image.bin")).equals(image)).toBe(true);
    expect(statSync(join(r.files, "lab-a", "course", "to fill in", "by you")).isDirectory()).toBe(true);
  }
  await expect(page.getByText("instead of")).toBeVisible();
});

test("what the dead receiver is owed is pending, with the reason", async () => {
  await go("pending", "Pending");
  await page.locator("summary").first().click();
  await expect(page.getByText(/not active/).first()).toBeVisible();
  await screens(page, "pending");
  await page.getByRole("button", { name: "By member" }).click();
  await expect(page.getByRole("cell", { name: "ola", exact: true })).toBeVisible();
});

test("it comes back and gets what it lacks, by itself", async () => {
  await go("transfers/1", "course");
  expect(existsSync(join(dead.files, "lab-a", "course", "2 image.bin"))).toBe(false);
  await dead.start();
  await expect(page.locator(".sentence")).toHaveText("everybody has it", { timeout: 30_000 });
  await expect(page.locator(".verdict .state")).toContainText("delivered");
  expect(readFileSync(join(dead.files, "lab-a", "course", "2 image.bin")).equals(image)).toBe(true);
});

test("who refused is asked again", async () => {
  await dead.kill();
  await dead.start("--max-size", "1M");
  const file = join(world.dir, "two.bin");
  writeFileSync(file, image.subarray(0, 2 << 20));
  await go("send", "Send");
  await page.getByLabel("Files", { exact: true }).last().setInputFiles(file);
  await page.getByRole("checkbox", { name: /lab-a/ }).check();
  await page.getByRole("button", { name: /^Send to/ }).click();
  await expect(page.getByRole("heading", { level: 1, name: "two.bin" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("button", { name: "Retry (1)" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/takes 1 MB at most/).first()).toBeVisible();
  await screens(page, "refused");
  await page.getByRole("button", { name: /^Retry/ }).click();
  await expect(page.getByText("Owed again")).toBeVisible();
  await expect(page.getByRole("button", { name: "Retry (1)" })).toBeVisible({ timeout: 30_000 }); // it refuses again
  await dead.kill();
  await dead.start(); // without the limit it is asked by itself
  await expect(page.locator(".sentence")).toHaveText("everybody has it", { timeout: 30_000 });
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
  await expect(page.getByRole("heading", { name: "Ended in the last day" })).toBeVisible();
  // course went to three, two.bin too: told by the server, of all transfers and not of a page.
  const savings = await page.evaluate(async () => (await fetch("/api/v1/savings")).json());
  expect(savings.all.transfers).toBe(2);
  expect(savings.all.delivered_bytes).toBe(3 * (image.length + 12 + (2 << 20)));
  expect(savings.day).toEqual(savings.all);
  await expect(page.locator(".spared")).toContainText("delivered by sending");
  await screens(page, "overview");
  await go("audit", "Audit");
  await expect(page.getByRole("cell", { name: /promised course to lab-a/ })).toBeVisible();
  await screens(page, "audit");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export CSV" }).click();
  const csv = readFileSync((await (await download).path())!, "utf8");
  expect(csv.split("\r\n")[0]).toBe("at,actor,action,object,detail,address");
  await go("api", "API");
  await expect(page.getByPlaceholder(/^Search \d+ calls/)).toBeVisible();
  await screens(page, "api");
  await go("transfers", "Transfers");
  await screens(page, "transfers");
  await go("people", "People");
  await screens(page, "users");
  await go("account", "admin");
  await expect(page.getByText("(this one)")).toBeVisible();
  await screens(page, "account");
});

test("the group's page says who could open each session", async () => {
  await go("groups/lab-a", "lab-a");
  const record = page.locator("section", { has: page.getByRole("heading", { name: "Who could open what was sent" }) });
  const course = record.locator("details", { hasText: "course" }).last(); // the oldest
  await expect(course.locator("summary")).toContainText("3 devices with the key");
  await course.locator("summary").click();
  await expect(course).toContainText("pc-mia (mia), pc-noah (noah), pc-ola (ola)");
  await screens(page, "group-keys");
});

test("a member sees his own side and nothing else", async ({ browser }) => {
  const own = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 860 } });
  const watch = new Guard(own, () => [world.url]);
  const his = await own.newPage();
  await his.goto(world.url);
  await his.getByLabel("Login ID").fill("mia");
  await his.getByLabel("Password").fill(password);
  await his.getByRole("button", { name: "Sign in" }).click();
  await expect(his.getByRole("heading", { level: 1, name: "My files" })).toBeVisible();
  await expect(his.getByText("course", { exact: true }).first()).toBeVisible();
  await expect(his.getByRole("link", { name: "People" })).toHaveCount(0);
  await expect(his.getByText("Not connected")).toHaveCount(0);
  await screens(his, "member");
  for (const path of ["users", "transfers/1", "groups/lab-a", "audit"]) {
    await his.goto(`${world.url}/#/${path}`);
    await expect(his.getByRole("heading", { name: "This page is for administrators" })).toBeVisible();
  }
  for (const path of [
    "users",
    "groups",
    "transfers",
    "transfers/1/deliveries",
    "transfers/1/series",
    "audit",
    "status",
    "requests",
    "pending",
    "backup",
  ]) {
    expect(await his.evaluate(async (p) => (await fetch(`/api/v1/${p}`)).status, path), path).toBe(403);
  }
  expect(
    await his.evaluate(async () =>
      (await (await fetch("/api/v1/devices")).json()).map((d: { user: string }) => d.user),
    ),
  ).toEqual(["mia"]);
  await his.getByRole("button", { name: "Sign out" }).click();
  await expect(his.getByRole("button", { name: "Sign in" })).toBeVisible();
  expect(await his.evaluate(async () => (await fetch("/api/v1/me")).status)).toBe(401);
  watch.check();
  await own.close();
});

test("other sites get nowhere with the cookie", async () => {
  const ask = (headers: Record<string, string>, data: string) =>
    context.request.post(`${world.url}/api/v1/groups`, { headers, data, ignoreHTTPSErrors: true });
  const body = JSON.stringify({ name: "forged" });
  expect((await ask({ "Content-Type": "application/json", "Sec-Fetch-Site": "cross-site" }, body)).status()).toBe(403);
  expect((await ask({ "Content-Type": "application/json", Origin: "https://evil.example" }, body)).status()).toBe(403);
  expect((await ask({ "Content-Type": "text/plain" }, body)).status()).toBe(415);
  expect((await ask({ "Content-Type": "application/json", Host: "evil.example" }, body)).status()).toBe(421);
  const groups = await (await context.request.get(`${world.url}/api/v1/groups`)).json();
  expect(groups.map((g: { name: string }) => g.name)).toEqual(["lab-a"]);
});

test("the CSP stops inline code, foreign requests and frames", async ({ browser }) => {
  const own = await browser.newContext({ ignoreHTTPSErrors: true });
  const p = await own.newPage();
  await p.goto(world.url);
  await expect(p.getByRole("button", { name: "Sign in" })).toBeVisible();
  const stopped = await p.evaluate(async () => {
    const broken: string[] = [];
    document.addEventListener("securitypolicyviolation", (e) => broken.push(e.effectiveDirective));
    try {
      document.body.innerHTML += "<b>markup</b>";
      broken.push("innerHTML went through");
    } catch {
      // Trusted Types threw
    }
    const inline = document.createElement("style");
    inline.textContent = "body { color: red }";
    document.head.append(inline);
    document.body.append(Object.assign(document.createElement("img"), { src: "https://evil.example/x.png" }));
    document.body.append(Object.assign(document.createElement("iframe"), { src: "/" }));
    await fetch("https://evil.example/").catch(() => undefined);
    await new Promise((r) => setTimeout(r, 500));
    return [...new Set(broken)].sort();
  });
  expect(stopped).toEqual(["connect-src", "frame-src", "img-src", "require-trusted-types-for", "style-src-elem"]);
  await own.close();
});

test("no screen has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
