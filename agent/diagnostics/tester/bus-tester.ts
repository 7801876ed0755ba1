import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import { largestId } from "../../ports/arbitration-id.ts";
import type { CanBus } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import type { IsoTp, IsoTpSettings } from "../../ports/isotp.ts";
import { layoutOf } from "../isotp/frame-codec.ts";
import { Conversation } from "./conversation.ts";
import { beginningOf } from "./first-frame.ts";
import { frameBits } from "./frame-bits.ts";
import type { FrameTap } from "./frame-tap.ts";
import { gatherAnswers } from "./functional-answers.ts";
import { OtherTester } from "./other-tester.ts";
import { OwnFrames, type SentId } from "./own-frames.ts";
import { Pace, type PaceSettings } from "./pace.ts";
import { idText, Silence, type SilenceNotice } from "./silence.ts";
import { type AskedName, type BackOffSettings, SilentEcus } from "./silent-ecus.ts";
import type {
  Ask,
  FrameWho,
  Functional,
  FunctionalReply,
  Reply,
  SentFrame,
  TesterBus,
  TesterState,
  Who,
  Withheld,
} from "./tester-bus.ts";
import { countReply, noCounts, noneWithheld } from "./tester-counts.ts";
import { Turns } from "./turns.ts";

/** ECUs that may say "response pending" at a time while others are asked; one more keeps the bus. */
const MAX_PENDING = 32;

/** How a bus is asked. */
export type TesterSettings = PaceSettings & {
  /** Nothing is sent for so long after another tester was last seen, ms. */
  readonly silenceMs: number;
  readonly backOff: BackOffSettings;
  /** Longest time of "response pending", ms. */
  readonly pendingMs: number;
  readonly isotp: IsoTpSettings;
};

export type BusTesterParts = {
  readonly bus: Pick<CanBus, "name" | "send">;
  readonly isotp: IsoTp;
  readonly tap: FrameTap;
  readonly settings: TesterSettings;
  /** Why nothing may be sent at this moment: off, listen-only, condition. Asked before each request. */
  readonly refusal: () => Withheld | undefined;
  /** A silence began or has ended. */
  readonly notice: (notice: SilenceNotice) => void;
  readonly clock: Clock;
};

/** What is under way, and how its requests are known. */
type UnderWay = { readonly ecu: string; readonly conversation: Conversation; isPending: boolean };

/** A bus that is asked through its manners. `stop` it before the bus. */
export class BusTester implements TesterBus {
  readonly bus: string;
  readonly #parts: BusTesterParts;
  readonly #pace: Pace;
  readonly #turns: Turns;
  readonly #own: OwnFrames;
  readonly #silent: SilentEcus;
  readonly #silence: Silence;
  readonly #other: OtherTester;
  readonly #counts = noCounts();
  readonly #withheldCounts = noneWithheld();
  readonly #underWay = new Set<UnderWay>();
  /** Aborts with each silence, and what gathers functional answers with it. */
  #speaking = new AbortController();
  #isStopped = false;

  constructor(parts: BusTesterParts) {
    const { bus, tap, settings, notice, clock } = parts;
    this.bus = bus.name;
    this.#parts = parts;
    this.#pace = new Pace(settings, clock);
    this.#turns = new Turns(this.#pace, clock);
    this.#own = new OwnFrames(clock);
    this.#silent = new SilentEcus(settings.backOff, clock);
    this.#silence = new Silence({ bus: bus.name, silenceMs: settings.silenceMs, clock, notice });
    this.#other = new OtherTester({ tap, own: this.#own, clock, onSeen: (frame) => this.#fallSilent(frame) });
  }

  /** Frames on these ids that we did not send are another tester's: requests of the vehicle's own catalogue. */
  watch(ids: readonly SentId[]): void {
    this.#other.watch(ids);
  }

