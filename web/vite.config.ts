import { defineConfig } from "vitest/config";
import { svelte } from "@sveltejs/vite-plugin-svelte";

// One bundle, no inline script or style: the server's CSP allows neither.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // Tests run in Node, with a browser's surroundings of happy-dom: Svelte's code for browsers, not for servers.
  resolve: mode === "test" ? { conditions: ["browser"] } : {},
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    restoreMocks: true,
    unstubGlobals: true,
    env: { TZ: "UTC" },
    coverage: {
      include: ["src/**/*.ts"],
      exclude: ["src/main.ts", "src/api/schema.ts", "src/api/types.ts", "src/test/**"],
      reporter: ["text"],
    },
  },
}));
