import { defineConfig } from "vite";
import { svelte } from "@sveltejs/vite-plugin-svelte";

// One bundle, no inline script or style: the server's CSP allows neither.
export default defineConfig({
  plugins: [svelte()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
