#!/usr/bin/env node
import {
  benchmarkPeers,
  type PeerFigures,
  type PeerOptions,
  type PeerRound,
  type PeerScenario,
} from "../test/bench/benchmarks/peers-benchmark.ts";
import { ratiosOf, type Spread, scaled, spreadOf } from "../test/bench/benchmarks/timing.ts";
import { type Part, printFigures, row } from "./benchmarks/figures.ts";

const HELP = `usage: npm run bench:peers -- [--json] [--only NAME] [--rounds N] [--seconds N] [--peer COMMAND [--peer-config FILE]]

The packed agent beside other programs that receive the same frames, without kernel CAN: its own reader alone, npm socketcan, a minimal reader
in C, and another agent if you have one. CAN sockets are mapped to loopback datagrams (test/bench/README.md). All parts take about 10 minutes.

  --json              one JSON object
  --only NAME         one part: 1x2000, 1x4000, 1x8000, 4x4000, 8x9000 (buses x frames a second of each; 150 signals each 100 ms),
                      all (8x9000, 480 signals of a bus from every frame), idle (no frames)
  --rounds N          rounds that count (5), after one that does not
  --seconds N         of a round (2); a batch of the agent takes one
  --peer COMMAND      another agent, started by sh; what it is told is in test/bench/README.md
  --peer-config FILE  its configuration, in which \${PEER_PORT} and the like are filled in; the command finds it as $PEER_CONFIG
  --help              this text

Examples:
  npm run bench:peers -- --only 1x8000
  npm run bench:peers -- --json --peer 'exec ./agent "$PEER_CONFIG"' --peer-config agent.json > figures.json
`;

const args = process.argv.slice(2);

function taken(name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
}

function numberOf(name: string, otherwise: number, most: number): number {
  const text = taken(name);
  const value = text === undefined ? otherwise : Number(text);
  if (value > 0 && value <= most) return value;
  process.stderr.write(`${name} ${text}: must be a number above 0, at most ${most}\n`);
  process.exit(64);
}

const peerCommand = taken("--peer");
const peerConfig = taken("--peer-config");
const options: PeerOptions = {
  rounds: Math.ceil(numberOf("--rounds", 5, 1000)),
  seconds: numberOf("--seconds", 2, 600),
  peer: peerCommand === undefined ? undefined : { command: peerCommand, configFile: peerConfig },
};

const SCENARIOS: Readonly<Record<string, PeerScenario>> = {
  "1x2000": { buses: 1, framesPerSecond: 2000, load: "thinned" },
  "1x4000": { buses: 1, framesPerSecond: 4000, load: "thinned" },
  "1x8000": { buses: 1, framesPerSecond: 8000, load: "thinned" },
  "4x4000": { buses: 4, framesPerSecond: 4000, load: "thinned" },
  "8x9000": { buses: 8, framesPerSecond: 9000, load: "thinned" },
  all: { buses: 8, framesPerSecond: 9000, load: "everything" },
  idle: { buses: 1, framesPerSecond: 0, load: "thinned" },
};

const parts = Object.entries(SCENARIOS).map(([name, scenario]) => [name, () => measured(name, scenario)] as const);

async function measured(part: string, scenario: PeerScenario): Promise<Part> {
  const figures = await benchmarkPeers(scenario, options);
  const rows = scenario.framesPerSecond === 0 ? idleRows(part, figures) : loadRows(part, scenario, figures);
  return { rows, figures };
}

function idleRows(part: string, { subjects }: PeerFigures) {
  return subjects.flatMap(({ name, rounds }) => [
    row(
      part,
      `${name}: CPU`,
      spreadOf(rounds.map(({ counted }) => counted.cpuUs / counted.seconds / 1e4)),
      "% of a core",
    ),
    row(part, `${name}: resident memory`, megabytes(rounds), "MB", name === "agent" ? { atMost: 80 } : undefined),
  ]);
}

