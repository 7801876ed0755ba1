import { z } from "zod";
import { decodeBody } from "../../cloud/wire-format.ts";
import type { Presence } from "./vehicle-facts.ts";

const presence = z.object({ state: z.enum(["online", "asleep", "lost"]), at: z.iso.datetime() });

/** Reads a retained presence; undefined for what is none. */
export function readPresence(payload: Uint8Array): Presence | undefined {
  return presence.safeParse(decodeBody("json", payload)).data;
}
