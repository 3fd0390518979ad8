// Sends what is picked: uploads it if need be, then makes a transfer for each group. It goes on when its page is left.
import { api, ApiError } from "../api/client";
import type { NewTransfer, Transfer } from "../api/types";
import { texts } from "../texts";
import { draft } from "./draft.svelte";
import { leftOutLast, wanted } from "./plan";
import { go, route } from "./router.svelte";
import { attempt, say } from "./toast.svelte";
import { forget, sift, upload } from "./upload.svelte";

export const sending = $state({ busy: false });

const most = 10_000; // left out entries that a transfer names

export async function send(): Promise<void> {
  if (sending.busy) return;
  sending.busy = true;
  try {
    const groups = [...draft.groups];
    const options = { ...draft.options };
    const selection = draft.selection;
    const what =
      draft.where === "server"
        ? { paths: draft.paths, exclude: draft.exclude, skip_bad: draft.leaveOut }
        : await attempt(uploadRest);
    if (what) await promise(selection ? { ...what, selection } : what, groups, options);
  } finally {
    sending.busy = false;
  }
}

/** Uploads what can be sent. What cannot, and is not to be left out, is shown instead. */
async function uploadRest(): Promise<Partial<NewTransfer> | undefined> {
  const { rest, left } = await sift(draft.files, draft.exclude);
  const out = leftOutLast([...draft.unseen, ...left]);
  if (!draft.mayGoWithout(out.filter((x) => x.why !== "excluded"))) return undefined;
  if (!rest.length) throw new Error(texts.send.nothingLeft(out.length));
  return { upload: await upload(rest), left_out: out.slice(0, most), left_out_count: out.length };
}

async function promise(what: Partial<NewTransfer>, groups: string[], options: typeof draft.options): Promise<void> {
  let first: Transfer | undefined;
  const failed: string[] = [];
  for (const group of groups) {
    const ask = wanted(what, group, options);
    let refused = false;
    const t = await attempt(() =>
      api.addTransfer(ask).catch(async (e: unknown) => {
        if (!(e instanceof ApiError) || !e.bad) throw e;
        refused = true;
        draft.found = await api.checkTransfer(ask).catch(() => e.bad?.entries ?? []);
        return undefined;
      }),
    );
    if (refused) return; // the same for every group
    if (t) first ??= t;
    else failed.push(group);
  }
  if (!first) return;
  if (failed.length) {
    draft.groups = failed; // the others have it; the reason was said
    return;
  }
  if (what.upload) forget(what.upload);
  draft.clear();
  say(options.hold ? texts.send.isHeld : texts.send.isSent);
  if (route.parts[0] === "send") go("transfers", first.id);
}
