import type { LineLink, LineSink } from "../../../agent/ports/line-link.ts";

/** A link whose lines come from the test. What is sent or reset is kept. */
export class FakeLineLink implements LineLink {
  readonly name = "127.0.0.1:2947";
  readonly sent: string[] = [];
  readonly resets: string[] = [];
  #sink: LineSink | undefined;

  start(sink: LineSink): void {
    this.#sink = sink;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  reset(why: string): void {
    this.resets.push(why);
    this.down(why);
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
  }

  tooLong(): number {
    return 0;
  }

  up(): void {
    this.#sink?.onUp();
  }

  down(what: string): void {
    this.#sink?.onDown(what, "mend it");
  }

  line(text: string, receivedAtUs = 0): void {
    this.#sink?.onLine(text, receivedAtUs);
  }
}
