// A second web origin: what a hostile page could send with the administrator's cookie at hand.
import { createServer as plain, type RequestListener, type Server } from "node:http";
import { createServer as secure } from "node:https";
import type { AddressInfo } from "node:net";

export class Stranger {
  private server?: Server;
  private page = "";
  url = "";

  /** With a key it speaks HTTPS: another port of the same host and scheme is the same site to
   *  the browser, and the cookie travels. */
  async start(key?: { key: string; cert: string }): Promise<this> {
    const answer: RequestListener = (_, res) =>
      res
        .writeHead(200, { "Content-Type": "text/html; charset=utf-8" })
        .end(`<!doctype html><title>elsewhere</title>${this.page}`);
    this.server = key ? secure(key, answer) : plain(answer);
    await new Promise<void>((ok) => this.server!.listen(0, "127.0.0.1", ok));
    this.url = `${key ? "https" : "http"}://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
    return this;
  }

  /** Shows this markup from now on. */
  shows(markup: string): void {
    this.page = markup;
  }

  async end(): Promise<void> {
    await new Promise((ok) => this.server?.close(ok));
  }
}
