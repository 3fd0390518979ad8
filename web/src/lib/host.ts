// Where other machines reach the server: what stands in this browser's address bar, unless it means this machine only.

const own = (host: string) => /^(localhost|127\.|\[::1\])/.test(host);

/** HOST:PORT for a command on another machine. */
export function hostFor(here: string, addresses: readonly string[]): string {
  if (!own(here)) return here;
  const hosts = addresses.map((a) => a.replace(/^https:\/\//, ""));
  return hosts.find((h) => !own(h)) ?? here;
}
