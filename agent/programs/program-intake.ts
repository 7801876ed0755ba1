import type { ProgramsConfig } from "../../config/programs.ts";
import type { Clock } from "../core/clock.ts";
import type { FaultCode } from "../core/errors.ts";
import type { ProgramStream } from "../core/program-streams.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import { CONTROL_SHARE, type Outbox, type RecordId } from "../ports/outbox.ts";
import type { OpenProgramSession, ProgramFrame, ProgramSession, TakenLines } from "../ports/program-socket.ts";
import type { Appender } from "../telemetry/appender.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../telemetry/record/encode/record-sealer.ts";
import type { CommandDesk } from "./command-desk.ts";
import { HeldCommands } from "./held-commands.ts";
import { OrderedAnswers } from "./ordered-answers.ts";
import { ProgramClient, strayShares } from "./program-client.ts";
import type { ProgramForms } from "./program-form.ts";
import type { ProgramLine, RecordOf } from "./program-line.ts";
import { schemaProblem } from "./record-schema.ts";
import type { ToProgram } from "./to-program.ts";

/** Lines a second of all that are no known program together; further ones wait. */
const STRANGER_LINES = 20;

/** What a record has beside its body, at most, uncompressed: header and anchor, with the longest thing name. */
const HEADER_BYTES = 300;

export type IntakeParts = {
  readonly settings: Pick<ProgramsConfig, "clients" | "unnamed">;
  readonly encoder: Pick<Encoder, "programRecord" | "maxBodyBytes">;
  readonly appender: Pick<Appender, "addTogether" | "storeSoon" | "state">;
  readonly outbox: Pick<Outbox, "stats" | "read" | "lastRow" | "kept">;
  readonly desk: CommandDesk;
  readonly forms: ProgramForms;
  readonly clock: Clock;
};

/** Why a line is not taken. */
type Refusal = { readonly code: FaultCode; readonly what: string; readonly remedy: string };
type Answer = (said: ToProgram) => void;
/** What becomes of a line: its answer, or a refusal, which is counted. */
type Tell = { readonly answer: Answer; readonly refuse: (refusal: Refusal) => undefined };

/**
 * Takes what other programs hand over into the outbox, through the same appender as everything else. A line is answered once its record is
 * durable. Records of programs find room, or are refused: they evict nothing.
 */
export class ProgramIntake {
  readonly parts: IntakeParts;
  /** By name; the empty one is for who says none. */
  readonly clients: ReadonlyMap<string, ProgramClient>;
  /** Who has a socket of its own, and is nobody on another one. */
  readonly owners: ReadonlySet<string>;
  /** Lines that came from no known program. */
  strangerLines = 0;
  /** Bytes of all that were taken and are not stored yet. */
  pendingBytes = 0;
  readonly #strangers: TokenBucket;

  constructor(parts: IntakeParts) {
    const { settings, outbox, appender, clock } = parts;
    this.parts = parts;
    const { clients, unnamed } = settings;
    const all = [...clients, ...(unnamed === undefined ? [] : [{ name: "", ...unnamed }])];
    this.owners = new Set(clients.flatMap(({ name, ownSocket }) => (ownSocket ? [name] : [])));
    const kept = outbox.kept();
    this.clients = new Map(all.map((client) => [client.name, new ProgramClient(client, outbox, kept, clock)]));
    appender.addTogether([], strayShares(new Set(this.clients.keys()), kept));
    this.#strangers = new TokenBucket(STRANGER_LINES, 1000, () => clock.monotonicMs());
  }

  /** What takes connections of a socket: that of the program `owner`, or the one on which each says who it is. */
  openFor(owner?: string): OpenProgramSession {
    return (answer, say) => new Session(this, owner, { answer, say });
  }

  /** Notes that so many bytes are taken; call what it gives when they are stored, or not any more. */
  reserve(client: ProgramClient, stream: ProgramStream, bytes: number): () => void {
    client.pendingBytes[stream] += bytes;
    this.pendingBytes += bytes;
    return () => {
      client.pendingBytes[stream] -= bytes;
      this.pendingBytes -= bytes;
    };
  }

  /** Charges a line of no known program. Gives for how long no more should be taken, ms. */
  chargeStranger(): number {
    this.strangerLines += 1;
    return this.#strangers.take();
  }
}

/** The two ways to a program, as `OpenProgramSession` has them. */
type Writers = {
  readonly answer: Parameters<OpenProgramSession>[0];
  readonly say: Parameters<OpenProgramSession>[1];
};

/** One connection: who it says it is, its answers, and the commands in its hands. */
class Session implements ProgramSession {
  readonly #intake: ProgramIntake;
  readonly #answers: OrderedAnswers<ToProgram>;
  readonly #held: HeldCommands;
  readonly #owner: string | undefined;
  #name: string;
  #hasSpoken = false;
  /** Whether it sends messages, not lines. */
  #isBinary = false;

