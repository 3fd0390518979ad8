// Who is signed in here.
import { api, ApiError, onRefused } from "../api/client";
import type { Me } from "../api/types";
import { texts } from "../texts";
import { connect, disconnect } from "./live.svelte";
import { say } from "./toast.svelte";

export const session = $state({ me: undefined as Me | undefined, known: false, error: "" });

export async function find(): Promise<void> {
  try {
    entered(await api.me());
    session.error = "";
  } catch (e) {
    if (e instanceof ApiError && e.status === 401) session.me = undefined;
    else session.error = e instanceof Error ? e.message : String(e);
  }
  session.known = true;
}

export function entered(me: Me): void {
  session.me = me;
  session.error = "";
  connect({ refused: () => void still(), back: () => void still() });
}

onRefused(() => void still());

// The stream or a call was refused, or the stream is back after a break: the sign-in may be over,
// or the role another one. Who did not answer, or is only starting, says nothing of that.
let asking = false;
async function still(): Promise<void> {
  const before = session.me;
  if (asking || !before) return;
  asking = true;
  try {
    const me = await api.me();
    if (session.me === before && JSON.stringify(me) !== JSON.stringify(before)) session.me = me;
  } catch (e) {
    if (session.me === before && e instanceof ApiError && e.status === 401) over();
  } finally {
    asking = false;
  }
}

function over(): void {
  disconnect();
  session.me = undefined;
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
