// An upload in the browser: pieces of 4 MiB, resumed where the server's copy ends. Its ID is
// remembered, so that after a reload the same files, picked again, go on instead of starting over.
import { api, ApiError } from "../api/client";
import { name, whyLeftOut } from "./format";
import { texts } from "../texts";
import { session } from "./session.svelte";
import type { LeftOut, Upload, UploadEntry } from "../api/types";

const piece = 4 << 20;
const key = "upload";

/** A file, or, without one, an empty folder. */
export interface Picked {
  path: string;
  file?: File;
}
export const uploading = $state({
  total: 0,
  sent: 0,
  running: false,
  away: false, // the sign-in is over: it goes on once the same person is back
  error: "",
  id: "",
  done: false,
});
let stop: AbortController | undefined;

// Each tab may upload: all that were begun in this browser and are not through are remembered.
const most = 20;
function begun(): string[] {
  const text = localStorage.getItem(key) ?? "";
  try {
    const ids: unknown = text.startsWith("[") ? JSON.parse(text) : text ? [text] : [];
    return Array.isArray(ids) ? ids.filter((x) => typeof x === "string") : [];
  } catch {
    return [];
  }
}
function remember(id: string): void {
  localStorage.setItem(key, JSON.stringify([id, ...begun().filter((x) => x !== id)].slice(0, most)));
}

/** Forgets an upload: it became a transfer, or nobody wants it. */
export function forget(id: string): void {
  localStorage.setItem(key, JSON.stringify(begun().filter((x) => x !== id)));
  if (uploading.id === id)
    Object.assign(uploading, { total: 0, sent: 0, running: false, error: "", id: "", done: false });
}

// An upload that runs is held by its tab: no other goes on with it or shows it as unfinished.
const held = (id: string) => `upload ${id}`;
async function isHeld(id: string): Promise<boolean> {
  const all = await navigator.locks?.query().catch(() => undefined);
  return all?.held?.some((x) => x.name === held(id)) ?? false;
}
async function holding<T>(id: string, run: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(held(id), run) : run();
}

/** What an earlier visit left unfinished and no tab is at: the first that is wanted. */
export async function unfinished(wanted: (u: Upload) => boolean = () => true): Promise<Upload | undefined> {
  for (const id of begun()) {
    if (await isHeld(id)) continue;
    try {
      const u = await api.upload(id);
      if (wanted(u)) return u;
    } catch (e) {
      if (e instanceof ApiError && e.status === 404) forget(id); // else the server is away for now
    }
  }
  return undefined;
}

export function sizeOf(files: Picked[]): number {
  return files.reduce((sum, f) => sum + (f.file?.size ?? 0), 0);
}

// A browser sees neither permissions nor symbolic links: what it sends are ordinary files.
export function declared(files: Picked[]): UploadEntry[] {
  const now = new Date().toISOString();
  return files.map(({ path, file }) =>
    file
      ? {
          path,
          kind: "file",
          size: file.size,
          offset: 0,
          mode: 0o644,
          mtime: new Date(file.lastModified).toISOString(),
        }
      : { path, kind: "folder", size: 0, offset: 0, mode: 0o755, mtime: now },
  );
}

// The same files, unchanged since: half of an old version and half of a new one is neither.
function same(u: Upload, files: Picked[]): boolean {
  const have = new Map((u.entries ?? []).map((x) => [x.path, x]));
  return (
    have.size === files.length &&
    files.every(({ path, file }) => {
      const x = have.get(path);
      return (
        x !== undefined &&
        (file
          ? x.kind === "file" && x.size === file.size && Date.parse(x.mtime) === file.lastModified
          : x.kind === "folder")
      );
    })
  );
}

/** What is picked and cannot be sent, or is excluded by a pattern, and the rest. The server judges
 *  names and patterns; whether a file can be read only this browser knows. */
export async function sift(files: Picked[], exclude: string[]): Promise<{ rest: Picked[]; left: LeftOut[] }> {
  const left = await api.checkUpload(declared(files), exclude);
  const out = new Set(left.map((x) => x.path));
  const rest: Picked[] = [];
  const some = 32;
  for (let i = 0; i < files.length; i += some) {
    const now = files.slice(i, i + some).filter((f) => !out.has(f.path));
    const bad = await Promise.all(now.map((f) => unreadable(f.file)));
    now.forEach((f, n) => (bad[n] ? left.push({ path: f.path, ...bad[n] }) : rest.push(f)));
  }
  return { rest, left };
}

async function unreadable(file: File | undefined): Promise<{ why: string; detail?: string } | undefined> {
  if (!file?.size) return undefined;
  try {
    await file.slice(0, 1).arrayBuffer();
    return undefined;
  } catch (e) {
    return cause(e);
  }
}

