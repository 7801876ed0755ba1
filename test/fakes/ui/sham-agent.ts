import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "../../../agent/core/errors.ts";
import type { DescribedSignal, Sample, SamplesLine } from "../../../agent/local-api/samples-schema.ts";
import { followSamples } from "../../../agent/local-api/samples-schema.ts";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import type { AgentLine } from "../../../agent/ui/agent-line.ts";
import { statusWith } from "../daemon/status.ts";

/** What a sham agent shows; a test changes it while the page is open. */
export type ShamState = {
  status: Partial<Status>;
  signals: readonly Omit<DescribedSignal, "n">[];
  /** By name of the verb. */
  answers: Record<string, unknown>;
  isDown: boolean;
};

/** The other end of an `AgentLine`, without an agent: what a page shows of what an agent says. Its samples are waves of 20 Hz. */
export class ShamAgent implements AgentLine {
  readonly state: ShamState = { status: {}, signals: [], answers: {}, isDown: false };
  /** Names of the verbs that were asked. */
  readonly asked: string[] = [];
  /** Streams of samples that are open. */
  followers = 0;
  readonly #beganMs = Date.now();

  ask: AgentLine["ask"] = async (verb, request) => {
    this.asked.push(verb.name);
    await Promise.resolve();
    if (this.state.isDown) throw down();
    const given = verb.name === "status" ? this.#status() : this.state.answers[verb.name];
    const answer: unknown = typeof given === "function" ? Reflect.apply(given, undefined, [request]) : given;
    if (answer === undefined) {
      throw new AgentError("usage.invalid", { what: `unknown verb ${verb.name}`, remedy: "use another version" });
    }
    return verb.answer.parse(JSON.parse(JSON.stringify(answer)));
  };

  follow: AgentLine["follow"] = (verb, _request, signal) => this.#follow(verb.each.parse.bind(verb.each), signal);

  async *#follow<Answer>(read: (line: unknown) => Answer, signal: AbortSignal): AsyncGenerator<Answer> {
    if (this.state.isDown) throw down();
    this.followers += 1;
    try {
      for (let tick = 0; !signal.aborted; tick++) {
        if (this.state.isDown) throw down();
        yield read(this.#line(tick));
        await sleep(50, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      this.followers -= 1;
    }
  }

  #line(tick: number): SamplesLine {
    const { signals } = this.state;
    const t = Date.now() / 1000;
    const samples = signals.map((_, n): Sample => [n, 0, waveOf(n, t)]);
    const described = tick === 0 ? { signals: signals.map((signal, n) => ({ n, ...signal })) } : {};
    return followSamples.each.parse({ schemaVersion: 1, t, ...described, samples });
  }

  #status(): Status {
    const seconds = (Date.now() - this.#beganMs) / 1000;
    const base = statusWith();
    const [bus] = base.buses;
    return {
      ...base,
      uptimeMs: seconds * 1000 + 60_000,
      buses: bus === undefined ? [] : [{ ...bus, received: bus.received + Math.round(seconds * 2000), load: 0.33 }],
      ...this.state.status,
    };
  }
}

function waveOf(n: number, t: number): number {
  return Math.round((50 + 40 * Math.sin(t / (1 + (n % 7)) + n)) * 10) / 10;
}

function down(): AgentError {
  return new AgentError("agent.not-running", {
    what: "the agent is not running: /run/causeway/view.sock: connect ENOENT",
    remedy: "systemctl start causeway",
  });
}
