import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";

const SCRIPT = fileURLToPath(new URL("./modem-services.py", import.meta.url));
const report = z.object({ setups: z.number() });

/** What the services are told; numbers are those of the D-Bus interfaces. */
export type ModemCommand = {
  /** Null: there is none. */
  readonly modem?: {
    readonly state?: number;
    readonly failed?: number;
    readonly technologies?: number;
    readonly signal?: number;
    readonly ports?: readonly (readonly [name: string, type: number])[];
    readonly registration?: number;
    readonly operator?: string;
    readonly code?: string;
    /** Interface of its data session. */
    readonly bearer?: string;
    readonly rsrp?: number;
    readonly rsrq?: number;
  } | null;
  readonly devices?: readonly { readonly interface: string; readonly ip?: string; readonly metered: number }[];
  readonly own?: readonly ("mm" | "nm")[];
  readonly release?: readonly ("mm" | "nm")[];
  /** Whether a modem may not be asked to measure. */
  readonly refuse?: boolean;
};

/** A stand-in for ModemManager and NetworkManager on a bus, by another D-Bus library than ours. */
export type ModemServices = {
  /** Resolves when it holds, with how often a modem was asked to measure. */
  tell(command: ModemCommand): Promise<number>;
  stop(): Promise<void>;
};

/** Starts it on the bus at `address`; `folder` gets its log. */
export async function startModemServices(address: string, folder: string): Promise<ModemServices> {
  const reports: number[] = [];
  const child = await startChild({
    command: "/usr/bin/python3",
    args: [SCRIPT],
    logFile: join(folder, "modem-services.log"),
    environment: { DBUS_SYSTEM_BUS_ADDRESS: address },
    onLine: (line) => void reports.push(report.parse(JSON.parse(line)).setups),
  });
  let told = 0;
  return {
    tell: async (command) => {
      const mine = ++told;
      child.writeLine(JSON.stringify(command));
      await until(() => (reports.length >= mine ? true : undefined), { what: "the stand-in", timeoutMs: 10_000 });
      return reports[mine - 1];
    },
    stop: async () => void (await child.stop()),
  };
}
