/** What became of the clients of a local socket since start. */
export type SocketCounts = {
  /** Connected at this moment. */
  clients: number;
  requests: number;
  /** Turned away: no room, too long a line, too many requests at once. */
  refused: number;
  /** Ended so that another had their place. */
  displaced: number;
  /** Ended because they asked nothing, or did not take their answer. */
  idle: number;
  slow: number;
};
