// A server and receivers of the real program in a folder of their own, on loopback.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const program = process.env.GROUPCAST_BIN ?? resolve(import.meta.dirname, "../../../bin/groupcast");
export const password = "correct horse battery";

function freePort(): Promise<number> {
  return new Promise((ok, bad) => {
    const s = createServer();
    s.on("error", bad);
    s.listen(0, "127.0.0.1", () => {
      const port = (s.address() as { port: number }).port;
      s.close(() => ok(port));
    });
  });
}

export async function until<T>(what: string, look: () => T | undefined | false, patience = 20_000): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    const found = look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: waited ${patience} ms`);
    await new Promise((r) => setTimeout(r, 50));
  }
}

export class Receiver {
  private process?: ChildProcess;
  said = "";
  constructor(
    readonly world: World,
    readonly user: string,
    readonly device: string,
    readonly drop: number,
  ) {}
  get home(): string {
    return join(this.world.dir, `home-${this.device}`);
  }
  get files(): string {
    return join(this.world.dir, `files-${this.device}`);
  }

  login(): this {
    this.world.run(
      [
        "login",
        this.world.url,
        "--user",
        this.user,
        "--trust",
        this.world.fingerprint,
        "--device",
        this.device,
        "--password-stdin",
      ],
      password + "\n",
      this.home,
    );
    return this;
  }
  join(group: string, text = ""): this {
    this.world.run(["join", group, ...(text ? ["--text", text] : [])], "", this.home);
    return this;
  }
  async start(...flags: string[]): Promise<this> {
    const p = spawn(
      program,
      ["--home", this.home, "receive", "--dir", this.files, "--reserve", "0", "--drop", String(this.drop), ...flags],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.process = p;
    p.stdout.on("data", (b) => (this.said += b));
    p.stderr.on("data", (b) => (this.said += b));
    await until(
      `${this.device} is active`,
      () => this.world.run(["device", "list", "--json"]).includes(`"${this.device}"`) && this.active(),
    );
    return this;
  }
  private active(): boolean {
    const list = JSON.parse(this.world.run(["device", "list", "--json"])) as { name: string; active: boolean }[];
    return list.some((d) => d.name === this.device && d.active);
  }
  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    const p = this.process;
    this.process = undefined;
    if (!p) return;
    const over = new Promise((ok) => p.once("exit", ok));
    p.kill("SIGKILL");
    await over;
  }
}

export class World {
  readonly dir = mkdtempSync(join(tmpdir(), "gcweb"));
  readonly receivers: Receiver[] = [];
  url = "";
  fingerprint = "";
  certificate = "";
  log = "";
  private server?: ChildProcess;
  private port = 0;

  get home(): string {
    return join(this.dir, "server");
  }

  async start(...flags: string[]): Promise<this> {
    mkdirSync(this.dir, { recursive: true });
    this.port ||= await freePort();
    this.url = `https://127.0.0.1:${this.port}`;
    const p = spawn(
      program,
      [
        "--home",
        this.home,
        "serve",
        "--listen",
        `127.0.0.1:${this.port}`,
        "--gather",
        "1s",
        "--gather-max",
        "2s",
        ...flags,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.server = p;
    let said = "";
    p.stdout.on("data", (b) => (said += b));
    p.stderr.on("data", (b) => (this.log += b));
    await until("the server starts", () => said.includes("Data:"));
    this.fingerprint = /Fingerprint: (\w+)/.exec(said)![1]!;
    this.certificate = /Certificate: (\w+)/.exec(said)![1]!;
    return this;
  }

  /** The one-time links: on this machine, from elsewhere. */
  async links(): Promise<string[]> {
    const file = join(this.home, "server", "first-admin-link");
    const text = await until("the one-time link", () => {
      try {
        return readFileSync(file, "utf8");
      } catch {
        return "";
      }
    });
    return text
      .split("\n")
      .filter((l) => l.startsWith("  http"))
      .map((l) => l.trim());
  }

  /** Runs a command to its end; codes are the exit codes that it may have. */
  run(args: string[], input = "", home = this.home, codes = [0]): string {
    const done = spawnSync(program, ["--home", home, ...args], { input, encoding: "utf8" });
    if (!codes.includes(done.status ?? -1))
      throw new Error(`groupcast ${args.join(" ")} ended with ${done.status}: ${done.stderr}`);
    return done.stdout;
  }

  user(name: string, role = "member"): void {
    this.run(["user", "add", name, "--role", role, "--password-stdin"], password + "\n");
  }

  receiver(user: string, device: string, drop = 0): Receiver {
    const r = new Receiver(this, user, device, drop).login();
    this.receivers.push(r);
    return r;
  }

  /** Stops the server; start brings it back on the same port. */
  async halt(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const p = this.server;
    this.server = undefined;
    if (!p) return;
    const over = new Promise((ok) => p.once("exit", ok));
    p.kill(signal);
    await over;
  }

  async end(): Promise<void> {
    for (const r of this.receivers) await r.kill();
    await this.halt();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