  async ask(ask: Ask, signal: AbortSignal): Promise<Reply> {
    const reply = await this.#askInTurn(ask, signal);
    countReply(reply, this.#counts, this.#withheldCounts);
    return reply;
  }

  async askAll(
    functional: Functional,
    pdu: Uint8Array,
    windowMs: number,
    who: Who,
    signal: AbortSignal,
  ): Promise<FunctionalReply> {
    const ecu = namedById(functional.txId, functional.extended, "all of ");
    const reply = await this.#inTurn(ecu, who, signal, () => this.#gather(functional, pdu, windowMs, signal));
    if (reply.kind === "withheld") this.#withheldCounts[reply.reason] += 1;
    else if (reply.kind === "fault") this.#counts.faults += 1;
    else if (reply.answers.length > 0) this.#silent.answered(ecu);
    else this.#silent.wasSilent(ecu);
    if (reply.kind === "answers") this.#counts[reply.answers.length > 0 ? "answers" : "silent"] += 1;
    return reply;
  }

  async sendFrame(frame: CanFrame, who: FrameWho, signal: AbortSignal): Promise<SentFrame> {
    const send = (): Promise<SentFrame> => this.#sendOne(frame);
    const refused = who === "transport" ? this.#refusal() : undefined;
    const sent = refused ?? (await (who === "transport" ? send() : this.#inTurn(frameName(frame), who, signal, send)));
    if (sent.kind === "withheld") this.#withheldCounts[sent.reason] += 1;
    if (sent.kind === "fault") this.#counts.faults += 1;
    return sent;
  }

  state(): TesterState {
    const nowMs = this.#parts.clock.monotonicMs();
    return {
      bus: this.bus,
      withheld: this.#refusal(),
      other: this.#silence.seen(),
      counts: { ...this.#counts, silences: this.#silence.count },
      withheldCounts: { ...this.#withheldCounts },
      waiting: this.#turns.waiting,
      pending: [...this.#underWay]
        .filter(({ isPending }) => isPending)
        .map(({ ecu, conversation }) => ({ ecu, ms: nowMs - conversation.startedMs })),
      backingOff: this.#silent.list(),
    };
  }

  /** Ends everything that is under way; nothing is sent after it. */
  stop(): void {
    this.#isStopped = true;
    this.#other.stop();
    this.#silence.stop();
    this.#endAll({ kind: "withheld", reason: "aborted", what: `the tester of bus ${this.bus} stops` });
  }

  #refusal(): Withheld | undefined {
    if (this.#isStopped) return { kind: "withheld", reason: "off", what: `the tester of bus ${this.bus} has stopped` };
    return this.#silence.withheld() ?? this.#parts.refusal();
  }

  /** Polls alone leave a silent ECU in peace. */
  #backingOff(ecu: AskedName, who: Who): Withheld | undefined {
    const waitMs = who === "poll" ? this.#silent.waitMs(ecu) : 0;
    if (waitMs === 0) return undefined;
    const what = `${ecu.name} does not answer, and is left alone for ${Math.ceil(waitMs / 1000)} s yet`;
    return { kind: "withheld", reason: "backing-off", what };
  }

  async #askInTurn(ask: Ask, signal: AbortSignal): Promise<Reply> {
    const ecu = askedOf(ask);
    const reply = await this.#inTurn<Reply>(ecu, ask.who, signal, async (yieldBus) => {
      const problem = ask.before?.();
      if (problem !== undefined) return { kind: "withheld", reason: "condition", what: problem };
      return await this.#converse(ask, yieldBus, signal);
    });
    if (reply.kind === "answer" || reply.kind === "negative") this.#silent.answered(ecu);
    if (reply.kind === "silent" || (reply.kind === "fault" && isLikeSilence(reply.fault))) this.#silent.wasSilent(ecu);
    return reply;
  }

  /** Judges, waits for the turn, and judges again, as the world may have changed. */
  async #inTurn<T>(
    ecu: AskedName,
    who: Who,
    signal: AbortSignal,
    act: (yieldBus: () => void) => Promise<T>,
  ): Promise<T | Withheld> {
    const refused = this.#refusal() ?? this.#backingOff(ecu, who);
    if (refused !== undefined) return refused;
    const turn = await this.#turns.take({ who, ecu: ecu.key }, signal);
    if (turn.kind === "withheld") return turn;
    try {
      const late = this.#refusal() ?? this.#backingOff(ecu, who);
      return late ?? (await act(turn.yieldBus));
    } finally {
      turn.end();
    }
  }

  async #converse(ask: Ask, yieldBus: () => void, signal: AbortSignal): Promise<Reply> {
    const { isotp, tap, settings, clock } = this.#parts;
    const { address } = ask.ecu;
    const isotpSettings = { ...settings.isotp, ...ask.ecu.isotp };
    const { prefix, frames } = beginningOf(ask.pdu, layoutOf(isotpSettings, address.txByte));
    const flags = flagsOf(address.extended, isotpSettings.fd);
    const [tx, rx] = [
      { id: address.txId, extended: address.extended },
      { id: address.rxId, extended: address.extended },
    ];
    const underWay: UnderWay = {
      ecu: ask.ecu.name,
      isPending: false,
      conversation: new Conversation(ask, {
        isotp,
        isotpSettings,
        clock,
        pendingMs: settings.pendingMs,
        onPending: () => {
          this.#counts.pendings += 1;
          const pending = [...this.#underWay].filter(({ isPending }) => isPending).length;
          if (underWay.isPending || pending >= MAX_PENDING) return;
          underWay.isPending = true;
          yieldBus();
        },
        onStray: () => {
          this.#counts.strays += 1;
        },
      }),
    };
    const { conversation } = underWay;
    this.#underWay.add(underWay);
    this.#counts.requests += 1;
    this.#pace.addBits(frames * frameBits(flags, isotpSettings.fd ? isotpSettings.txDataBytes : 8));
    this.#own.expect(tx, prefix);
    const endConverse = this.#own.converse(tx, address.txByte === undefined ? 0 : 1);
    const endExpecting = this.#other.expectAnswer(rx);
    const pciAt = address.rxByte === undefined ? 0 : 1;
    const release = tap.on([{ ...rx, mask: largestId(rx.extended) }], (frame) => {
      this.#countAnswerFrame(frame, pciAt, flags);
      if (isPart(frame, pciAt)) conversation.sawPart();
    });
    const onAbort = (): void => conversation.end(ABORTED);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await conversation.run();
    } finally {
      signal.removeEventListener("abort", onAbort);
      release();
      endConverse();
      endExpecting(conversation.pendings > 0 ? settings.pendingMs : 0);
      this.#underWay.delete(underWay);
    }
  }

