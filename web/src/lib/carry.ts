// Carrying things with mouse, pen and finger. A finger picks up after a moment of rest: before, it scrolls.
// Native drag and drop knows no touch, and a library would bring its own keyboard: ours is the map's.

const start = 5; // pixels that a mouse moves before it carries
const rest = 220; // ms that a finger rests
const slack = 8; // pixels that a resting finger may move
const edge = 40; // pixels from the edge of a box where it begins to scroll
const fastest = 16; // pixels a frame

export interface Carried {
  what: string;
  x: number; // of the pointer
  y: number;
  over: Element | undefined; // what lies under it
}

export interface Carrier {
  /** What would be carried from here; undefined: nothing. */
  what: (from: Element) => string | undefined;
  /** What is scrolled when something is carried to its edge. */
  box: () => Element | undefined;
  /** It is carried; undefined: it is not any more. */
  carry: (c: Carried | undefined) => void;
  drop: (what: string, onto: Element | undefined) => void;
}

/** How fast to scroll for a pointer between two edges: 0 away from both. */
export function pull(at: number, from: number, to: number): number {
  if (to - from < 3 * edge) return 0;
  if (at < from + edge) return -fastest * Math.min(1, (from + edge - at) / edge);
  if (at > to - edge) return fastest * Math.min(1, (at - to + edge) / edge);
  return 0;
}

class Carrying {
  private what: string | undefined; // pressed, perhaps to be carried
  private pointer = -1;
  private going = false;
  private from = { x: 0, y: 0 };
  private at = { x: 0, y: 0 };
  private timer: ReturnType<typeof setTimeout> | undefined;
  private frame = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly by: Carrier,
  ) {}

  readonly down = (e: PointerEvent): void => {
    if (!e.isPrimary || e.button !== 0) return;
    this.what = this.by.what(e.target as Element);
    if (this.what === undefined) return;
    this.pointer = e.pointerId;
    this.from = this.at = { x: e.clientX, y: e.clientY };
    if (e.pointerType === "touch") this.timer = setTimeout(() => this.begin(), rest);
  };

  readonly move = (e: PointerEvent): void => {
    if (this.what === undefined || e.pointerId !== this.pointer) return;
    this.at = { x: e.clientX, y: e.clientY };
    const far = Math.hypot(this.at.x - this.from.x, this.at.y - this.from.y);
    if (this.going) this.tell();
    else if (this.timer !== undefined) {
      if (far > slack) this.end(); // it scrolls
    } else if (far > start) this.begin();
  };

  readonly up = (e: PointerEvent): void => {
    if (e.pointerId !== this.pointer) return;
    const what = this.going ? this.what : undefined;
    const onto = this.under();
    this.end();
    if (what === undefined) return;
    // The click that follows is a part of the drop.
    const swallow = (c: Event) => (c.preventDefault(), c.stopPropagation());
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
    this.by.drop(what, onto);
  };

  readonly stop = (e: Event): void => {
    if (this.going) e.preventDefault();
  };

  readonly escape = (e: KeyboardEvent): void => {
    if (e.key !== "Escape" || !this.going) return;
    e.preventDefault();
    e.stopPropagation();
    this.end();
  };

  readonly end = (): void => {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    if (this.going && this.root.hasPointerCapture(this.pointer)) this.root.releasePointerCapture(this.pointer);
    const was = this.going;
    this.timer = this.what = undefined;
    this.pointer = -1;
    this.going = false;
    if (was) this.by.carry(undefined);
  };

  private begin(): void {
    this.timer = undefined;
    this.going = true;
    this.root.setPointerCapture(this.pointer);
    getSelection()?.removeAllRanges();
    this.tell();
    this.scroll();
  }

  private under(): Element | undefined {
    return document.elementFromPoint(this.at.x, this.at.y) ?? undefined;
  }

  private tell(): void {
    this.by.carry({ what: this.what!, ...this.at, over: this.under() });
  }

  private scroll(): void {
    this.frame = requestAnimationFrame(() => {
      const r = this.by.box()?.getBoundingClientRect();
      if (r) {
        const x = pull(this.at.x, Math.max(0, r.left), Math.min(innerWidth, r.right));
        const y = pull(this.at.y, Math.max(0, r.top), Math.min(innerHeight, r.bottom));
        if (x || y) {
          this.by.box()?.scrollBy(x, y);
          this.tell();
        }
      }
      const page = pull(this.at.y, 0, innerHeight);
      if (page) scrollBy(0, page);
      this.scroll();
    });
  }
}

/** Lets what lies in root be carried; gives what ends that. */
export function carrying(root: HTMLElement, by: Carrier): () => void {
  const c = new Carrying(root, by);
  const still = new AbortController();
  const on = { signal: still.signal };
  root.addEventListener("pointerdown", c.down, on);
  root.addEventListener("pointermove", c.move, on);
  root.addEventListener("pointerup", c.up, on);
  root.addEventListener("pointercancel", c.end, on);
  root.addEventListener("touchmove", c.stop, { ...on, passive: false });
  root.addEventListener("contextmenu", c.stop, on);
  addEventListener("keydown", c.escape, { ...on, capture: true });
  return () => {
    c.end();
    still.abort();
  };
}
