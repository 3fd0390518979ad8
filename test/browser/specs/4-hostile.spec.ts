// Other web origins and hostile names: neither gets anything done, neither runs.
import { createServer as plain } from "node:http";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, expect, type BrowserContext, type Page } from "@playwright/test";
import { Guard } from "../lib/guard.ts";
import { Stranger } from "../lib/origin.ts";
import { World, password } from "../lib/world.ts";

test.describe.configure({ mode: "serial" });

let world: World;
let strangers: Record<string, Stranger>;
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
  world = await new World().start();
  world.user("root", "admin");
  world.user("mia");
  world.run(["group", "create", "lab-a"]);
  const own = (name: string) => readFileSync(join(world.home, "server", name), "utf8");
  strangers = {
    "another site": await new Stranger().start(),
    "another port of the same site": await new Stranger().start({ key: own("tls.key"), cert: own("tls.pem") }),
  };
  context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  await page.goto(world.url);
  await page.getByLabel("Login ID").fill("root");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
});

test.afterAll(async () => {
  await context?.close();
  for (const s of Object.values(strangers ?? {})) await s.end();
  await world?.end();
});

const groups = () => (JSON.parse(world.run(["group", "list", "--json"])) as { name: string }[]).map((g) => g.name);
const members = () =>
  (JSON.parse(world.run(["member", "list", "lab-a", "--json"])) as { user: string }[]).map((m) => m.user);

/** Opens the stranger's page in the browser that is signed in. */
async function visit(stranger: Stranger, markup: string): Promise<Page> {
  stranger.shows(markup);
  const tab = await context.newPage();
  await tab.goto(stranger.url);
  return tab;
}

test("the cookie is there, and it works from the server's own page only", async () => {
  expect((await context.cookies(world.url)).map((c) => c.name)).toContain("__Host-gc");
  expect(await page.evaluate(async () => (await fetch("/api/v1/groups")).status)).toBe(200);
});

for (const from of ["another site", "another port of the same site"]) {
  for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
    test(`a form of ${from} makes nothing (${type})`, async () => {
      const tab = await visit(
        strangers[from]!,
        `<form method="post" action="${world.url}/api/v1/groups" enctype="${type}">` +
          `<input name='{"name":"forged","description":"' value='"}'></form>`,
      );
      const answer = tab.waitForResponse((r) => r.url().endsWith("/api/v1/groups"));
      await tab.evaluate(() => document.forms[0]!.submit());
      expect((await answer).status()).toBeGreaterThanOrEqual(400);
      const sent = await (await answer).request().headerValue("cookie");
      expect(Boolean(sent?.includes("__Host-gc")), "the cookie travels within the site").toBe(from !== "another site");
      expect(groups()).toEqual(["lab-a"]);
      await tab.close();
    });
  }

  test(`requests with credentials from ${from} do nothing and read nothing`, async () => {
    const tab = await visit(strangers[from]!, "<p>elsewhere</p>");
    const told = await tab.evaluate(async (url) => {
      const body = JSON.stringify({ name: "forged" });
      const tries: Record<string, RequestInit> = {
        read: {},
        json: { method: "POST", body, headers: { "Content-Type": "application/json" } },
        plain: { method: "POST", body, headers: { "Content-Type": "text/plain" } },
        blind: { method: "POST", body, mode: "no-cors" },
        put: { method: "PUT", body: "{}" },
        delete: { method: "DELETE" },
      };
      const paths: Record<string, string> = { put: "/groups/lab-a/members/mia", delete: "/groups/lab-a" };
      const out: Record<string, string> = {};
      for (const [what, init] of Object.entries(tries)) {
        out[what] = await fetch(`${url}/api/v1${paths[what] ?? "/groups"}`, { credentials: "include", ...init }).then(
          (r) => (r.type === "opaque" ? "opaque" : `read ${r.status}`),
          () => "refused",
        );
      }
      const events = new EventSource(`${url}/api/v1/events`, { withCredentials: true });
      out.events = await new Promise<string>((ok) => {
        events.onopen = () => ok("open");
        events.onerror = () => ok("refused");
      });
      events.close();
      return out;
    }, world.url);
    expect(told).toEqual({
      read: "refused",
      json: "refused",
      plain: "refused",
      blind: expect.stringMatching(/opaque|refused/),
      put: "refused",
      delete: "refused",
      events: "refused",
    });
    expect(groups()).toEqual(["lab-a"]);
    expect(members()).toEqual([]);
    await tab.close();
  });

  test(`pictures, scripts and frames of ${from} get nothing`, async () => {
    const tab = await visit(
      strangers[from]!,
      `<img src="${world.url}/icon.svg"><img src="${world.url}/api/v1/groups">` +
        `<script src="${world.url}/api/v1/groups"></script><iframe src="${world.url}/"></iframe>`,
    );
    await tab.waitForLoadState("load");
    expect(await tab.evaluate(() => [...document.images].map((i) => i.naturalWidth))).toEqual([0, 0]);
    // The frame holds the browser's own error page: nothing of the server's.
    const framed = tab.frames().find((f) => f !== tab.mainFrame())!;
    expect(await framed.evaluate(() => document.body?.innerText ?? "").catch(() => "")).not.toContain("groupcast");
    expect(groups()).toEqual(["lab-a"]);
    await tab.close();
  });

  test(`a window of ${from} has no way into an opened page`, async () => {
    const tab = await visit(strangers[from]!, "<p>elsewhere</p>");
    const opened = context.waitForEvent("page");
    await tab.evaluate((url) => Object.assign(window, { w: window.open(url) }), world.url);
    const own = await opened;
    await expect(
      own.getByRole("button", { name: "Sign in" }).or(own.getByRole("heading", { level: 1, name: "Overview" })),
    ).toBeVisible();
    expect(await tab.evaluate(() => (window as unknown as { w: Window }).w.closed)).toBe(true); // cut off by COOP
    await own.close();
    await tab.close();
  });
}

