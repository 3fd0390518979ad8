import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

// A text that prettier folds over several lines is one line in the page, as whoever looks for it there expects.
const unfold = {
  name: "unfold",
  markup: ({ content }) => ({
    code: content
      .split(/(<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>)/)
      .map((part) => (/^<s(cript|tyle)/.test(part) ? part : part.replace(/\s*\n\s*/g, " ")))
      .join("\n"),
  }),
};

export default { preprocess: [unfold, vitePreprocess()] };
