// Who is signed in here.
import { api, ApiError } from "../api/client";
import type { Me } from "../api/types";
import { connect, disconnect } from "./live.svelte";

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
  connect(still);
}

// The stream was refused: signed out elsewhere, or the server is only starting.
async function still(): Promise<void> {
  try {
    await api.me();
  } catch (e) {
    if (!(e instanceof ApiError) || e.status !== 401) return;
    disconnect();
    session.me = undefined;
  }
}

export async function leave(): Promise<void> {
  disconnect();
  await api.signOut().catch(() => undefined); // the session may be over already
  session.me = undefined;
}
