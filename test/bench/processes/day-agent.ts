import { AgentError, FAULTS } from "../../../agent/core/errors.ts";
import { composeAgent } from "../../../agent/daemon/compose.ts";
import { loadDaemonConfig } from "../../../agent/daemon/configuration/layered-config.ts";
import { emit, onCommands, parseLine } from "../core/line-protocol.ts";
import { dayAgentCommand, dayAgentSettings } from "../day/agent-protocol.ts";
import { DayClock } from "../day/day-clock.ts";
import { PulseFile } from "../day/pulse-file.ts";
import { machineNowMs } from "../day/timeline.ts";

const VERSION = "0.1.0";
const BEAT_MS = 2;

/** The agent, whole and from its sources, on a clock that goes by the day's timeline; ends in order on SIGTERM. */
async function run(): Promise<void> {
  const { configFile, bootId, pulseFile, timeline } = parseLine(dayAgentSettings, process.argv[2] ?? "");
  const pulse = PulseFile.open(pulseFile);
  const clock = new DayClock(timeline, { pulse: () => pulse.read(), machineMs: machineNowMs });
  setInterval(() => pulse.beat("agent", machineNowMs()), BEAT_MS);
  const ending = new AbortController();
  process.on("SIGTERM", () => ending.abort());
  onCommands(dayAgentCommand, (command) => {
    clock.follow(command.timeline);
    emit({ kind: "follows", number: command.number });
  });
  const loaded = await loadDaemonConfig(configFile, clock, undefined);
  const startedAtMs = clock.monotonicMs();
  const agent = await composeAgent(loaded, {
    version: VERSION,
    clock,
    environment: process.env,
    startedAtMs,
    bootId,
  });
  await agent.run(ending.signal);
}

run().then(
  () => process.exit(0),
  (thrown: unknown) => {
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
    process.exit(thrown instanceof AgentError ? FAULTS[thrown.code].exit : 1);
  },
);
