/** A request as it came: a verb, and what only its handler can read. */
export type LocalRequest = { readonly verb: string; readonly [key: string]: unknown };

/**
 * Answers one request: a value, a promise of one, or one value after the other. Values are JSON, and objects among them have no
 * key `error` or `end`. `signal` aborts when the client has gone.
 */
export type LocalHandler = (request: LocalRequest, signal: AbortSignal) => unknown;

/** What became of the clients of a local socket since start. */
export type SocketCounts = {
  /** Connected at this moment. */
  clients: number;
  requests: number;
  /** Rejected: no room, too long a line, too many requests at once. */
  refused: number;
  /** Ended so that another had their place. */
  displaced: number;
  /** Ended because they asked nothing, or did not take their answer. */
  idle: number;
  slow: number;
};
