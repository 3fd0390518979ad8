// How wide the window is: below this a row of a list is told in lines instead of columns.
const narrow = matchMedia("(max-width: 640px)");

export const screen = $state({ narrow: narrow.matches });

narrow.addEventListener("change", (e) => (screen.narrow = e.matches));
