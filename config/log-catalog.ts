import { logEventId } from "../agent/core/log-event-id.ts";

/**
 * What an operator does about an event of the log. @NAME@ is a field of the entry (CAUSEWAY_NAME): the event has it as a fact. `subject`
 * is a line of at most 80 characters.
 */
export type CatalogText = { readonly subject: string; readonly cause: string; readonly remedy: string };

/** Events at which a person must act, and what their texts are in the catalogue of the journal. */
export const LOG_CATALOG: Readonly<Record<string, CatalogText>> = {
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
  "link.failed": {
    subject: "There is no link to the broker (@CODE@)",
    cause: "@WHAT@\nRecords are kept in the outbox meanwhile.",
    remedy: "@REMEDY@\ncauseway connect test looks at each step of the connection alone.",
  },
  "broker.subscription-refused": {
    subject: "The broker refuses the subscription @FILTER@",
    cause:
      "The broker says @REASON@. What comes on that topic, such as commands and jobs, does not reach this vehicle.",
    remedy: "Allow the topic in the policy of the certificate, then restart the agent.",
  },
  "publish.refused": {
    subject: "The broker refuses a record on @TOPIC@",
    cause: "The broker says @REASON@. The record is tried again, and in the end reported as lost.",
    remedy: "Allow the topic in the policy of the certificate, and compare its limits with the size of records.",
  },
  "outbox.refused": {
    subject: "The outbox takes no records (@CODE@)",
    cause:
      "@WHAT@\nRecords are held in memory, as many as collect.holdBytes allows; what is dropped after that is counted.",
    remedy: "@REMEDY@",
  },
  "outbox.standby-began": {
    subject: "Records are stored in memory: the disk does not take them (@CODE@)",
    cause: "@WHAT@\nThey do not survive a restart of the agent; what is lost then is reported as such.",
    remedy: "@REMEDY@",
  },
  "outbox.disk-filled": {
    subject: "The disk of the outbox is full",
    cause: "Another program has filled the file system of @FILE@. The space that was set by for this is in use.",
    remedy: "Free space there: df -h, du -x. causeway buffer stats shows what the outbox itself holds.",
  },
  "outbox.evicted": {
    subject: "Records were dropped: the outbox has reached its bound",
    cause: "@DETAIL@\nThey are reported to the consumers as lost.",
    remedy: "See why the link does not take them (causeway status), raise outbox.maxBytes, or collect less.",
  },
  "outbox.quarantined": {
    subject: "The database of the outbox was damaged, and a new one begun",
    cause: "@PROBLEM@\nThe damaged file is @MOVED_TO@; what can still be read of it is sent in the background.",
    remedy: "Look at the disk (dmesg, smartctl), and at how power is taken from it.",
  },
  "journal.quarantined": {
    subject: "The database of commands and updates was damaged, and a new one begun",
    cause:
      "@PROBLEM@\nThe damaged file is @MOVED_TO@. Commands that act and updates are refused until somebody has looked.",
    remedy: "Find out why, then: causeway commands acknowledge (without remote commands: causeway ota acknowledge).",
  },
  "journal.lost": {
    subject: "The database of commands and updates is gone, or older than it was",
    cause:
      "@PROBLEM@\nWhat was already carried out is not known any more, so commands that act and updates are refused.",
    remedy: "Find out why, then: causeway commands acknowledge (without remote commands: causeway ota acknowledge).",
  },
  "journal.not-opened": {
    subject: "The database of commands and updates cannot be used (@CODE@)",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "ledger-seal.broken": {
    subject: "The record of earlier commands is not the one that this vehicle wrote",
    cause: "@WHAT@\nIt was lost, removed or put back from an older copy. Commands that act are refused.",
    remedy: "Find out who had the disk, then: causeway commands acknowledge.",
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
};

/** The catalogue as journalctl --update-catalog reads it (systemd, "Journal Message Catalogs"). */
export function journalCatalog(texts = LOG_CATALOG): string {
  const head = "# Made by scripts/generate.ts from config/log-catalog.ts: edit that.\n";
  const entries = Object.entries(texts).map(([event, { subject, cause, remedy }]) =>
    [
      `-- ${logEventId(event)}`,
      `Subject: ${fields(subject)}`,
      "Defined-By: Causeway",
      "Documentation: man:causeway(1)",
      "",
      `Event: ${event}`,
      fields(cause),
      "",
      "What to do:",
      fields(remedy),
      "",
    ].join("\n"),
  );
  return [head, ...entries].join("\n");
}

function fields(text: string): string {
  return text.replaceAll(/@([A-Z_]+)@/g, "@CAUSEWAY_$1@");
}
