// The page of the API: found, read and sent for real, by keyboard, on a phone, in the dark.
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
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
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

const result = () => page.getByRole("region", { name: "Answer" });

async function open(id: string): Promise<void> {
  await page.goto(`${world.url}/#/api/${id}`);
  await expect(page.getByRole("heading", { name: "Try it" })).toBeVisible();
}

test("how to begin, what holds for all calls, and every code", async () => {
  await page.goto(`${world.url}/#/api`);
  await expect(page.getByRole("heading", { name: "Problems" })).toBeVisible();
  await expect(page.getByRole("row", { name: /^key_reused 422/ })).toBeVisible();
  await screens(page, "api-start");
});

test("a group is created for real, by keyboard, once for its key", async () => {
  await page.getByPlaceholder(/^Search \d+ calls/).fill("create group");
  await page.getByRole("link", { name: "POST Create a group" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Create a group" })).toBeVisible();
  await page.getByRole("button", { name: "New key" }).click();
  await expect(page.getByText(/-H 'Idempotency-Key: [0-9a-f-]{36}'/)).toBeVisible();
  await page.getByRole("button", { name: "Send", exact: true }).focus();
  await page.keyboard.press("Enter");
  await expect(result()).toContainText(/^200.* ms · /);
  await expect(result()).toContainText('"name": "lab-a"');
  await expect(result()).toContainText(/ETag:\s*"/);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(result()).toContainText("Idempotency-Replayed:");
  await page.getByLabel("Body, as JSON").fill("{");
  await expect(page.getByText("This is not JSON yet.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Send", exact: true })).toBeDisabled();
  await page.getByLabel("Body, as JSON").fill('{"name": "lab-a"}');
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(result()).toContainText('"code": "key_reused"');
  await screens(page, "api-create");
});

test("a change on a version that is not the one is refused, and says which is", async () => {
  await open("update-group");
  await expect(page.getByText("Fill in name first.")).toBeVisible();
  await page.getByLabel("name", { exact: true }).fill("lab-a");
  await page.getByText("1 that may be left out").click();
  await page.getByLabel("If-Match").fill('"0000000000000000"');
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(result()).toContainText(/^412/);
  await expect(result()).toContainText('"code": "changed"');
});

test("a list goes on at its cursor", async () => {
  await open("audit");
  await page.getByText(/that may be left out/).click();
  await page.getByLabel("limit").fill("1");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(result()).toContainText(/X-Total-Count:\s*\d/);
  const first = await result().locator("pre").innerText();
  await page.getByRole("button", { name: "Next page" }).click();
  await expect(result().locator("pre")).not.toHaveText(first);
  await screens(page, "api-list");
});

test("what takes something away asks first", async () => {
  await open("delete-group");
  await page.getByLabel("name", { exact: true }).fill("lab-a");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("DELETE /api/v1/groups/lab-a is carried out");
  await page.keyboard.press("Escape");
  await expect(result()).toHaveCount(0);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await dialog.getByRole("button", { name: "Send it" }).click();
  await expect(result()).toContainText(/^204/);
});

test("on a phone the list and a call are a screen each", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${world.url}/#/api`);
  await page.getByPlaceholder(/^Search \d+ calls/).fill("list transfers");
  await page.getByRole("link", { name: "GET List transfers, newest first" }).click();
  await expect(page.getByRole("heading", { name: "Try it" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Calls" })).toBeHidden();
  await screens(page, "api-call");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("link", { name: "← All calls" }).click();
  await expect(page.getByRole("navigation", { name: "Calls" })).toBeVisible();
});

test("no page has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