// What a browser says of a file that it cannot read.
function cause(e: unknown): { why: string; detail?: string } {
  const kind = e instanceof DOMException ? e.name : "";
  if (kind === "NotFoundError") return { why: "unreadable", detail: texts.upload.gone };
  if (kind === "NotReadableError") return { why: "unreadable", detail: texts.upload.notReadable };
  return { why: "unreadable", detail: e instanceof Error ? e.message : String(e) };
}

/** Uploads the files and gives the upload's ID. */
export async function upload(files: Picked[]): Promise<string> {
  const u = (await unfinished((x) => same(x, files))) ?? (await api.createUpload(declared(files)));
  remember(u.id);
  return holding(u.id, () => send(u, files));
}

// Leaving the page breaks an upload off: it asks first.
function asks(e: BeforeUnloadEvent): void {
  e.preventDefault();
}

async function send(u: Upload, files: Picked[]): Promise<string> {
  Object.assign(uploading, {
    total: sizeOf(files),
    sent: (u.entries ?? []).reduce((s, x) => s + x.offset, 0),
    running: true,
    error: "",
    id: u.id,
    done: false,
  });
  stop = new AbortController();
  window.addEventListener("beforeunload", asks);
  try {
    for (const f of files)
      if (f.file)
        await uploadFile(u.id, f.path, f.file, u.entries?.find((x) => x.path === f.path)?.offset ?? 0, stop.signal);
    uploading.done = true;
    return u.id;
  } catch (e) {
    uploading.error = stop.signal.aborted ? texts.upload.stopped : e instanceof Error ? e.message : String(e);
    throw e;
  } finally {
    window.removeEventListener("beforeunload", asks);
    uploading.running = false;
  }
}

const attempts = 8; // half a minute without a byte

async function uploadFile(id: string, path: string, file: File, offset: number, signal: AbortSignal): Promise<void> {
  const who = session.me?.user.id;
  for (let tries = 0; offset < file.size;) {
    try {
      if (tries > 0) {
        await pause(Math.min(8000, 250 * 2 ** tries), signal);
        const have = (await api.upload(id)).entries?.find((x) => x.path === path)?.offset ?? offset;
        uploading.sent += have - offset;
        offset = have;
      }
      const end = Math.min(offset + piece, file.size);
      if (offset < end) await api.uploadData(id, path, offset, file.slice(offset, end), signal);
      uploading.sent += end - offset;
      offset = end;
      tries = 0;
    } catch (e) {
      if (!signal.aborted && who && e instanceof ApiError && e.status === 401) {
        await signedInAgain(who, signal);
        tries = Math.max(tries, 1); // what the server has is asked first
        continue;
      }
      if (signal.aborted || final(e) || ++tries > attempts) throw e;
      const bad = await unreadable(file); // a browser does not tell it from a lost connection
      if (bad) throw new Error(texts.upload.pickAgain(name(path), whyLeftOut(bad)), { cause: e });
    }
  }
}

// The sign-in ended in the middle of it: the same person signs in again in this tab, and it goes on.
async function signedInAgain(who: string, signal: AbortSignal): Promise<void> {
  uploading.away = true;
  try {
    do await pause(500, signal);
    while (!session.me || session.over);
  } finally {
    uploading.away = false;
  }
  if (session.me.user.id !== who) throw new ApiError(401, "unauthorized", texts.upload.anotherPerson);
}

// What another try will not change.
function final(e: unknown): boolean {
  return e instanceof ApiError && e.status !== 409 && e.status !== 0 && e.status < 500;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
  signal.throwIfAborted();
}

export function cancelUpload(): void {
  stop?.abort();
}

/** The files of a drop, folders walked; a folder with nothing in it is kept as a folder. What
 *  cannot be looked at is named with its reason. */
export async function dropped(items: DataTransferItemList): Promise<{ files: Picked[]; bad: LeftOut[] }> {
  const roots = [...items].map((i) => i.webkitGetAsEntry()).filter((x) => x !== null);
  const files: Picked[] = [];
  const bad: LeftOut[] = [];
  for (const r of roots) await walk(r, "", files, bad);
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), bad };
}

async function walk(entry: FileSystemEntry, above: string, out: Picked[], bad: LeftOut[]): Promise<void> {
  const path = above + entry.name;
  try {
    if (entry.isFile) {
      out.push({ path, file: await new Promise<File>((ok, no) => (entry as FileSystemFileEntry).file(ok, no)) });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (let empty = true; ; empty = false) {
      const some = await new Promise<FileSystemEntry[]>((ok, no) => reader.readEntries(ok, no));
      if (some.length === 0) {
        if (empty) out.push({ path });
        return;
      }
      for (const x of some) await walk(x, `${path}/`, out, bad);
    }
  } catch (e) {
    // Bytes that are not UTF-8 come as no name at all.
    bad.push(entry.name ? { path, ...cause(e) } : { path: `${above}\ufffd`, why: "name", detail: texts.upload.noName });
  }
}
