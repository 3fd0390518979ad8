// Pictures on canvases do not follow the style sheet: whoever draws one reads theme() in its
// effect and is drawn anew when the colours change.
let turns = $state(0);

const change = () => {
  turns++;
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", change);
new MutationObserver(change).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

export function theme(): number {
  return turns;
}
