import type { WithheldReason } from "./tester/tester-bus.ts";

/** What an act may do to the vehicle: "inert" moves nothing; "stationary" is for a vehicle that stands; "service-only" is never done from afar. */
export type SafetyClass = "inert" | "stationary" | "service-only";

/** The group of all trouble codes (ISO 14229-1, service 14). */
export const ALL_GROUPS = 0xff_ffff;

/** Asked right before the request that changes something is sent: why it must not be, or undefined. */
export type ActGuard = () => string | undefined;

/**
 * How an act on a control unit ended. "withheld": nothing that changes anything was sent; "refused": the control unit answered no;
 * "failed": something may have been done, since no answer or a broken one came.
 */
export type ActEnd<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "withheld"; readonly reason: WithheldReason; readonly what: string }
  | { readonly kind: "refused"; readonly what: string }
  | { readonly kind: "failed"; readonly what: string };

/** What a routine came to: its values by name, with their units, and what they mean where the catalogue says so. */
export type RoutineResult = {
  readonly values: Readonly<Record<string, { readonly value: number | string; readonly unit: string }>>;
  readonly verdict: "in_spec" | "marginal" | "out_of_spec" | undefined;
};

/** An act with the arguments that it was given. */
export type PreparedAct<T> =
  | { readonly kind: "prepared"; run(before: ActGuard, signal: AbortSignal): Promise<ActEnd<T>> }
  /** `problem` names the argument that does not fit. */
  | { readonly kind: "unfit"; readonly problem: string };

/** An act of the catalogue of control units. */
export type EcuAct<T> = {
  readonly safety: SafetyClass;
  /** Longest time that it takes, ms, waiting for the bus apart. */
  readonly longestMs: number;
  prepare(given: Readonly<Record<string, unknown>>): PreparedAct<T>;
};

/** A control unit as commands that change something reach it. Sessions and security are its own matter. */
export interface ActingEcu {
  readonly name: string;
  /** Erases its trouble codes; undefined where it has no such service. `group` is that of UDS, 0xffffff for all. */
  readonly clearCodes:
    | ((group: number, before: ActGuard, signal: AbortSignal) => Promise<ActEnd<undefined>>)
    | undefined;
  /** Acts by their names in the catalogue of control units; undefined for one that is not there. */
  reset(name: string): EcuAct<undefined> | undefined;
  routine(name: string): EcuAct<RoutineResult> | undefined;
  /** Holds an output for `holdMs` while `before` allows it, and gives it back to the control unit whatever happens. */
  output(name: string, holdMs: number): EcuAct<undefined> | undefined;
}

/** The control units that the configuration names, and those that were found. */
export interface EcuDirectory {
  names(): readonly string[];
  find(name: string): ActingEcu | undefined;
}
