import type { CatalogText } from "./catalog-text.ts";

/** Events of the agent itself, its configuration, buses, identity, commands and updates. */
export const VEHICLE_TEXTS: Readonly<Record<string, CatalogText>> = {
  "agent.failed": {
    subject: "The agent ended with the fault @CODE@",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "config.unusable": {
    subject: "The configuration cannot be used",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "config.layer-refused": {
    subject: "A signed set of settings or files is not in force",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "bus.failed": {
    subject: "The bus @BUS@ cannot be read (@CODE@)",
    cause: "@WHAT@",
    remedy: "@REMEDY@\ncauseway bus list names the buses and their state.",
  },
  "identity.renewal-failed": {
    subject: "The certificate was not renewed (@CODE@)",
    cause: "@WHAT@\nThe one in use stays in use; it was tried @FAILURES@ times.",
    remedy: "@REMEDY@\ncauseway cert show tells until when the one in use is valid.",
  },
  "identity.key-unfit": {
    subject: "The key @KEY_LABEL@ is not as it should be",
    cause: "@PROBLEMS@",
    remedy: "causeway doctor says more of it; causeway cert renew gets a certificate for a new key.",
  },
  "update.reboot-refused": {
    subject: "The restart that an update needs was refused (@CODE@)",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "watchdog.withheld": {
    subject: "The agent is stuck, and will be restarted by the watchdog",
    cause: "@REASON@",
    remedy: "causeway doctor, and causeway diag collect for support, if it happens again.",
  },
  "command.policy-unusable": {
    subject: "The policy of commands cannot be used: @FILE@",
    cause: "@WHAT@\nThe agent runs on its last good configuration, and refuses every command.",
    remedy: "Mend the file, then restart the agent: causeway doctor says what is wrong with it.",
  },
  "command.failed": {
    subject: "The action @ACTION@ failed (@CODE@)",
    cause: "@WHAT@",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "command.stranded": {
    subject: "A command was not carried to its end (@CODE@)",
    cause: "@WHAT@\nThe next start settles what became of it.",
    remedy:
      "Look at the state folder's disk (df, dmesg); where the code is internal.bug, report it with causeway diag collect.",
  },
  "job.failed": {
    subject: "The job @JOB_ID@ failed by a fault of the agent (@CODE@)",
    cause: "@WHAT@\nIt is reported as FAILED.",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "update.not-taken": {
    subject: "Updates cannot be taken",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "identity.state-restored": {
    subject: "The state of the identities was damaged; the one before it counts",
    cause: "@PROBLEM@",
    remedy: "Look at the disk (dmesg, smartctl); causeway cert show tells which certificate is in use.",
  },
  "sleep.step-failed": {
    subject: "On the way to sleep the step @STEP@ failed",
    cause: "@WHAT@\nThe vehicle goes to sleep all the same.",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "dbus.listener-failed": {
    subject: "A signal of the system bus could not be dealt with",
    cause: "@WHAT@",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "socket.handler-failed": {
    subject: "A question on a local socket ended in a fault of the agent",
    cause: "@PROBLEM@",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
};
