// From `serve` to verified, by somebody who has never seen it: with what is on the screen, from the keyboard, and with
// the commands that the page shows. The time it takes is measured.
import { randomBytes } from "node:crypto";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { until } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

const program = process.env.GROUPCAST_BIN ?? resolve(import.meta.dirname, "../../../bin/groupcast");
const dir = mkdtempSync(join(tmpdir(), "gcnew"));
const file = join(dir, "welcome.pdf");
const content = randomBytes(3 << 20);
const started = Date.now();
const steps: string[] = [];
let looking = 0; // the time that the test itself takes for its pictures
let server: Terminal;
let machine: Terminal;
let context: BrowserContext;
let page: Page;
let guard: Guard;

/** A terminal with one program in it, as somebody sees it. */
class Terminal {
  said = "";
  private readonly process: ChildProcess;
  readonly over: Promise<number | null>;
  constructor(home: string, line: string) {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]!);
    expect(words.shift()).toBe("groupcast");
    const p = (this.process = spawn(program, ["--home", join(dir, home), ...words], { env: env(home) }));
    p.stdout!.on("data", (b) => (this.said += b));
    p.stderr!.on("data", (b) => (this.said += b));
    this.over = new Promise((ok) => p.once("exit", ok));
  }
  type(text: string): void {
    this.process.stdin!.end(text);
  }
  async end(): Promise<void> {
    this.process.kill("SIGTERM");
    await this.over;
  }
}

const env = (home: string) => ({ ...process.env, HOME: join(dir, home) });

const freePort = () =>
  new Promise<number>((ok) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address() as { port: number };
      s.close(() => ok(port));
    });
  });

async function picture(name: string): Promise<void> {
  const from = Date.now();
  await screens(page, `new-${name}`);
  looking += Date.now() - from;
}

function took(what: string): void {
  steps.push(`${((Date.now() - started - looking) / 1000).toFixed(1)} s  ${what}`);
}

test.beforeAll(async ({ browser }) => {
  for (const home of ["s", "m"]) mkdirSync(join(dir, home), { mode: 0o700 });
  writeFileSync(file, content);
  server = new Terminal("s", `groupcast serve --listen 127.0.0.1:${await freePort()} --gather 1s --gather-max 2s`);
  await until("the server says where to go", () => server.said.includes("Next:"));
  context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
  });
  guard = new Guard(context, () => [address(), origin()]);
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await machine?.end();
  await server?.end();
  rmSync(dir, { recursive: true, force: true });
});

test.afterEach(() => guard.check());

const address = () => /Address: +(\S+)/.exec(server.said)![1]!;
const link = () =>
  readFileSync(/link for a browser[^\n]*\n +(\S+)/.exec(server.said)![1]!, "utf8").match(/^ +(http:\S+)/m)![1]!;
let opened = "";
const origin = () => new URL((opened ||= link())).origin;

test("the page of the link shows what the terminal shows, and one types a name and a password", async () => {
  const compare = /show it: ([0-9a-f ]+)/.exec(server.said)![1]!;
  await page.goto((opened ||= link()));
  await expect(page.getByText(compare)).toBeVisible();
  await picture("1-set-up");
  await expect(page.getByLabel("Name of this server")).toBeFocused();
  await page.keyboard.type("Physics lab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab"); // the login ID stays
  await page.keyboard.type("a good password");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "admin administers Physics lab now" })).toBeVisible();
  expect(server.said).toContain((await page.locator("code.break").textContent())!);
  await picture("2-made");
  await expect(page.getByRole("link", { name: "Continue to the server" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "First steps with Physics lab" })).toBeVisible();
  expect(page.url()).toBe(`${address()}/#/overview`);
  await expect(page).toHaveTitle("Overview · Physics lab");
  took("signed in");
});

test("a group, an account: each with a word and Enter", async () => {
  await expect(page.getByLabel("Name of the group")).toBeFocused();
  await picture("3-group");
  await page.getByLabel("Name of the group").focus(); // the pictures took it
  await page.keyboard.type("room-204");
  await page.keyboard.press("Enter");
  await expect(page.getByText("it is in room-204 at once")).toBeVisible();
  await expect(page.getByLabel("Login ID")).toBeFocused();
  took("a group");
  await picture("4-account");
  await page.getByLabel("Login ID").focus();
  await page.keyboard.type("pc");
  await page.keyboard.press("Tab");
  await page.keyboard.type("another password");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Waiting for the first machine")).toBeVisible();
  took("an account");
  await picture("5-machines");
});

test("the commands of the page, as they stand, make a machine that appears by itself", async () => {
  const commands = (await page.locator(".copy pre").textContent())!.split("\n");
  expect(commands).toHaveLength(2);
  const login = new Terminal("m", `${commands[0]} --device pc-07 --password-stdin`);
  login.type("another password\n");
  expect(await login.over, login.said).toBe(0);
  expect(login.said).toContain("(Physics lab)");
  await expect(page.getByRole("link", { name: "pc-07" })).toBeVisible();
  await expect(page.getByText("now type groupcast receive there")).toBeVisible();
  await picture("6-logged-in");
  machine = new Terminal("m", `${commands[1]} --reserve 1M`);
  await expect(page.getByRole("button", { name: "Choose files" })).toBeVisible();
  took("a machine");
});

test("the first files are sent, and end verified", async () => {
  await expect(page.getByRole("button", { name: "Choose files" })).toBeFocused();
  await picture("7-send");
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose files" }).press("Enter");
  await (await chooser).setFiles(file);
  const send = page.getByRole("button", {
    name: "Send welcome.pdf to room-204",
  });
  await expect(send).toBeVisible();
  await picture("8-chosen");
  await send.press("Enter");
  await expect(page.getByText("welcome.pdf is on its way.").or(page.getByText("verified on 1 machine"))).toBeVisible();
  await expect(page.getByText("welcome.pdf is verified on 1 machine.")).toBeVisible({ timeout: 30_000 });
  took("verified");
  const got = join(dir, "m", "Groupcast", "room-204");
  expect(readdirSync(got)).toContain("welcome.pdf");
  expect(readFileSync(join(got, "welcome.pdf")).equals(content)).toBe(true);
  await picture("9-verified");
  console.log(["from serve to verified, without the time for pictures:", ...steps].join("\n  "));
  expect(Date.now() - started - looking).toBeLessThan(180_000);
});

test("the list is put away, and the link says that it was used", async () => {
  await page.getByRole("button", { name: "Put away" }).click();
  await expect(page.getByRole("region", { name: "First steps" })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByRole("region", { name: "First steps" })).toHaveCount(0);
  await page.goto("about:blank");
  await page.goto(opened);
  await expect(page.getByRole("heading", { name: "This link is of no use any more" })).toBeVisible();
  await picture("used");
  await page.getByRole("link", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});

test("no page has a serious barrier or hangs out of the window", () => {
  expect(findings).toEqual([]);
});
