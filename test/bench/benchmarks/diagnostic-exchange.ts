import { DEFAULT_ISOTP } from "../../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../../agent/diagnostics/isotp/frame-isotp.ts";
import { ObdClient } from "../../../agent/diagnostics/obd/obd-client.ts";
import { BusTester } from "../../../agent/diagnostics/tester/bus-tester.ts";
import { BusFrameTap } from "../../../agent/diagnostics/tester/frame-tap.ts";
import { type CanFrame, FrameBatch } from "../../../agent/ports/frame.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type EcuBus, Wire } from "../vehicle/ecus/ecu-bus.ts";
import { VehicleEcus } from "../vehicle/ecus/vehicle-ecus.ts";
import { ratiosOf, type Spread, spreadOf } from "./timing.ts";

const BIT_RATE = 500_000;
const ENGINE = { name: "engine", response: 0x7e8, extended: false };
const ADDRESS = { txId: 0x7e0, rxId: 0x7e8, extended: false };
/** Of the engine unit of the bench, six a request: engine speed, vehicle speed, coolant, load, throttle and intake air. */
const PIDS = [0x0c, 0x0d, 0x05, 0x04, 0x11, 0x0f];

/** Values by request at a bound of the bus's load. */
export type PollFigures = {
  readonly allowedShare: number;
  readonly pidsPerSecond: Spread;
  readonly requestsPerSecond: Spread;
  /** Of requests and answers on the bus without stuff bits, which depend on the data. */
  readonly usedShare: Spread;
  /** Processor time of tester, transport and the bench's unit. */
  readonly cpuMicrosPerPid: Spread;
};

type PollRun = Readonly<Record<Exclude<keyof PollFigures, "allowedShare">, number>>;

/** Asks the bench's engine unit, over a bus in memory, as often as each share of the bus's load lets it; in turns. */
export async function benchmarkPolls(
  shares: readonly number[],
  rounds: number,
  seconds: number,
): Promise<readonly PollFigures[]> {
  const runs = shares.map((): PollRun[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, share] of shares.entries()) runs[at].push(await poll(share, seconds));
  }
  return shares.map((allowedShare, at) => {
    const over = (of: keyof PollRun): Spread => spreadOf(runs[at].map((run) => run[of]));
    return {
      allowedShare,
      pidsPerSecond: over("pidsPerSecond"),
      requestsPerSecond: over("requestsPerSecond"),
      usedShare: over("usedShare"),
      cpuMicrosPerPid: over("cpuMicrosPerPid"),
    };
  });
}

async function poll(allowedShare: number, seconds: number): Promise<PollRun> {
  const clock = systemClock();
  const wire = new Wire(() => clock.wallUs());
  const ecus = new VehicleEcus(wire.node(), clock, { obdIds: 11 });
  const { tester } = testerOn(wire.node(), allowedShare);
  const client = new ObdClient(tester, ENGINE, "poll");
  const signal = new AbortController().signal;
  const [startMs, cpu] = [performance.now(), process.threadCpuUsage()];
  let [pids, requests] = [0, 0];
  while (performance.now() - startMs < seconds * 1000) {
    const outcome = await client.currentData(PIDS, signal);
    if (outcome.kind !== "done") throw new Error(`the engine unit did not answer: ${outcome.kind}`);
    requests += 1;
    pids += outcome.value.values.length;
  }
  const elapsedS = (performance.now() - startMs) / 1000;
  const cpuUs = microsSince(cpu);
  ecus.stop();
  tester.stop();
  const bits = wire.log.reduce((sum, { data }) => sum + 47 + 8 * data.length, 0);
  return {
    pidsPerSecond: pids / elapsedS,
    requestsPerSecond: requests / elapsedS,
    usedShare: bits / elapsedS / BIT_RATE,
    cpuMicrosPerPid: cpuUs / pids,
  };
}

/** Processor time of one request with its answer of 20 bytes, µs: four frames. */
export type ExchangeFigures = {
  /** Of whoever answers, in this benchmark. */
  readonly peerMicros: Spread;
  /** ISO-TP alone, with its peer. */
  readonly isotpMicros: Spread;
  /** Through the tester of the bus, with its manners. */
  readonly testerMicros: Spread;
  readonly testerToIsotp: Spread;
};

