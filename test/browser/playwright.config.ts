import { defineConfig } from "@playwright/test";

// A real browser against a real server with real receivers on this machine. One worker: the
// files share one server, in the order of their names, as a person would use it.
export default defineConfig({
  testDir: "./specs",
  outputDir: "./results",
  workers: 1,
  retries: process.env.CI ? 1 : 0, // a loaded CI machine may stall a browser for seconds
  fullyParallel: false,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  globalTimeout: 30 * 60_000,
  use: {
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 860 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
      ],
    },
  },
});
