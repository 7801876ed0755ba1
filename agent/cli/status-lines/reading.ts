import type pico from "picocolors";
import type { Status } from "../../local-api/status-schema.ts";

/** The colours in use; `createColors(false)` gives plain text. */
export type Colors = Pick<ReturnType<typeof pico.createColors>, "green" | "red" | "yellow" | "dim">;

/** A status with when it was read, by the monotonic clock. */
export type StatusReading = { readonly status: Status; readonly atMs: number };
