// Every call of the document is drawn by the API page, with its form and its command.
import { flushSync, mount, unmount } from "svelte";
import { expect, it } from "vitest";
import ApiCall from "../parts/ApiCall.svelte";
import { calls, type Doc } from "./openapi";
import { sendable } from "./request";

const doc = Object.values(import.meta.glob<Doc>("../../openapi.json", { eager: true, import: "default" }))[0]!;

it.each(calls(doc).map((c) => [c.id, c] as const))("%s is drawn whole", (_, call) => {
  const target = document.createElement("div");
  const page = mount(ApiCall, { target, props: { doc, call } });
  flushSync();
  expect(target.querySelector("h2")?.textContent).toBe(call.summary);
  expect(!!target.querySelector("form")).toBe(sendable(call));
  expect(target.querySelector(".command pre")?.textContent).toContain(call.path.split("{")[0]);
  for (const p of call.parameters) expect(target.textContent, call.id).toContain(p.name);
  void unmount(page);
});