  async #gather(
    functional: Functional,
    pdu: Uint8Array,
    windowMs: number,
    signal: AbortSignal,
  ): Promise<FunctionalReply> {
    const { isotp, tap, settings, clock } = this.#parts;
    this.#counts.requests += 1;
    const { fd, txDataBytes } = settings.isotp;
    this.#pace.addBits(frameBits(flagsOf(functional.extended, fd), fd ? txDataBytes : 8));
    this.#own.expect(
      { id: functional.txId, extended: functional.extended },
      beginningOf(pdu, layoutOf(settings.isotp, undefined)).prefix,
    );
    this.#other.expectAnswers(windowMs);
    return await gatherAnswers(functional, pdu, {
      tap,
      clock,
      windowMs,
      send: () => isotp.sendFunctional(functional, settings.isotp, pdu),
      onFrame: ({ flags, data }) => this.#pace.addBits(frameBits(flags, data.length)),
      onPending: () => {
        this.#counts.pendings += 1;
      },
      signal: AbortSignal.any([signal, this.#speaking.signal]),
      ended: () => (signal.aborted ? ABORTED : (this.#refusal() ?? ABORTED)),
    });
  }

  async #sendOne(frame: CanFrame): Promise<SentFrame> {
    const extended = (frame.flags & FRAME_FLAG.extended) !== 0;
    this.#counts.requests += 1;
    this.#pace.addBits(frameBits(frame.flags, frame.data.length));
    this.#own.expect({ id: frame.id, extended }, frame.data);
    try {
      await this.#parts.bus.send(frame);
      return { kind: "sent" };
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      return { kind: "fault", fault: thrown };
    }
  }

  /** A first frame is followed by a flow control of ours, and by more where blocks are asked for. */
  #countAnswerFrame({ flags, data }: CanFrame, pciAt: number, ownFlags: number): void {
    const type = (data[pciAt] ?? 0) >>> 4;
    const steering = type === 1 || (type === 2 && this.#parts.settings.isotp.blockSize > 0) ? 1 : 0;
    this.#pace.addBits(frameBits(flags, data.length) + steering * frameBits(ownFlags, 8));
  }

  #fallSilent(seen: SentId): void {
    if (this.#isStopped) return;
    this.#silence.begin(seen);
    const withheld = this.#silence.withheld();
    if (withheld !== undefined) this.#endAll(withheld);
  }

  #endAll(withheld: Withheld): void {
    this.#turns.dismiss(withheld);
    for (const { conversation } of this.#underWay) conversation.end(withheld);
    this.#speaking.abort();
    this.#speaking = new AbortController();
  }
}

/** Known by its ids: two names can be of one ECU. */
function askedOf({ ecu: { name, address } }: Ask): AskedName {
  const { txId, rxId, extended, txByte = "" } = address;
  return { key: `${txId}/${rxId}/${extended}/${txByte}`, name };
}

function namedById(id: number, extended: boolean, prefix = ""): AskedName {
  const name = `${prefix}${idText({ id, extended })}`;
  return { key: name, name };
}

function frameName({ id, flags }: CanFrame): AskedName {
  return namedById(id, (flags & FRAME_FLAG.extended) !== 0, "frame ");
}

const ABORTED: Withheld = { kind: "withheld", reason: "aborted", what: "it is not wanted any more" };

/** Faults of an ECU that does not speak to us, or of a bus on which nobody is. */
function isLikeSilence({ code }: AgentError): boolean {
  return code.startsWith("isotp.timeout") || code === "bus.transmit-failed";
}

function flagsOf(extended: boolean, fd: boolean): number {
  return (extended ? FRAME_FLAG.extended : 0) | (fd ? FRAME_FLAG.fd : 0);
}

/** A first or consecutive frame. */
function isPart({ data }: CanFrame, pciAt: number): boolean {
  const type = (data[pciAt] ?? 0) >>> 4;
  return type === 1 || type === 2;
}
