import { z } from "zod";
import type { VehicleAnswer } from "../store/answers.ts";

/** What a person may ask of a vehicle, and what vehicles call it. */
export const ACTIONS = { lock: "doors.lock", unlock: "doors.unlock" } as const;
export type ActionName = keyof typeof ACTIONS;
/** One of these names, from outside. */
export const actionName = z.enum(
  Object.keys(ACTIONS).filter((name): name is ActionName => Object.hasOwn(ACTIONS, name)),
);

/** How a command ended, as a person is told. A command has one of them, and it never changes. */
export const finalAnswer = z
  .object({
    kind: z.enum(["succeeded", "moving", "refused", "failed", "too-late", "asleep", "no-answer", "not-sent"]),
    /** The vehicle's reason code, where it gave one. */
    code: z.string().optional(),
    /** A sentence or two for people. Holds words of the vehicle: untrusted text. */
    text: z.string(),
  })
  .readonly();
export type FinalAnswer = z.infer<typeof finalAnswer>;

/**
 * How the safety gate of a vehicle says that a clause over the speed does not hold (agent/vehicle/safety-gate.ts): the clause, then every
 * variable of the condition with its value. A clause over something else says nothing of the speed, nor does one beside a speed of 0.
 */
const MOVING = /\bspeed\b.* is not true: (.*, )?speed = (?!-?0(,|$))/;

const DONE: Readonly<Record<ActionName, string>> = { lock: "The doors are locked.", unlock: "The doors are unlocked." };
const TRIED: Readonly<Record<ActionName, string>> = { lock: "lock", unlock: "unlock" };

/** What the vehicle's final answer means; undefined for one that is not final. */
export function finalOf(action: ActionName, { status, reason }: VehicleAnswer): FinalAnswer | undefined {
  const code = reason === undefined ? {} : { code: reason.code };
  const why = reason === undefined ? "" : ` It says: ${reason.description}`;
  switch (status) {
    case "IN_PROGRESS":
      return undefined;
    case "SUCCEEDED":
      return { kind: "succeeded", text: DONE[action] };
    case "TIMED_OUT":
      return { kind: "too-late", ...code, text: `The vehicle got it too late and did not ${TRIED[action]}.` };
    case "FAILED":
      return {
        kind: "failed",
        ...code,
        text: `The vehicle tried to ${TRIED[action]}, and it did not work: look at the doors.${why}`,
      };
    case "REJECTED":
      return { ...refusal(action, reason), ...code };
  }
}

function refusal(action: ActionName, reason: VehicleAnswer["reason"]): FinalAnswer {
  const tried = TRIED[action];
  if (reason?.code === "PRECONDITION_FAILED" && MOVING.test(reason.description)) {
    return { kind: "moving", text: `The vehicle is moving and did not ${tried}. Stop it and try again.` };
  }
  if (reason?.code === "PRECONDITION_FAILED") {
    return { kind: "refused", text: `The vehicle cannot tell that this is safe now and did not ${tried}.` };
  }
  if (reason?.code === "BUSY" || reason?.code === "RATE_LIMITED") {
    return { kind: "refused", text: `The vehicle is busy and did not ${tried}. Try again in a minute.` };
  }
  return { kind: "refused", text: `The vehicle refused to ${tried}.` };
}

/** Nobody asked the vehicle: it sleeps. */
export const ASLEEP: FinalAnswer = {
  kind: "asleep",
  text: "The vehicle is asleep, and nothing was sent: it would act when it wakes, when you no longer expect it. Try again once it is awake.",
};

/** The vehicle has not answered, and the request is not valid any more. */
export const NO_ANSWER: FinalAnswer = {
  kind: "no-answer",
  text: "The vehicle did not answer in time, and it will not act on this any more. Whether it has acted is not known: look at the doors.",
};

/** The request did not leave. */
export const NOT_SENT: FinalAnswer = {
  kind: "not-sent",
  text: "The request could not be sent, and the vehicle was not asked. Try again.",
};
