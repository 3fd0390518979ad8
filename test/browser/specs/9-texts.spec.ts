// Every page in a language that no one speaks: its texts are in brackets and a third longer. What has none is in
// no file of texts, or comes from the server in English; what hangs out has no room for a longer language.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { overhangs } from "../lib/guard.ts";
import { findings, screens } from "../lib/screens.ts";
import { World, password } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

const web = resolve(import.meta.dirname, "../../../web");
const kinds: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

let world: World;
let built: string;

test.beforeAll(async () => {
  world = await new World().start("--max-rate", "80M");
  built = join(world.dir, "pseudo");
  const vite = join(web, "node_modules/.bin/vite");
  const made = spawnSync(vite, ["build", "--mode", "pseudo", "--outDir", built], { cwd: web, encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr || String(made.error));
  world.user("root", "admin");
  for (const user of ["mia", "noah", "zoe"]) world.user(user);
  for (const group of ["lab-a", "lab-b"]) world.run(["group", "create", group, "--description", "Rooms 1-2"]);
  await world.receiver("mia", "pc-mia").join("lab-a").start();
  world.receiver("noah", "pc-noah").join("lab-a", "12-14");
  world.receiver("zoe", "pc-zoe").join("lab-b");
  for (const who of ["mia", "noah"]) world.run(["request", "approve", "lab-a", who]);
  const file = join(world.dir, "exam-1.bin");
  writeFileSync(file, Buffer.alloc(2 << 20, 7));
  world.run(["send", "lab-a", file]); // one has it, one is away
  world.run(["pending", "add", "lab-b", file]); // held
});

test.afterAll(async () => world?.end());

/** The interface of the other build, before this world's server. */
async function open(context: BrowserContext): Promise<Page> {
  await context.route(
    (url) => url.origin === world.url && !url.pathname.startsWith("/api/"),
    async (route) => {
      const path = new URL(route.request().url()).pathname;
      const file = join(built, path === "/" ? "index.html" : path);
      if (!existsSync(file)) return route.continue();
      await route.fulfill({ body: readFileSync(file), contentType: kinds[extname(file)] ?? "image/svg+xml" });
    },
  );
  const page = await context.newPage();
  await page.goto(world.url);
  return page;
}

async function signIn(page: Page, user: string): Promise<void> {
  await page.locator("input[name=user]").fill(user);
  await page.locator("input[type=password]").fill(password);
  await page.keyboard.press("Enter");
  await expect(page.locator("nav")).toBeVisible();
}

// Fields whose values are names and numbers: of all others what the server says would be English.
const data =
  /^(name|user|device|group|groups|description|path|address|version|os|id|digest|root|actor|object|action|text|created_by|decided_by|server|server_id|interface|session|file|host|detail)$/;

/** Names that are on this server, the longest first. */
async function names(page: Page): Promise<string[]> {
  const lists = ["users", "devices", "groups", "transfers", "requests", "audit", "status", "me", "files?name=exam"];
  lists.push("welcome", "offers", "my/deliveries", "my/signins");
  const all = new Set([new URL(world.url).host, "groupcast", "Ctrl K"]);
  const collect = (x: unknown, key = ""): void => {
    if (typeof x === "string" && data.test(key)) all.add(x);
    else if (Array.isArray(x)) for (const y of x) collect(y, key);
    else if (typeof x === "object" && x) for (const [k, y] of Object.entries(x)) collect(y, k);
  };
  for (const list of lists) {
    const answer = await page.request.get(`${world.url}/api/v1/${list}`);
    if (answer.ok()) collect(await answer.json());
  }
  return [...all].filter((x) => x.length > 1).sort((a, b) => b.length - a.length);
}

/** What people see or hear on the page that is neither in brackets nor a name. */
function bare(page: Page, known: string[]): Promise<string[]> {
  return page.evaluate((known) => {
    const rest = (text: string): string => {
      for (let before = ""; before !== text;) [before, text] = [text, text.replace(/⟦[^⟦⟧]*⟧/g, " ")];
      for (const k of known) text = text.replaceAll(k, " ");
      text = text.replace(/\b[0-9a-f]{8,}\b/g, " "); // the beginning of a digest
      return text;
    };
    const found = new Set<string>();
    const look = (text: string | null, where: string): void => {
      if (text && /\p{L}/u.test(rest(text))) found.add(`${where}: ${text.trim().slice(0, 160)}`);
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = walker.nextNode(); n; n = walker.nextNode()) {
      const of = n.parentElement!;
      if (of.closest("code, pre, kbd, script, style, noscript") || !of.checkVisibility()) continue;
      look(n.textContent, of.tagName.toLowerCase());
    }
    for (const x of document.querySelectorAll("[title], [aria-label], [placeholder], [alt]"))
      for (const a of ["title", "aria-label", "placeholder", "alt"]) look(x.getAttribute(a), a);
    look(document.title, "the page's title");
    return [...found];
  }, known);
}

/** Goes through pages and says what is wrong on each. */
async function walk(page: Page, paths: string[], known: string[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const path of paths) {
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.goto(`${world.url}/#/${path}`);
    await expect(page.locator("main h1")).toBeVisible();
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    await page.evaluate(() => document.querySelectorAll("main details").forEach((d) => d.setAttribute("open", "")));
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    wrong.push(...(await bare(page, known)).map((x) => `${path}: ${x}`));
    await page.setViewportSize({ width: 390, height: 844 });
    wrong.push(...(await bare(page, known)).map((x) => `${path} on a phone: ${x}`));
    wrong.push(...(await overhangs(page)).map((x) => `${path}: ${x}`));
  }
  return [...new Set(wrong)];
}

test("no page has a word that is not in the texts, and none hangs out", async ({ browser }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: "reduce" });
  const page = await open(context);
  expect(await bare(page, await names(page))).toEqual([]); // the sign-in
  await signIn(page, "root");
  const known = await names(page);
  const paths =
    "overview transfers transfers/1 transfers/2 pending groups groups/lab-a requests people people/mia files files/exam " +
    "audit account nowhere send machines server";
  const devices = (await (await page.request.get(`${world.url}/api/v1/devices`)).json()) as { id: string }[];
  expect(await walk(page, [...paths.split(" "), `machines/${devices[0]!.id}`], known)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${world.url}/#/groups`);
  await page.locator("main button.primary").first().click();
  expect([...(await bare(page, known)), ...(await overhangs(page))]).toEqual([]);
  await context.close();
});

