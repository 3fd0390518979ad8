// The page Send: what is picked on the left, what will happen on the right, one button. Its plan is the server's:
// who is ready, who is away, who lacks room beside a reserve, what is replaced, how long it takes once measured.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { drop } from "../lib/drop.ts";
import { Guard, overhangs } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password, type Receiver } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let context: BrowserContext;
let page: Page;
let guard: Guard;
let full: Receiver;
let folder: string;
let source: string;

const plan = () => page.getByRole("region", { name: "What will happen" });
const button = () => page.locator("button.primary.go");
const group = (name: string) => page.getByRole("checkbox", { name: new RegExp(`^${name} `) });
const dropZone = () => page.getByText("Drop files or a folder here");

test.beforeAll(async ({ browser }) => {
  world = new World();
  source = join(world.dir, "shared");
  mkdirSync(source);
  writeFileSync(join(source, "exam.qcow2"), randomBytes(3_000_000));
  await world.start("--source", source);
  world.run(["group", "create", "lab-a", "lab-b", "nobody-yet"]);
  world.user("admin", "admin");
  for (const name of ["mia", "tom", "eve", "ola", "zoe"]) {
    world.user(name);
    world.run(["member", "add", "lab-a", name]);
  }
  world.run(["member", "add", "lab-b", "tom", "mia"]);
  await world.receiver("mia", "pc-01").start();
  await world.receiver("tom", "pc-02").start();
  full = await world.receiver("eve", "pc-03").start("--reserve", "900T");
  world.receiver("ola", "pc-04"); // never on
  folder = join(world.dir, "course");
  mkdirSync(join(folder, "week 1"), { recursive: true });
  for (const [name, size] of [
    ["course guide.pdf", 1_200_000],
    ["image.bin", 9_000_000],
    ["week 1/notes.txt", 4_000],
    ["week 1/old.tmp", 100],
  ] as const)
    writeFileSync(join(folder, name), randomBytes(size));
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  guard = new Guard(context, () => [world.url]);
  page = await context.newPage();
  await page.goto(`${world.url}/#/send`);
  await signIn();
});

test.afterEach(() => guard.check());

test.afterAll(async () => {
  await context?.close();
  await world?.end();
});

async function signIn(): Promise<void> {
  await page.getByLabel("Login ID").fill("admin");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Send" })).toBeVisible();
}

test("before anything is picked it says what is needed", async () => {
  await expect(plan()).toContainText("Pick files and a group");
  await expect(button()).toBeDisabled();
  await expect(button()).toHaveAccessibleDescription("Pick files and a group first.");
  await screens(page, "send-empty");
});

test("the plan follows what is picked: ready, away, no room, no machine", async () => {
  await group("lab-a").check();
  await expect(plan()).toContainText("3 of 4 machines are on and ready.");
  await expect(button()).toHaveAccessibleDescription("Pick files first.");
  await drop(page, dropZone(), [folder]);
  await expect(page.getByText("4 files, 10.2 MB")).toBeVisible();
  await expect(page.getByRole("table", { name: "Picked files" })).toContainText("course/image.bin");
  await expect(plan()).toContainText("2 of 4 machines get it at once; 1 when it is back; 1 needs you.");
  await expect(plan()).toContainText("2 ready");
  await expect(plan()).toContainText("1 away");
  await expect(plan()).toContainText("1 without room");
  await expect(plan()).toContainText("1 without a machine");
  await expect(plan()).toContainText(
    /Needs 10\.2 MB\. .* are free and 900 TB must stay free: free .* or lower its reserve/,
  );
  await expect(plan()).toContainText("Has never been on. Start its receiver.");
  await expect(plan()).toContainText("No transfer over multicast was measured here yet, and no limit is set.");
  await expect(plan()).toContainText("sent once by multicast instead of 4 times");
  await expect(button()).toHaveText("Send to 4 machines");
  await expect(button()).toBeEnabled();
  await screens(page, "send-plan");
});

test("options are in the plan and on the button", async () => {
  await page.getByRole("heading", { name: "How" }).click();
  await page.getByLabel("At most, Mbit/s").fill("8");
  await expect(plan()).toContainText("at least 10s");
  await expect(plan()).toContainText("The limit that you set holds it: 8 Mbit/s");
  await page.getByRole("radio", { name: /^Hold/ }).check();
  await expect(plan()).toContainText("It waits until somebody presses “Send now”. 2 of 4 machines are ready for it.");
  await expect(button()).toHaveText("Hold for 4 machines");
  await screens(page, "send-options");
  await page.getByRole("radio", { name: /^Send now/ }).check();
  await page.getByLabel("At most, Mbit/s").fill("");
  await page.getByRole("heading", { name: "How" }).click();
});

