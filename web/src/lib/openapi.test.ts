import { describe, expect, it } from "vitest";
import { calls, curl, example, topic, topics, who, type Doc } from "./openapi";

// The server's own document, as it is in the tree.
const doc = Object.values(import.meta.glob<Doc>("../../openapi.json", { eager: true, import: "default" }))[0]!;
const all = calls(doc);
const call = (method: string, path: string) => all.find((c) => c.method === method && c.path === `/api/v1${path}`)!;

it("every call of the document has a topic, and words for who may make it", () => {
  expect(all.length).toBeGreaterThan(60);
  for (const c of all) {
    expect(topics).toContain(topic(c));
    expect(who, `${c.method} ${c.path}`).toHaveProperty(c.access);
    expect(c.summary, `${c.method} ${c.path}`).not.toBe("");
  }
});

it("every call's body and answer have an example", () => {
  for (const c of all) {
    if (c.body) expect(example(doc, c.body), c.id).not.toBeNull();
    if (c.answer) expect(example(doc, c.answer), c.id).not.toBeUndefined();
  }
});

it("a new group's example is one that the server takes: words of a list are words of that list", () => {
  expect(example(doc, call("POST", "/groups").body)).toMatchObject({ name: "lab-a", new_devices: "allow" });
});

describe("a call as a command", () => {
  const origin = "https://server:7440";

  it("has a token, a body and a path that is filled in", () => {
    const text = curl(doc, call("POST", "/groups/{name}/join"), origin);
    expect(text).toContain('-H "Authorization: Bearer $TOKEN"');
    expect(text).toContain("-X POST");
    expect(text).toContain(`-d '{"text":"from room 12"}'`);
    expect(text.split("\n").at(-1)!.trim()).toBe(`'${origin}/api/v1/groups/lab-a/join'`);
  });

  it("that is open has no token", () => {
    expect(
      curl(
        doc,
        all.find((c) => c.access === "open")!,
        origin,
      ),
    ).not.toContain("Authorization");
  });

  it("that uploads bytes takes them from a file", () => {
    const text = curl(
      doc,
      all.find((c) => c.raw)!,
      origin,
    );
    expect(text).toContain("--data-binary @notes.txt");
    expect(text).toContain("-H 'Content-Type: application/octet-stream'");
    expect(text).toContain("/uploads/ID/data?path=course%2Fnotes.txt'");
  });

  it("that streams is not buffered, and a backup is a file", () => {
    expect(curl(doc, call("GET", "/events"), origin)).toMatch(/^curl -N /);
    expect(
      curl(
        doc,
        all.find((c) => c.path.endsWith("/backup"))!,
        origin,
      ),
    ).toContain("-o groupcast-backup.tar");
  });

  it("cannot break out of its quotes", () => {
    const c = { ...call("POST", "/groups"), body: { type: "string", enum: ["it's"] } };
    expect(curl(doc, c, origin)).toContain(`-d '"it'\\''s"'`);
  });
});

it("a schema that contains itself ends", () => {
  const own = {
    paths: {},
    components: { schemas: { A: { type: "object", properties: { a: { $ref: "#/A" } }, required: ["a"] } } },
  };
  expect(JSON.stringify(example(own, { $ref: "#/A" }))).toBe('{"a":{"a":{"a":null}}}');
});

it.each<[string, object, unknown]>([
  ["list", { type: ["array", "null"], items: { type: "boolean" } }, [false]],
  ["now", { type: "boolean" }, true],
  ["at", { type: "string", format: "date-time" }, "2026-11-23T08:00:00Z"],
  ["key", { type: "string", contentEncoding: "base64" }, "BASE64"],
  ["other", { type: "string" }, "OTHER"],
  ["n", { type: "integer" }, 0],
  ["odd", {}, null],
])("an example of %s", (name, schema, value) => expect(example(doc, schema, name)).toEqual(value));
