// The address bar as state: #/transfers/7?only=failed → ["transfers", "7"] and what stands after "?".
// A link from elsewhere may be anything: what is no encoding is taken as it stands.
function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// A path without "#" is what people type and other programs link to: it leads to the page of that name, if there is one.
if (/^https?:$/.test(location.protocol) && !["/", "/index.html"].includes(location.pathname))
  history.replaceState(null, "", `/#${location.pathname}`);

function parse(): { parts: string[]; query: URLSearchParams } {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { parts: path.split("/").filter(Boolean).map(plain), query: new URLSearchParams(query) };
}

export const route = $state(parse());

addEventListener("hashchange", () => {
  Object.assign(route, parse());
  scrollTo(0, 0);
  document.querySelector<HTMLElement>("main h1")?.focus();
});

export function link(...parts: (string | number)[]): string {
  return "#/" + parts.map((p) => encodeURIComponent(p)).join("/");
}

export function go(...parts: (string | number)[]): void {
  location.hash = link(...parts);
}
