// A call of the API as a form: what is typed becomes a request, and the command that makes the same one.
import { example, type Call, type Doc, type Schema } from "./openapi";

/** What is typed, by the names of the parameters. Empty: left out. */
export interface Values {
  path: Record<string, string>;
  query: Record<string, string>;
  header: Record<string, string>;
  body: string;
}

export function blank(doc: Doc, c: Call): Values {
  return { path: {}, query: {}, header: {}, body: c.body ? JSON.stringify(example(doc, c.body), null, 2) : "" };
}

/** The path below the server's address. What is lacking stays as {name}. */
export function target(c: Call, v: Values): string {
  const path = c.path.replace(/\{(\w+)\}/g, (whole, n: string) => (v.path[n] ? encodeURIComponent(v.path[n]) : whole));
  const query = c.parameters
    .filter((p) => p.in === "query" && v.query[p.name])
    .map((p) => `${p.name}=${encodeURIComponent(v.query[p.name]!)}`);
  return query.length ? `${path}?${query.join("&")}` : path;
}

export function headers(c: Call, v: Values): Record<string, string> {
  const set = c.parameters.filter((p) => p.in === "header" && v.header[p.name]);
  const all = Object.fromEntries(set.map((p) => [p.name, v.header[p.name]!]));
  return c.body ? { ...all, "Content-Type": "application/json" } : all;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The same as a command. */
export function command(c: Call, v: Values, origin: string): string {
  const lines = [`curl --cacert ca.pem${c.access === "open" ? "" : ' -H "Authorization: Bearer $TOKEN"'}`];
  if (c.method !== "GET") lines.push(`-X ${c.method}`);
  for (const [name, value] of Object.entries(headers(c, v))) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (c.body) lines.push(`-d ${quoted(compact(v.body))}`);
  if (c.raw) lines.push("-H 'Content-Type: application/octet-stream'", "--data-binary @notes.txt");
  if (c.path.endsWith("/backup")) lines.push("-o groupcast-backup.tar");
  if (c.path.endsWith("/events")) lines[0] = lines[0]!.replace("curl", "curl -N");
  lines.push(quoted(origin + target(c, v)));
  return lines.join(" \\\n  ");
}

function compact(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return json.trim();
  }
}

/** The first parameter that is lacking, or "" if the request can be sent. */
export function lacking(c: Call, v: Values): string {
  const p = c.parameters.find((p) => (p.in === "path" || p.required) && !(p.in === "path" ? v.path : v.query)[p.name]);
  return p?.name ?? "";
}

export function isJSON(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether something is lost that cannot be had back. */
export function loses(c: Call): boolean {
  return (
    c.method === "DELETE" ||
    /(^|-)(cancel|drop|deny|logout|sign-out|leave|restore)(-|$)/.test(c.id) ||
    ["change-password", "confirm-memberships", "sign-in", "enter"].includes(c.id)
  );
}

/** Whether the page can send it: a token of a receiver, bytes of a file and endless answers are for other programs. */
export function sendable(c: Call): boolean {
  return c.access !== "agent" && !c.raw && !/\/(events|backup)$/.test(c.path);
}

const nameOf = (s: Schema): string => s.$ref?.split("/").pop() ?? "";
const follow = (doc: Doc, s: Schema): Schema => (s.$ref ? (doc.components.schemas[nameOf(s)] ?? {}) : s);
const bare = (s: Schema): string | undefined => (Array.isArray(s.type) ? s.type.find((t) => t !== "null") : s.type);

/** A type in a word: string, integer, Transfer, Device[]. */
export function typed(s: Schema | undefined): string {
  if (!s) return "";
  if (s.$ref) return nameOf(s);
  if (bare(s) === "array") return `${typed(s.items)}[]`;
  if (s.format === "date-time") return "date-time";
  if (bare(s) === "object" && typeof s.additionalProperties === "object") return `{ ${typed(s.additionalProperties)} }`;
  return bare(s) ?? "";
}

export interface Field {
  name: string;
  type: string;
  required: boolean;
  about: string;
  choices: string[];
  inner?: Schema; // of an object, or of the rows of a list
}

/** The fields of an object, or of the rows of a list. */
export function fields(doc: Doc, s: Schema | undefined): Field[] {
  if (!s) return [];
  const whole = follow(doc, s);
  if (bare(whole) === "array") return fields(doc, whole.items);
  return Object.entries(whole.properties ?? {})
    .filter(([name]) => name !== "$schema")
    .map(([name, of]) => {
      const row = bare(of) === "array" ? of.items : of;
      const inner = row && bare(follow(doc, row)) === "object" && follow(doc, row).properties ? row : undefined;
      return {
        name,
        type: typed(of),
        required: whole.required?.includes(name) ?? false,
        about: of.description ?? (of.$ref ? (follow(doc, of).description ?? "") : ""),
        choices: (of.enum ?? []).map(String),
        inner,
      };
    });
}

export interface Piece {
  text: string;
  kind: "" | "name" | "text" | "number" | "word";
}

/** JSON in pieces that have a colour each. */
export function pieces(json: string): Piece[] {
  const out: Piece[] = [];
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  let at = 0;
  for (const m of json.matchAll(token)) {
    if (m.index > at) out.push({ text: json.slice(at, m.index), kind: "" });
    const text = m[1] ?? m[0];
    out.push({ text, kind: m[1] ? (m[2] ? "name" : "text") : /^[tfn]/.test(m[0]) ? "word" : "number" });
    if (m[2]) out.push({ text: m[2], kind: "" });
    at = m.index + m[0].length;
  }
  if (at < json.length) out.push({ text: json.slice(at), kind: "" });
  return out;
}