  constructor(intake: ProgramIntake, owner: string | undefined, { answer, say }: Writers) {
    this.#intake = intake;
    this.#owner = owner;
    this.#name = owner ?? "";
    this.#answers = new OrderedAnswers((said) => answer(this.#written(said)));
    this.#held = new HeldCommands((said) => say(this.#written(said)));
  }

  /** Whose lines these are; undefined of a program that is not known, or may not be it here. */
  get #client(): ProgramClient | undefined {
    const { clients, owners } = this.#intake;
    return this.#owner === undefined && owners.has(this.#name) ? undefined : clients.get(this.#name);
  }

  take(frames: readonly ProgramFrame[]): TakenLines {
    const { appender } = this.#intake.parts;
    const drafts: EncodedDraft[] = [];
    let taken = 0;
    let waitMs = 0;
    for (const frame of frames) {
      this.#isBinary = typeof frame !== "string";
      const draft = this.#takeFrame(frame, this.#answers.expect());
      if (draft !== undefined) drafts.push(draft);
      taken += 1;
      // After the line, which may have said who it is.
      waitMs = this.#client?.charge(Buffer.byteLength(frame)) ?? this.#intake.chargeStranger();
      if (waitMs > 0) break;
    }
    if (drafts.length > 0) {
      appender.addTogether(drafts, this.#client?.keptShare() ?? []);
      appender.storeSoon();
    }
    return { taken, waitMs };
  }

  unanswered(): number {
    return this.#answers.open;
  }

  isAwaited(): boolean {
    // What is in its hands would have no end that anybody knows, whoever has the name by now.
    return this.#held.size > 0 || this.#intake.parts.desk.isAnswering(this.#held);
  }

  end(): void {
    this.#answers.end();
    this.#intake.parts.desk.leave(this.#held);
  }

  tooLong(maxBytes: number, isMessage: boolean): ProgramFrame {
    const what = `a ${isMessage ? "message" : "line"} is longer than programs.maxLineBytes (${maxBytes})`;
    const error = { code: "program.too-long", what, remedy: "send less at a time" } as const;
    return this.#intake.parts.forms.write({ error }, isMessage);
  }

  #written(said: ToProgram): ProgramFrame {
    return this.#intake.parts.forms.write(said, this.#isBinary);
  }

  #takeFrame(frame: ProgramFrame, answer: Answer): EncodedDraft | undefined {
    const line = this.#intake.parts.forms.read(frame);
    const isFirst = !this.#hasSpoken;
    this.#hasSpoken = true;
    if (line.kind === "name" && isFirst && this.#owner === undefined) this.#name = line.program;
    const client = this.#client;
    if (client === undefined) {
      const isElsewhere = this.#intake.owners.has(this.#name);
      answer({ error: isElsewhere ? ownSocket(this.#name) : unknownProgram(this.#name) });
      return undefined;
    }
    const refuse = (refusal: Refusal): undefined => {
      client.counts.refused += 1;
      answer({ error: refusal });
    };
    const tell = { answer, refuse };
    switch (line.kind) {
      case "malformed":
        return refuse(malformed(line.what, this.#isBinary ? MESSAGE_REMEDY : LINE_REMEDY));
      case "record":
        return this.#draftOf(client, line, tell);
      case "answer":
        return this.#takeAnswer(line, tell);
      case "name":
        if (!isFirst) return refuse(malformed(NAME_COMES_FIRST, "end the connection to say another"));
        if (line.program !== client.name) return refuse(notOwner(client));
        return this.#register(client, line.answers, tell);
    }
  }

  #register(client: ProgramClient, names: readonly string[], { answer, refuse }: Tell): undefined {
    const { desk } = this.#intake.parts;
    const foreign = names.find((name) => desk.problem(client.name, name) !== undefined);
    if (foreign !== undefined) return refuse(notToAnswer(client, foreign));
    if (names.length > 0) desk.register(client.name, names, this.#held);
    answer({ program: client.name, ...(names.length > 0 && { answers: names }) });
  }

  #takeAnswer({ id, answer: given }: Extract<ProgramLine, { kind: "answer" }>, { answer, refuse }: Tell): undefined {
    const taken = this.#held.answer(id, given);
    if (taken.kind === "unknown") return refuse(NO_COMMAND);
    if (taken.kind === "unfit") return refuse(malformed(taken.what, RESULTS_REMEDY));
    answer({ answered: id });
  }

  #draftOf(
    client: ProgramClient,
    { stream, recordOf }: { readonly stream: ProgramStream; readonly recordOf: RecordOf },
    { answer, refuse }: Tell,
  ): EncodedDraft | undefined {
    const { encoder, outbox, appender, clock } = this.#intake.parts;
    if (!client.limits.streams.includes(stream)) return refuse(notAllowed(client, stream));
    const record = recordOf(client.name, clock.wallUs());
    const problem = schemaProblem(client.limits, record);
    if (problem !== undefined) return refuse(notInSchema(client, problem));
    const draft = encoder.programRecord(stream, record);
    if (draft.bodyBytes > encoder.maxBodyBytes) return refuse(tooLong(draft.bodyBytes, encoder.maxBodyBytes));
    if (appender.state().kind === "failing") return refuse(NOT_STORED);
    const recordBytes = draft.bodyBytes + HEADER_BYTES;
    if (!client.hasRoom(recordBytes)) return refuse(shareFull(client));
    const { bytes, maxBytes } = outbox.stats();
    const wantedBytes = bytes + this.#intake.pendingBytes + recordBytes;
    if (wantedBytes > maxBytes * (1 - CONTROL_SHARE)) return refuse(OUTBOX_FULL);
    const release = this.#intake.reserve(client, stream, recordBytes);
    return answered(draft, {
      stored: (id, payloadBytes) => {
        release();
        client.counts.records += 1;
        client.counts.bytes += payloadBytes;
        client.share.add(id, payloadBytes);
        const { epoch, seq } = id;
        answer({ stored: { epoch, stream, seq } });
      },
      discarded: () => {
        release();
        refuse(NOT_STORED);
      },
    });
  }
}

/** The draft, which tells what became of it. */
function answered(
  draft: EncodedDraft,
  tell: { readonly stored: (id: RecordId, payloadBytes: number) => void; readonly discarded: () => void },
): EncodedDraft {
  let sealed: RecordId | undefined;
  return {
    ...draft,
    // A transaction that failed is tried again with another id; the last one counts.
    seal: (id) => {
      sealed = id;
      return draft.seal(id);
    },
    stored: (payloadBytes) => {
      if (sealed !== undefined) tell.stored(sealed, payloadBytes);
    },
    discarded: tell.discarded,
  };
}

const NAME_COMES_FIRST = "a name is said by the first line of a connection alone";

const LINE_REMEDY = 'send one line like {"stream":"event","values":[{"name":"door.open","value":true}]}';
const MESSAGE_REMEDY = "send a FromProgram of program.proto, its length before it";
const RESULTS_REMEDY = "give the results that the catalogue lists for this action; this command has failed";

const NO_COMMAND: Refusal = {
  code: "program.no-command",
  what: "no command of this id waits for an answer of this connection",
  remedy: "answer a command once, on the connection that it came on, before its deadlineMs are over",
};

const NOT_STORED: Refusal = {
  code: "program.not-stored",
  what: "the disk does not take records now",
  remedy: "keep it and hand it over again later; causeway status says what the disk lacks",
};

const OUTBOX_FULL: Refusal = {
  code: "program.full",
  what: "the outbox is full, and records of programs evict nothing",
  remedy: "keep it and hand it over again later, or raise outbox.maxBytes",
};

function unknownProgram(name: string): Refusal {
  return name === ""
    ? {
        code: "program.unknown",
        what: "programs that say no name are not taken",
        remedy: 'begin with a line {"program":"NAME"}, or give programs.unnamed',
      }
    : {
        code: "program.unknown",
        what: "no program of this name is configured",
        remedy: "name it in programs.clients",
      };
}

function ownSocket(name: string): Refusal {
  return {
    code: "program.not-allowed",
    what: `${name} has a socket of its own`,
    remedy: `connect to publish-${name}.sock, or take ownSocket of ${name} out of programs.clients`,
  };
}

function notOwner({ name }: ProgramClient): Refusal {
  return {
    code: "program.not-allowed",
    what: `this is the socket of ${name}`,
    remedy: "connect to publish.sock as another program",
  };
}

function malformed(what: string, remedy: string): Refusal {
  return { code: "input.malformed", what, remedy };
}

function notAllowed({ name }: ProgramClient, stream: ProgramStream): Refusal {
  const setting = name === "" ? "programs.unnamed.streams" : `streams of ${name} in programs.clients`;
  return {
    code: "program.not-allowed",
    what: `the stream ${stream} is not for this program`,
    remedy: `send another stream, or add it to ${setting}`,
  };
}

function notInSchema({ name }: ProgramClient, what: string): Refusal {
  const place = name === "" ? "programs.unnamed" : `${name} in programs.clients`;
  return { code: "program.not-allowed", what, remedy: `send what ${place} lists, or add it there` };
}

function notToAnswer({ name }: ProgramClient, command: string): Refusal {
  return {
    code: "program.not-allowed",
    what: `the command ${command} is not for this program`,
    remedy: name === "" ? "begin with the name of a program" : `add it to answers of ${name} in programs.clients`,
  };
}

function tooLong(bytes: number, maxBytes: number): Refusal {
  return {
    code: "program.too-long",
    what: `the record has ${bytes} bytes, at most ${maxBytes} fit (encode.maxPayloadBytes)`,
    remedy: "send it in several lines",
  };
}

function shareFull({ limits }: ProgramClient): Refusal {
  return {
    code: "program.full",
    what: `records of this program have their ${limits.maxStoredBytes} bytes in the outbox`,
    remedy: "keep it and hand it over again later, or raise its maxStoredBytes",
  };
}
