// Few rules, each of which finds faults rather than habits: prettier and the type check have the rest.
import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

const typed = { projectService: true, extraFileExtensions: [".svelte"] };

export default ts.config(
  { ignores: ["dist", "src/api/schema.ts"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["src/**/*.ts", "src/**/*.svelte"],
    plugins: { "@typescript-eslint": ts.plugin },
    languageOptions: { parser: ts.parser, parserOptions: typed },
    rules: {
      eqeqeq: "error",
      "no-self-assign": "error",
      "no-unsafe-finally": "error",
      "no-fallthrough": "error",
      "no-constant-condition": ["error", { checkLoops: false }],
      "max-lines": ["error", 500],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      // A promise that nobody waits for hides its error.
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    },
  },
  { files: ["src/texts/*.ts"], rules: { "max-lines": "off" } }, // a language is one file
  {
    files: ["src/**/*.svelte", "src/**/*.svelte.ts"],
    plugins: { svelte },
    rules: {
      "svelte/no-at-html-tags": "error", // names come from anybody
      "svelte/no-target-blank": "error",
      "svelte/require-each-key": "error",
      "svelte/no-dom-manipulating": "error",
      "svelte/no-reactive-reassign": "error",
      "svelte/no-unused-svelte-ignore": "error",
      "svelte/infinite-reactive-loop": "error",
    },
  },
  ...svelte.configs.base,
  {
    files: ["src/**/*.svelte", "src/**/*.svelte.ts"],
    languageOptions: { parserOptions: { ...typed, parser: ts.parser, svelteConfig } },
  },
);
