import type { z } from "zod";
import type { LocalHandler } from "../ports/local-socket.ts";

/** Who is answered: who may look (view.sock), or who may change (admin.sock). Who may change may look too. */
export type SocketName = "view" | "admin";

type Named = { readonly name: string; readonly socket: SocketName };

/** A verb with what answers it. */
export type ServedVerb = Named & { readonly handle: LocalHandler };

type Asking<Asked extends object, Request> = Named & { readonly request: z.ZodType<Request, Asked> };

/**
 * A question to the running agent and its answer, as JSON: the daemon is typed by it, and the CLI reads with it. `Asked` and `Given` are
 * what the two sides send, `Request` and `Answer` what the others read of it.
 */
export type Verb<Asked extends object, Request, Given, Answer> = Asking<Asked, Request> & {
  readonly answer: z.ZodType<Answer, Given>;
  /** The verb, answered with what `handle` makes of a request that fits; another one throws what the schema says. */
  answeredBy(handle: (request: Request, signal: AbortSignal) => Given | Promise<Given>): ServedVerb;
};

/** A verb that is answered with one value after the other. */
export type StreamVerb<Asked extends object, Request, Given, Answer> = Asking<Asked, Request> & {
  readonly each: z.ZodType<Answer, Given>;
  /** As `answeredBy` of a verb, with values over time until `signal` aborts. */
  answeredBy(handle: (request: Request, signal: AbortSignal) => AsyncGenerator<Given>): ServedVerb;
};

/** A verb with its schemas. */
export function verb<Asked extends object, Request, Given, Answer>(
  given: Omit<Verb<Asked, Request, Given, Answer>, "answeredBy">,
): Verb<Asked, Request, Given, Answer> {
  return { ...given, answeredBy: (handle) => served(given, handle) };
}

/** A verb of many values with its schemas; `each` is that of one value. */
export function streamVerb<Asked extends object, Request, Given, Answer>(
  given: Omit<StreamVerb<Asked, Request, Given, Answer>, "answeredBy">,
): StreamVerb<Asked, Request, Given, Answer> {
  return { ...given, answeredBy: (handle) => served(given, handle) };
}

function served<Asked extends object, Request>(
  { name, socket, request: schema }: Asking<Asked, Request>,
  handle: (request: Request, signal: AbortSignal) => unknown,
): ServedVerb {
  return { name, socket, handle: (request, signal) => handle(schema.parse(request), signal) };
}

/** What a socket answers, by verb: view.sock what only looks, admin.sock everything. */
export function servedOn(socket: SocketName, verbs: readonly ServedVerb[]): Readonly<Record<string, LocalHandler>> {
  const own = socket === "admin" ? verbs : verbs.filter((verb) => verb.socket === "view");
  return Object.fromEntries(own.map(({ name, handle }) => [name, handle]));
}