const bomb = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>"'\`{{hit=1}}`;

test("names that are markup stay text on every page", async () => {
  const guard = new Guard(context, () => [world.url]);
  const tab = await context.newPage();
  await tab.goto(world.url);
  world.run(["group", "create", "lab-b", "--description", bomb]);
  const mia = world.receiver("mia", `${bomb.slice(0, 40)}`).join("lab-a", bomb);
  const folder = join(world.dir, "course");
  mkdirSync(folder);
  writeFileSync(join(folder, bomb.replaceAll("/", "|")), "x");
  world.run(["member", "add", "lab-b", "mia"]);
  world.run(["pending", "add", "lab-b", folder]);
  for (const path of [
    "overview",
    "groups/lab-b",
    "groups/lab-a",
    "requests",
    "machines",
    "people",
    "transfers",
    "transfers/1",
    "pending",
    "audit",
    "send",
  ]) {
    await tab.goto(`${world.url}/#/${path}`);
    await expect(tab.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(tab.locator("[aria-busy=true]")).toHaveCount(0);
  }
  await tab.goto(`${world.url}/#/requests`);
  await expect(tab.getByText(`“${bomb}”`)).toBeVisible();
  await tab.goto(`${world.url}/#/transfers/1`);
  await tab.getByText("Files, report and proof").click();
  await expect(tab.getByText(bomb.replaceAll("/", "|"))).toBeVisible();
  expect(await tab.evaluate(() => (window as unknown as { hit?: number }).hit)).toBeUndefined();
  expect(mia.user).toBe("mia");
  await tab.close();
  guard.check();
});

test("a script that got into the page would not run, nor call out", async () => {
  const calls: string[] = [];
  const outside = plain((req, res) => {
    calls.push(req.url ?? "");
    res.end();
  });
  await new Promise<void>((ok) => outside.listen(0, "127.0.0.1", ok));
  const address = `http://127.0.0.1:${(outside.address() as { port: number }).port}`;
  const ran = await page.evaluate(async (to) => {
    const script = document.createElement("script");
    try {
      script.textContent = "window.hit = 1";
    } catch {
      /* Trusted Types threw */
    }
    document.body.append(script);
    const link = Object.assign(document.createElement("a"), { href: "javascript:window.hit=2" });
    document.body.append(link);
    link.click();
    for (const x of [
      Object.assign(new Image(), { src: `${to}/image` }),
      Object.assign(document.createElement("iframe"), { src: `${to}/frame` }),
    ])
      document.body.append(x);
    const form = Object.assign(document.createElement("form"), { action: `${to}/form`, method: "post" });
    document.body.append(form);
    form.requestSubmit();
    await fetch(`${to}/fetch`).catch(() => undefined);
    navigator.sendBeacon(`${to}/beacon`);
    await new Promise((r) => setTimeout(r, 300));
    return (window as unknown as { hit?: number }).hit ?? 0;
  }, address);
  expect(ran).toBe(0);
  expect(calls).toEqual([]);
  outside.close();
  outside.closeAllConnections();
});
