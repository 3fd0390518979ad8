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
  ["overview", "Overview"], ["send", "Send"], ["transfers", "Transfers"], ["pending", "Pending"], ["groups", "Groups"], ["groups/lab-a", "lab-a"],
  ["requests", "Join requests"], ["users", "Users"], ["receivers", "Receivers"], ["audit", "Audit"], ["api", "API"], ["account", "root"],
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
  world.run(["group", "create", "lab-a"]);
  for (const [path, heading] of pages) {
    await go(path, heading);
    const words = (await page.locator("main").innerText()).replace(heading, "").trim();
    expect(words.length, path).toBeGreaterThan(30);
    await screens(page, `empty-${path.replace("/", "-")}`);
  }
});

test("every page with something on it, light and dark, wide and narrow", async () => {
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
  const entry = page.getByRole("cell", { name: /promised exam image, second version.qcow2 to lab-a: 1 file, 3.15 MB, owed to 1 device/ });
  await expect(entry).toBeVisible();
  for (let again = 0; again < 2; again++) { // Escape closes it, and it opens again
    await entry.click();
    const box = page.getByRole("dialog");
    for (const word of ["transfer.add", "this machine", "1 exam image, second version.qcow2 to lab-a", "1 files, 3145728 bytes, owed to 1"]) await expect(box.getByText(word, { exact: true })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(box).toBeHidden();
  }
  await page.getByPlaceholder("Filter").fill("made noah a member");
  await expect(page.getByRole("table", { name: "Audit log" }).getByRole("row")).toHaveCount(1);
});

test("on a phone no list leaves anything out", async () => {
  const told: [path: string, heading: string, words: (string | RegExp)[]][] = [
    ["receivers", "Receivers", ["pc-mia", "mia", "active", "linux/amd64", "127.0.0.1", "Revoke"]],
    ["users", "Users", ["noah", "member", "0 of 1 device active", /since/, "Open"]],
    ["groups", "Groups", ["printers-east-wing", "1 member, 0 devices active", "1 pending", /239\.\d+/]],
    ["transfers", "Transfers", ["3.15 MB to lab-a", "1 of 1 have it", "done"]],
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
  const token = (JSON.parse(readFileSync(join(admin.home, "agent", "client.json"), "utf8")) as { cli_token: string }).cli_token;
  copyFileSync(join(world.home, "server", "ca.pem"), join(world.dir, "ca.pem"));
  const run = (command: string) => execFileSync("bash", ["-c", `${command.replaceAll("curl ", "curl -sS -w '\n%{http_code}' ")}`], { cwd: world.dir, encoding: "utf8", env: { ...process.env, TOKEN: token } });
  await go("api", "API");
  const example = async (search: string, path: string): Promise<string> => {
    await page.getByPlaceholder(/^Search \d+ calls/).fill(search);
    const call = page.locator("details", { has: page.getByText(path, { exact: true }) });
    await expect(call).toHaveCount(1);
    if (!(await call.getAttribute("open").then((o) => o !== null))) await call.locator("summary").click();
    return call.locator(".copy pre").innerText();
  };
  expect(run(await example("get list groups", "/groups"))).toMatch(/printers-east-wing[^]*200$/);
  expect(run((await example("post create group", "/groups")).replace("lab-a", "made-by-curl"))).toMatch(/made-by-curl[^]*200$/);
  expect(run((await example("put member", "/groups/{name}/members/{user}")).replace("lab-a", "made-by-curl"))).toMatch(/mia[^]*200$/);
  expect(run((await example("delete group", "/groups/{name}")).replace("lab-a", "made-by-curl"))).toMatch(/204$/);
  expect(run((await example("post users", "/users")).replace('"mia"', '"x"').replace('"lab-a"', '"by-curl"'))).toMatch(/by-curl[^]*200$/);
  await page.getByPlaceholder(/^Search \d+ calls/).fill("no such call");
  await expect(page.getByText("No call matches “no such call”.")).toBeVisible();
  await page.getByPlaceholder(/^Search \d+ calls/).fill("");
  await page.setViewportSize({ width: 390, height: 844 });
  await example("promise files", "/transfers");
  await screens(page, "api-example");
});

test("no page has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
