import { readdirSync } from "node:fs";
import type { MetricRegistry } from "../core/metrics/registry.ts";
import type { StartTime } from "../core/start-time.ts";

/** Adds the standard metrics of a process that no status tells. */
export function addProcessMetrics(registry: MetricRegistry, start: StartTime): void {
  registry.add(
    {
      name: "process_start_time_seconds",
      help: "When the process started, since the Unix epoch.",
      unit: "seconds",
      type: "gauge",
      labels: [],
      read: () => [{ labels: {}, value: start.us() / 1e6 }],
    },
    {
      name: "process_cpu_seconds",
      help: "CPU time of the process, user and system.",
      unit: "seconds",
      type: "counter",
      labels: [],
      read: () => {
        const { user, system } = process.cpuUsage();
        return [{ labels: {}, value: (user + system) / 1e6 }];
      },
    },
    {
      name: "process_open_fds",
      help: "Open file descriptors.",
      type: "gauge",
      labels: [],
      // One of them is that of the folder itself.
      read: () => [{ labels: {}, value: readdirSync("/proc/self/fd").length - 1 }],
    },
  );
}
