// The OpenAPI document as examples: a body for each call, and the command that makes it.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  description?: string;
  contentEncoding?: string;
  additionalProperties?: boolean | Schema;
}
export interface Parameter {
  name: string;
  in: string;
  description?: string;
  schema?: Schema;
  required?: boolean;
}
interface Content {
  content?: Record<string, { schema?: Schema }>;
}
export interface ProblemKind {
  code: string;
  status: number;
  title: string;
  do: string;
}
interface Operation {
  summary?: string;
  description?: string;
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: Content;
  responses?: Record<string, Content>;
  "x-groupcast-access"?: string;
}
export interface Doc {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
  "x-groupcast-problems"?: ProblemKind[];
}
export interface Call {
  id: string;
  method: string;
  path: string;
  summary: string;
  about: string;
  access: string;
  parameters: Parameter[];
  body?: Schema;
  answer?: Schema;
  raw: boolean;
}

const methods = ["get", "post", "put", "patch", "delete"];

export function calls(doc: Doc): Call[] {
  return Object.entries(doc.paths).flatMap(([path, of]) =>
    methods.filter((m) => of[m]).map((m) => call(path, m, of[m]!)),
  );
}

function call(path: string, method: string, op: Operation): Call {
  const body = op.requestBody?.content ?? {};
  const answer = Object.entries(op.responses ?? {}).find(([status]) => status.startsWith("2"))?.[1].content ?? {};
  return {
    id: op.operationId ?? method + path,
    method: method.toUpperCase(),
    path,
    summary: op.summary ?? "",
    about: op.description ?? "",
    access: op["x-groupcast-access"] ?? "",
    parameters: op.parameters ?? [],
    body: body["application/json"]?.schema,
    answer: answer["application/json"]?.schema,
    raw: path.endsWith("/data"), // the document does not describe a body of bytes
  };
}

/** Who may make a call, in words. */
export const who: Record<string, string> = {
  open: "Anybody: it is made before a login.",
  anyone: "Every token.",
  agent: "A receiver's own token, no other.",
  relay: "The token of a relay, no other.",
  user: "Every user, for what is their own.",
  admin: "Administrators.",
};

// What reads better than a bare "string".
const words: Record<string, unknown> = {
  name: "lab-a",
  group: "lab-a",
  user: "mia",
  password: "a long password",
  role: "member",
  new_devices: "allow",
  description: "Room 12",
  text: "from room 12",
  state: "open",
  paths: ["/srv/images/exam.iso"],
  path: "course/notes.txt",
  via: "auto",
  device: "pc-07",
  kind: "file",
  size: 1200,
  offset: 0,
  mode: 420,
  keep_ns: 2592000e9,
  no: 1,
  id: "ID",
  limit: 100,
  from: 0,
  old: "the password so far",
  new: "a longer password",
  token: "TOKEN",
  count: 8,
  first: 0,
  entries: undefined,
  transfer: 1,
};
const optional = new Set(["address", "upload", "copy", "rate", "hold", "unlisted", "target", "disabled"]);
const deepest = 5;

/** An example of what a schema describes; what is optional and unusual is left out. */
export function example(doc: Doc, s: Schema | undefined, name = "", depth = 0): unknown {
  if (!s || depth > deepest) return null;
  if (s.$ref) return example(doc, doc.components.schemas[s.$ref.split("/").pop()!], name, depth + 1);
  const type = Array.isArray(s.type) ? s.type.find((t) => t !== "null") : s.type;
  if (s.enum?.length) return s.enum[0];
  if (type !== "object" && words[name] !== undefined) return words[name];
  switch (type) {
    case "object":
      return Object.fromEntries(
        Object.entries(s.properties ?? {})
          .filter(([n]) => n !== "$schema" && (s.required?.includes(n) || !optional.has(n)))
          .map(([n, of]) => [n, example(doc, of, n, depth + 1)]),
      );
    case "array":
      return [example(doc, s.items, name, depth + 1)];
    case "integer":
    case "number":
      return 0;
    case "boolean":
      return name === "now";
    case "string":
      return s.format === "date-time" ? "2026-11-23T08:00:00Z" : s.contentEncoding ? "BASE64" : name.toUpperCase();
    default:
      return null;
  }
}

function filled(path: string): string {
  return path.replace(/\{(\w+)\}/g, (_, n: string) => String(words[n] ?? n));
}

/** The call as a command. Query parameters that may be left out are left out. */
export function curl(doc: Doc, c: Call, origin: string): string {
  const query = c.parameters
    .filter((p) => p.in === "query" && p.required)
    .map((p) => `${p.name}=${encodeURIComponent(String(words[p.name] ?? p.name))}`)
    .join("&");
  const lines = [`curl --cacert ca.pem${c.access === "open" ? "" : ' -H "Authorization: Bearer $TOKEN"'}`];
  if (c.method !== "GET") lines.push(`-X ${c.method}`);
  if (c.body)
    lines.push(
      "-H 'Content-Type: application/json'",
      `-d '${JSON.stringify(example(doc, c.body)).replaceAll("'", "'\\''")}'`,
    );
  if (c.raw) lines.push("-H 'Content-Type: application/octet-stream'", "--data-binary @notes.txt");
  if (c.path.endsWith("/backup")) lines.push("-o groupcast-backup.tar");
  if (c.path.endsWith("/events")) lines[0] = lines[0]!.replace("curl", "curl -N");
  lines.push(`'${origin}${filled(c.path)}${query ? `?${query}` : ""}'`);
  return lines.join(" \\\n  ");
}

export const topics = [
  "Logging in",
  "Groups and join requests",
  "Users and devices",
  "Transfers",
  "Uploads",
  "The server",
  "A member's own",
  "For receivers' programs",
];
const about: Record<string, number> = {
  login: 0,
  logout: 0,
  web: 0,
  setup: 0,
  groups: 1,
  requests: 1,
  users: 2,
  devices: 2,
  transfers: 3,
  pending: 3,
  uploads: 4,
  me: 6,
  my: 6,
  offers: 6,
  password: 6,
  agent: 7,
};

/** What the call is about, by the first word of its path. */
export function topic(c: Call): string {
  return topics[about[c.path.split("/")[3] ?? ""] ?? 5]!;
}