function loadRows(part: string, scenario: PeerScenario, { subjects }: PeerFigures) {
  const perFrame = (rounds: readonly PeerRound[]): readonly number[] => rounds.map(microsPerFrame);
  const of = (name: string): readonly PeerRound[] => subjects.find((subject) => subject.name === name)?.rounds ?? [];
  const ratio = (one: string, other: string): Spread => ratiosOf(perFrame(of(one)), perFrame(of(other)));
  const agent = of("agent");
  const atPeer = scenario.buses === 8 ? 0.6 : 1;
  const frames = subjects.flatMap(({ name, rounds }) => [
    row(part, `${name}: CPU a received frame`, spreadOf(perFrame(rounds)), "us"),
    row(part, `${name}: frames lost`, spreadOf(rounds.map(({ kernelDrops, sent }) => (100 * kernelDrops) / sent)), "%"),
  ]);
  return [
    ...frames,
    row(
      part,
      "latest frame of the generator",
      spreadOf(subjects.flatMap(({ rounds }) => rounds.map(({ lateMs }) => lateMs))),
      "ms",
    ),
    row(part, "reader alone against npm socketcan", ratio("reader alone", "npm socketcan"), "x", { atMost: 1 / 6 }),
    row(part, "agent against npm socketcan", ratio("agent", "npm socketcan"), "x"),
    row(part, "agent against C recvmmsg", ratio("agent", "C recvmmsg"), "x"),
    ...(of("peer").length === 0
      ? []
      : [row(part, "agent against peer", ratio("agent", "peer"), "x", { atMost: atPeer })]),
    row(part, "frames that the agent neither received nor counted as lost", unaccounted(agent), "", { atMost: 0 }),
    ...agentRows(part, scenario, agent),
    ...peerRows(part, of("peer")),
  ];
}

function agentRows(part: string, { load, buses, framesPerSecond }: PeerScenario, rounds: readonly PeerRound[]) {
  const perRound = (value: (round: PeerRound) => number): Spread => spreadOf(rounds.map(value));
  const bytesASample = perRound(({ counts: { payloadBytes = 0, samples = 0 } }) => payloadBytes / samples);
  const written = perRound(({ counts: { payloadBytes = 0 }, writtenBytes }) => writtenBytes / payloadBytes);
  const samplesPerSecond = ({ sent, counts: { samples = 0 } }: PeerRound): number =>
    (samples * framesPerSecond * buses) / sent;
  return [
    row(part, "agent: samples", perRound(samplesPerSecond), "a second"),
    row(part, "agent: payload bytes a sample", bytesASample, "bytes", { atMost: load === "thinned" ? 2 : 1.5 }),
    // No goal: a round ends in silence, whose commits count too. scripts/bench and bench:outbox have it.
    row(part, "agent: bytes written a payload byte", written, "bytes"),
    row(part, "agent: resident memory", megabytes(rounds), "MB", { atMost: 110 }),
  ];
}

function peerRows(part: string, rounds: readonly PeerRound[]) {
  if (rounds.length === 0) return [];
  return [
    row(
      part,
      "peer: payload bytes that came to the broker",
      spreadOf(rounds.map(({ published }) => published.bytes)),
      "bytes",
    ),
    row(part, "peer: publishes", spreadOf(rounds.map(({ published }) => published.messages)), ""),
    row(part, "peer: resident memory", megabytes(rounds), "MB"),
  ];
}

function megabytes(rounds: readonly PeerRound[]): Spread {
  return scaled(spreadOf(rounds.map(({ rssBytes }) => rssBytes)), 1e-6);
}

/** A frame that the kernel dropped cost its reader nothing. */
function microsPerFrame({ counted, sent, kernelDrops }: PeerRound): number {
  return counted.cpuUs / (counted.frames * (1 - kernelDrops / sent));
}

function unaccounted(rounds: readonly PeerRound[]): number {
  return rounds.reduce(
    (sum, { sent, counts: { received = 0, dropped = 0 } }) => sum + Math.abs(sent - received - dropped),
    0,
  );
}

process.exitCode = await printFigures(Object.fromEntries(parts), HELP, args);
