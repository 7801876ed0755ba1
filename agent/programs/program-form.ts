import type { ProgramFrame } from "../ports/program-socket.ts";
import { type ProgramLine, parseProgramLine } from "./program-line.ts";
import { createMessageReader, encodeToProgram } from "./program-message.ts";
import type { ToProgram } from "./to-program.ts";

/** Reads and writes both forms of the socket. */
export class ProgramForms {
  readonly #descriptor: () => Uint8Array;
  #readMessage: ((bytes: Uint8Array) => ProgramLine) | undefined;

  /** `descriptor` gives the FileDescriptorSet of config/proto/program.proto, and is asked when a program first sends a message. */
  constructor(descriptor: () => Uint8Array) {
    this.#descriptor = descriptor;
  }

  /** What a line or a message says. Throws nothing that a program brings out. */
  read(frame: ProgramFrame): ProgramLine {
    if (typeof frame === "string") return parseProgramLine(frame);
    this.#readMessage ??= createMessageReader(this.#descriptor());
    return this.#readMessage(frame);
  }

  /** The same as a line, or as a message with its length before it. */
  write(said: ToProgram, isBinary: boolean): ProgramFrame {
    return isBinary ? encodeToProgram(said) : `${JSON.stringify(said)}\n`;
  }
}
