import { AgentError } from "../core/errors.ts";
import type { Check } from "../local-api/support-schema.ts";

/** What is wrong, and what to do about it. */
export type Problem = { readonly what: string; readonly remedy: string };

/** A check that found nothing wrong. */
export function passed(check: string, what: string): Check {
  return { check, verdict: "pass", what };
}

/** A check that found what someone should look at. */
export function warned(check: string, what: string, remedy: string): Check {
  return { check, verdict: "warn", what, remedy };
}

/** A check that found what is wrong; with a code where it was a fault. */
export function failed(check: string, { what, remedy, code }: Problem & { readonly code?: string }): Check {
  return { check, verdict: "fail", what, remedy, ...(code === undefined ? {} : { code }) };
}

/** What a look gives, or its fault; a bug goes through. */
export async function outcomeOf<T>(look: () => T | Promise<T>): Promise<T | AgentError> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof AgentError && error.code !== "internal.bug") return error;
    throw error;
  }
}

/** A fault as a problem. */
export function problemOf({ code, message, remedy }: AgentError): Problem & { readonly code: string } {
  return { what: message, remedy, code };
}
