// Who is signed in here.
import { api, ApiError, onRefused } from "../api/client";
import type { Me } from "../api/types";
import { texts } from "../texts";
import { connect, disconnect, refresh } from "./live.svelte";
import { name } from "./format";
import { forgetAll, say } from "./toast.svelte";

export const session = $state({
  me: undefined as Me | undefined,
  known: false,
  error: "",
  over: false, // the sign-in ended in mid-work: what is on the screen stays until somebody signs in again
  visit: 0, // grows when somebody else signs in: nothing of the one before may stay
});

/** What the server is called; "" as long as nobody is signed in. */
export const serverName = (): string => (session.me ? name(session.me.server) : "");

export async function find(): Promise<void> {
  const before = session.me;
  try {
    entered(await api.me());
    session.error = "";
  } catch (e) {
    if (e instanceof ApiError && e.status === 401) {
      if (session.me === before) session.me = undefined; // else somebody signed in meanwhile
    } else session.error = e instanceof Error ? e.message : String(e);
  }
  session.known = true;
}

export function entered(me: Me): void {
  if (session.me && session.me.user.id !== me.user.id) {
    session.visit++;
    forgetAll();
  }
  session.me = me;
  if (session.over) refresh(); // what is on the screen was not kept up meanwhile
  session.over = false;
  session.error = "";
  connect({ refused: () => void still(), back: () => void still() });
}

onRefused(() => void still());

// The stream or a call was refused, or the stream is back after a break: the sign-in may be over,
// or the role another one. Who did not answer, or is only starting, says nothing of that.
let asking = false;
async function still(): Promise<void> {
  const before = session.me;
  if (asking || !before || session.over) return;
  asking = true;
  try {
    const me = await api.me();
    if (session.me === before && JSON.stringify(me) !== JSON.stringify(before)) session.me = me;
  } catch (e) {
    if (session.me === before && e instanceof ApiError && e.status === 401) ended();
  } finally {
    asking = false;
  }
}

function ended(): void {
  disconnect();
  session.over = true;
}

function over(): void {
  disconnect();
  session.me = undefined;
  session.over = false;
  forgetAll();
}

/** After a sign-in that ended: somebody else wants to sign in, and nothing of the one before stays. */
export function giveUp(): void {
  session.visit++;
  over();
}

/** Signs out. What the server did not hear is not done: the next one at this machine would be signed in. */
export async function leave(): Promise<void> {
  try {
    await api.signOut();
  } catch (e) {
    if (!(e instanceof ApiError && e.status === 401)) {
      say(texts.session.stillSignedIn(e instanceof Error ? e.message : String(e)), true);
      return;
    }
  }
  over();
}
