// The plan of what is picked, as the server sees it now: asked again when somebody types, and when a machine comes
// or goes. While a new one is on its way the last one stands.
import { onMount } from "svelte";
import { api, ApiError } from "../api/client";
import type { PlanQuery, SendPlan } from "../api/types";
import { onChange } from "./live.svelte";

const settled = 250; // ms without another change
const least = 2000; // ms between two readings that events ask for

export interface Preview {
  plan: SendPlan | undefined;
  error: string;
  busy: boolean;
}

export function preview(query: () => PlanQuery): Preview {
  const now = $state({ error: "", busy: false });
  let plan = $state.raw<SendPlan>();
  let number = 0;
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(q: PlanQuery): Promise<void> {
    const mine = ++number;
    last = Date.now();
    now.busy = true;
    try {
      const p = await api.planTransfer(q);
      if (mine !== number) return; // another one was asked since
      plan = p;
      now.error = "";
    } catch (e) {
      if (mine !== number) return;
      now.busy = false;
      if (plan && e instanceof ApiError && (e.status === 0 || e.status === 401)) return; // it is back soon: what was known stays
      plan = undefined;
      now.error = e instanceof Error ? e.message : String(e);
    }
    now.busy = false;
  }

  $effect(() => {
    const q = query();
    clearTimeout(timer);
    now.busy = true;
    timer = setTimeout(() => void read(q), settled);
    return () => clearTimeout(timer);
  });
  onMount(() => {
    let later: ReturnType<typeof setTimeout> | undefined;
    const end = onChange(["device", "group", "member", "transfer", "delivery"], () => {
      later ??= setTimeout(
        () => {
          later = undefined;
          void read(query());
        },
        Math.max(0, last + least - Date.now()),
      );
    });
    return () => {
      number++; // what comes now comes too late
      clearTimeout(later);
      end();
    };
  });
  return {
    get plan() {
      return plan;
    },
    get error() {
      return now.error;
    },
    get busy() {
      return now.busy;
    },
  };
}