/** Requests one after the other through ISO-TP, and through the tester, to a peer that answers at once; turn by turn. */
export async function benchmarkExchange(rounds: number, roundMs: number): Promise<ExchangeFigures> {
  const ways = { peer: peerAlone(), isotp: throughIsoTp(), tester: throughTester() };
  const times: Record<keyof typeof ways, number[]> = { peer: [], isotp: [], tester: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const way of ["peer", "isotp", "tester"] as const) {
      const [cpu, endMs] = [process.threadCpuUsage(), performance.now() + roundMs];
      let exchanges = 0;
      for (; performance.now() < endMs; exchanges += 1) await ways[way]();
      // The first round warms up.
      if (round > 0) times[way].push(microsSince(cpu) / exchanges);
    }
  }
  return {
    peerMicros: spreadOf(times.peer),
    isotpMicros: spreadOf(times.isotp),
    testerMicros: spreadOf(times.tester),
    testerToIsotp: ratiosOf(times.tester, times.isotp),
  };
}

const REQUEST = Uint8Array.of(0x09, 0x02);
const ANSWER = ["1014490201314d38", "2147444d3941584b", "2250303432373838"].map((hex) => Buffer.from(hex, "hex"));
const FLOW = Uint8Array.of(0x30, 0, 0, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc);

/** A peer that knows one answer by heart. */
class Parrot implements EcuBus {
  readonly #batch = new FrameBatch(4);
  #take: (frame: CanFrame) => void = () => undefined;

  async send({ data }: CanFrame): Promise<void> {
    const frames = data[0] >> 4 === 3 ? ANSWER.slice(1) : ANSWER.slice(0, 1);
    queueMicrotask(() => {
      for (const part of frames) {
        this.#batch.count = 0;
        this.#batch.push(0x7e8, 0, part, 1);
        this.#take(this.#batch.frame(0));
      }
    });
  }

  listen(take: (frame: CanFrame) => void): () => void {
    this.#take = take;
    return () => undefined;
  }
}

function peerAlone(): () => Promise<void> {
  const parrot = new Parrot();
  let heard = 0;
  parrot.listen(() => {
    heard += 1;
  });
  const frameOf = (data: Uint8Array): CanFrame => ({ id: 0x7e0, flags: 0, data, receivedAtUs: 0 });
  return async () => {
    heard = 0;
    await parrot.send(frameOf(REQUEST));
    await parrot.send(frameOf(FLOW));
    while (heard < ANSWER.length) await Promise.resolve();
  };
}

function throughIsoTp(): () => Promise<void> {
  const { isotp } = testerOn(new Parrot(), 1);
  let answered: () => void = () => undefined;
  const channel = isotp.open(ADDRESS, DEFAULT_ISOTP, {
    onPdu: () => answered(),
    onFault: (fault) => {
      throw fault;
    },
  });
  return async () => {
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    await channel.send(REQUEST);
    await answer;
  };
}

function throughTester(): () => Promise<void> {
  const { tester } = testerOn(new Parrot(), 1);
  const signal = new AbortController().signal;
  const ask = { ecu: { name: ENGINE.name, address: ADDRESS }, pdu: REQUEST, who: "poll" } as const;
  return async () => {
    const { kind } = await tester.ask(ask, signal);
    if (kind !== "answer") throw new Error(`the peer did not answer: ${kind}`);
  };
}

/** A tester on one node of a bus in memory, without a bound but that of the share. */
function testerOn(node: EcuBus, busLoadShare: number) {
  const clock = systemClock();
  const tap = new BusFrameTap(() => undefined);
  const batch = new FrameBatch(1);
  node.listen(({ id, flags, data, receivedAtUs }) => {
    batch.count = 0;
    batch.push(id, flags, data, receivedAtUs);
    tap.onFrames(batch);
  });
  const bus = { name: "can0", send: (frame: CanFrame) => node.send(frame) };
  const isotp = createFrameIsoTp({ bus: bus.name, send: bus.send, tap, clock });
  const backOff = { firstMs: 1000, longestMs: 1000 };
  const pace = { requestsPerSecond: 1e6, busLoadShare, bitRate: busLoadShare === 1 ? 1e12 : BIT_RATE };
  const settings = { ...pace, silenceMs: 1000, backOff, pendingMs: 1000, isotp: DEFAULT_ISOTP };
  const parts = { bus, isotp, tap, settings, refusal: () => undefined, notice: () => undefined, clock };
  return { tester: new BusTester(parts), isotp };
}

function microsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start);
  return user + system;
}
