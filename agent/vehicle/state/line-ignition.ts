import type { Log } from "../../core/log.ts";
import type { GpioLine } from "../../ports/gpio-line.ts";
import type { IgnitionReading, IgnitionSource } from "./ignition.ts";

/** Ignition by a line of a GPIO chip: on while it is active. It does not know while the line cannot be read. */
export class LineIgnition implements IgnitionSource {
  readonly name: string;
  readonly #line: GpioLine;
  readonly #log: Log;
  #reading: IgnitionReading;

  constructor(line: GpioLine, log: Log) {
    this.name = `gpio ${line.name}`;
    this.#line = line;
    this.#log = log;
    this.#reading = { kind: "unknown", why: `line ${line.name} was not read yet` };
  }

  async start(changed: () => void): Promise<void> {
    const { name } = this.#line;
    await this.#line.start({
      onLevel: (isActive) => {
        this.#reading = { kind: isActive ? "on" : "off", why: `line ${name} is ${isActive ? "active" : "not active"}` };
        changed();
      },
      onGone: (what, remedy) => {
        this.#log.warn("gpio.unavailable", { line: name, what, remedy });
        this.#reading = { kind: "unknown", why: what };
        changed();
      },
    });
  }

  async stop(): Promise<void> {
    await this.#line.stop();
  }

  look(): IgnitionReading {
    return this.#reading;
  }
}
