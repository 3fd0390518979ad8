// The address bar as state: #/transfers/7 → ["transfers", "7"].
// A link from elsewhere may be anything: what is no encoding is taken as it stands.
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function parse(): string[] {
  return location.hash.replace(/^#\/?/, "").split("?")[0]!.split("/").filter(Boolean).map(plain);
}

export const route = $state({ parts: parse() });

addEventListener("hashchange", () => {
  route.parts = parse();
  scrollTo(0, 0);
  document.querySelector<HTMLElement>("main h1")?.focus();
});

export function link(...parts: (string | number)[]): string {
  return "#/" + parts.map((p) => encodeURIComponent(p)).join("/");
}

export function go(...parts: (string | number)[]): void {
  location.hash = link(...parts);
}