test("what is picked is there again after a look elsewhere, and can be narrowed", async () => {
  await page.goto(`${world.url}/#/machines`);
  await expect(page.getByRole("heading", { level: 1, name: "Machines" })).toBeVisible();
  await page.goto(`${world.url}/#/send`);
  await expect(page.getByText("4 files, 10.2 MB")).toBeVisible();
  await expect(group("lab-a")).toBeChecked();
  await page.getByText("Leave something out").click();
  await page.getByLabel("Patterns of what is left out").fill("*.tmp");
  await expect(page.getByText("1 entry excluded")).toBeVisible();
  await expect(plan()).toContainText("10.2 MB in 3 files");
});

test("a sign-in that ends in the middle of the upload brings one back, and the upload goes on", async () => {
  let pieces = 0;
  await page.route("**/data?*", async (route) => {
    if (route.request().url().includes("image") && ++pieces === 2) {
      // The sign-in is ended, as an administrator or the time does it.
      await page.context().clearCookies();
      await route.fulfill({ status: 401, contentType: "application/problem+json", body: '{"code":"unauthorized"}' });
      return;
    }
    await route.continue();
  });
  await button().click();
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await page.unroute("**/data?*");
  await signIn();
  await expect(page.getByRole("heading", { level: 1, name: "course" })).toBeVisible({ timeout: 30_000 });
  const files = JSON.parse(world.run(["transfer", "files", "1", "--json"])) as { path: string }[];
  expect(files.map((f) => f.path).filter((p) => p.endsWith(".tmp"))).toEqual([]);
  await expect(page.getByText("2 verified").first()).toBeVisible({ timeout: 30_000 });
});

test("after a transfer the time is measured, and what would be replaced is named", async () => {
  await page.goto(`${world.url}/#/send`);
  await expect(button()).toHaveText("Send");
  await drop(page, dropZone(), [folder]);
  await group("lab-a").check();
  await expect(plan()).toContainText(/At [\d.]+ [MGk]?bit\/s, as transfer 1 to 2 machines of lab-a on/);
  await expect(plan()).toContainText("transfer 1 (course), still owed to 3");
  await screens(page, "send-measured");
  await expect(button(), "a long plan does not push the button out of sight").toBeInViewport({ ratio: 1 });
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(button(), "nor does a phone").toBeInViewport({ ratio: 1 });
  await plan().scrollIntoViewIfNeeded();
  expect(await overhangs(page)).toEqual([]);
  await page.screenshot({ path: test.info().outputPath("plan-phone.png") });
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.getByRole("button", { name: "Clear" }).click();
});

test("several groups are one plan, and one that nobody is in says so", async () => {
  await page.getByText("On the server", { exact: true }).click();
  await page.getByLabel("Files and folders on the server").fill(join(source, "exam.qcow2"));
  await group("lab-b").check();
  await expect(plan()).toContainText("lab-a");
  await expect(plan()).toContainText("lab-b");
  await expect(page.getByText("1 file, 3 MB, on the server")).toBeVisible();
  await expect(button()).toHaveText("Send to 4 machines");
  await screens(page, "send-groups");
  await group("nobody-yet").check();
  await expect(button()).toBeDisabled();
  await expect(button()).toHaveAccessibleDescription("Nobody is in nobody-yet: add members first, or hold it.");
  await group("nobody-yet").uncheck();
  await page.getByLabel("Files and folders on the server").fill("/etc/passwd");
  await expect(plan().getByRole("alert")).toContainText("Over the network what lies below");
  await expect(button()).toBeDisabled();
  await screens(page, "send-refused");
  await page.getByLabel("Files and folders on the server").fill(join(source, "exam.qcow2"));
  await expect(button()).toBeEnabled();
});

test("by keyboard alone; and the machine that gets room is ready at once", async () => {
  await full.kill();
  await full.start();
  await expect(plan()).toContainText("3 ready");
  await page.getByRole("heading", { level: 1, name: "Send" }).focus();
  for (let n = 0; n < 30 && !(await button().evaluate((b) => b === document.activeElement)); n++)
    await page.keyboard.press("Tab");
  await expect(button()).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "exam.qcow2" })).toBeVisible({ timeout: 30_000 });
  expect(world.run(["transfer", "list", "--json"]).match(/"name": "exam.qcow2"/g)).toHaveLength(2);
});

test("no screen hangs out or keeps anybody out", () => {
  expect(findings).toEqual([]);
});
