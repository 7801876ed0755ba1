/** A request on its way to a vehicle. `id` is also what the vehicle's answer is known by. */
export type RoadRequest = {
  readonly thing: string;
  readonly id: string;
  readonly payload: string;
  /** Whole seconds after which nobody may deliver it any more. */
  readonly expirySeconds: number;
};

/** "sent": the broker has it, which says nothing of the vehicle. "not-sent": it certainly has not. "unknown": nobody can tell. */
export type RoadOutcome = "sent" | "not-sent" | "unknown";

/** The way from here to a vehicle: MQTT 5 request/response on cmd/causeway/THING/ID/{request,response}. Answers come into an `AnswerStore`. */
export interface CommandRoad {
  /** Never rejects. */
  send(request: RoadRequest): Promise<RoadOutcome>;
}

/** Where a command is asked for, and where it is answered. */
export function topicsOf(thing: string, id: string): { readonly request: string; readonly response: string } {
  return { request: `cmd/causeway/${thing}/${id}/request`, response: `cmd/causeway/${thing}/${id}/response` };
}
