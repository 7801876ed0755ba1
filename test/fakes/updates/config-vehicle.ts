import { NamedShadow, SHADOW_REQUEST_LIMITS } from "../../../agent/cloud/named-shadow.ts";
import type { Settings } from "../../../agent/jobs/settings/settings-trials.ts";
import { configDocument, configKeys } from "../../../agent/shadows/config-document.ts";
import { DesiredSettings } from "../../../agent/shadows/desired-settings.ts";
import { ReportPace } from "../../../agent/shadows/report-pace.ts";
import { ReportedShadow } from "../../../agent/shadows/reported-shadow.ts";
import { SettingsMemory } from "../../../agent/shadows/settings-memory.ts";
import { ModelShadow } from "../cloud/model-shadow.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeBroker } from "../ports/broker.ts";
import { SettingsVehicle } from "./settings-vehicle.ts";

/** Starts of the process before something is taken for a loop. */
const MANY = 2000;

/** A vehicle that takes settings from a shadow and from jobs, and starts its process anew whenever that ends. */
export class ConfigVehicle {
  readonly clock = new ManualClock();
  readonly broker = new FakeBroker({ clock: this.clock });
  readonly model = new ModelShadow(this.broker, "veh-1", "config");
  readonly log = new MemoryLog();
  readonly vehicle = new SettingsVehicle(this.clock);
  readonly settleMs: number;
  starts = 0;
  dropped: string | undefined;
  reported: ReportedShadow | undefined;
  desired: DesiredSettings | undefined;
  #job: { readonly jobId: string; readonly settings: Settings } | undefined;
  #process = new AbortController();
  #isOver = false;
  #tokens = 0;
  #jobs = 0;
  readonly #living: Promise<void>;

  constructor(settleMs = 0) {
    this.settleMs = settleMs;
    this.vehicle.onCut = () => this.#process.abort();
    this.#living = this.#live();
    this.broker.start();
  }

  /** The process is killed, or the vehicle loses its power. */
  kill(): void {
    this.#process.abort();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#process.abort();
    await this.clock.run(0);
    await this.#living;
  }

  reconnect(): void {
    this.broker.disconnect();
    this.broker.connect();
  }

  /** A job brings settings; it is worked on over restarts. One at a time. */
  runJob(settings: Settings): void {
    if (this.#job !== undefined) return;
    this.#jobs += 1;
    this.#job = { jobId: `job-${this.#jobs}`, settings };
    this.kill();
  }

  async #live(): Promise<void> {
    for (; !this.#isOver && this.starts < MANY; this.starts++) {
      this.#process = new AbortController();
      this.vehicle.begin();
      await this.#run(this.#process.signal);
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { broker, clock, log, vehicle, settleMs, dropped } = this;
    const limits = SHADOW_REQUEST_LIMITS;
    const token = () => `t${++this.#tokens}`;
    const slot = vehicle.slot();
    const trials = vehicle.trials(() => this.#process.abort());
    const desired = new DesiredSettings({
      trials,
      slot,
      memory: new SettingsMemory(vehicle.watchedJournal()),
      settleMs,
      clock,
      log,
      onChange: () => reported.changed(),
      dropped,
    });
    const reported = new ReportedShadow({
      name: "config",
      shadow: new NamedShadow({ broker, clock, log, limits, token, thing: "veh-1", name: "config" }),
      content: {
        keys: configKeys(["collect", "log"]),
        document: (maxBytes) =>
          desired.isThere() ? configDocument(desired.verdict(), slot.settings(), maxBytes) : undefined,
        desire: (tree) => desired.take(tree),
      },
      pace: new ReportPace({ minMs: 10_000, perDay: 100_000 }, clock),
      broker,
      clock,
      log,
      random: () => 0.5,
    });
    [this.desired, this.reported] = [desired, reported];
    await Promise.all([reported.run(signal), desired.run(signal), this.#work(trials, signal)]);
  }

  async #work(trials: ReturnType<SettingsVehicle["trials"]>, signal: AbortSignal): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    const source = {
      id: { jobId: job.jobId, executionNumber: 1 },
      report: () => undefined,
      withdrawn: { signal: new AbortController().signal, reason: () => "" },
    };
    const end = await trials
      .inTurn(source, signal, () => trials.carryOut(source, job.settings, signal))
      .catch(() => "stopped" as const);
    if (end !== "stopped" && end !== "aborted") this.#job = undefined;
  }
}