test("nor has what a receiver's person sees", async ({ browser }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, reducedMotion: "reduce" });
  const page = await open(context);
  await signIn(page, "mia");
  const known = await names(page);
  expect(await walk(page, ["mine", "joined", "account"], known)).toEqual([]);
  await context.close();
});

test("a browser that wants German gets it, and may be told otherwise", async ({ browser }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "de-AT" });
  const page = await context.newPage();
  await page.goto(world.url);
  await expect(page.getByRole("button", { name: "Anmelden" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await signIn(page, "root");
  await expect(page.getByRole("heading", { level: 1, name: "Übersicht" })).toBeVisible();
  await expect(page.getByText("Nichts zu tun: jeder bekommt von selbst", { exact: false }).first()).toBeVisible();
  for (const path of ["overview", "transfers/1", "machines", "people/mia"]) {
    await page.goto(`${world.url}/#/${path}`);
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    await screens(page, `de-${path.replace("/", "-")}`);
  }
  expect(findings).toEqual([]);
  await page.goto(`${world.url}/#/account`);
  await page.getByLabel("Sprache").selectOption("en");
  await expect(page.getByRole("heading", { name: "Change the password" })).toBeVisible();
  await page.getByLabel("Language").selectOption("");
  await expect(page.getByRole("heading", { name: "Passwort ändern" })).toBeVisible();
  await context.close();
});
