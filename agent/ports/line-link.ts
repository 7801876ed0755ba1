/** Where the lines of a link go. No call comes before `start` has returned, or after `stop`. */
export interface LineSink {
  /** It is open; `send` works from now on. */
  onUp(): void;
  /** One line without its end, bytes as Latin-1; an empty one too. */
  onLine(line: string, receivedAtUs: number): void;
  /** It could not be opened, or has ended, and will be tried again. `what` says why, for people. */
  onDown(what: string, remedy: string): void;
}

/** Lines of text from a socket or a serial port. Opened again with a growing delay, as long as it is started. */
export interface LineLink {
  /** Where it leads, for people. */
  readonly name: string;
  start(sink: LineSink): void;
  /** Does nothing while it is not open, or where nothing can be sent. */
  send(text: string): void;
  /** Ends a connection that has stopped making sense; it is opened again as after any other end. */
  reset(why: string): void;
  stop(): Promise<void>;
  /** Lines that were longer than allowed, and are thrown away whole; since the start. */
  tooLong(): number;
}
