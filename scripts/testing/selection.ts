/** What scripts/setup installs for: each has Debian packages of its own on top of those that every test needs. */
export type Purpose = "run" | "bench" | "integration" | "package" | "guest";

/** Test files by what runs them, relative to the checkout, and what they need installed. */
export type Selection = {
  readonly vitest: readonly string[];
  /** In the guest with CAN: scripts/guest run. */
  readonly kernel: readonly string[];
  /** Beside the guest with systemd: scripts/guest system. */
  readonly system: readonly string[];
  readonly purposes: readonly Purpose[];
};

/** Run by a guest, and by vitest too where the machine itself has CAN. */
const KERNEL_CONTRACT = "test/contract/can-bus-kernel.test.ts";

/** The first that fits a file says what it needs. */
const NEEDS: readonly (readonly [prefix: string, purpose: Purpose])[] = [
  ["test/guest/", "guest"],
  [KERNEL_CONTRACT, "guest"],
  ["test/integration/package/", "package"],
  ["test/integration/signals/", "run"],
  ["test/integration/", "integration"],
  ["test/contract/broker", "bench"],
  ["test/contract/key-store-tpm", "bench"],
  ["test/", "run"],
];

/** Of all test files those whose path holds one of the filters, and what has to be installed for them. */
export function select(files: readonly string[], filters: readonly string[]): Selection {
  const chosen = files.filter((file) => filters.some((filter) => file.includes(filter.replace(/^\.\//, ""))));
  const isSystem = (file: string): boolean => file.startsWith("test/guest/system/");
  const isKernel = (file: string): boolean => file.startsWith("test/guest/") || file === KERNEL_CONTRACT;
  return {
    vitest: chosen.filter((file) => !isKernel(file)),
    kernel: chosen.filter((file) => isKernel(file) && !isSystem(file)),
    system: chosen.filter(isSystem),
    purposes: [...new Set(chosen.map(needOf))],
  };
}

function needOf(file: string): Purpose {
  return NEEDS.find(([prefix]) => file.startsWith(prefix))?.[1] ?? "run";
}
