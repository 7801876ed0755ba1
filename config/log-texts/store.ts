import type { CatalogText } from "./catalog-text.ts";

/** Events of what is kept on the disk and does not hold. */
export const STORE_TEXTS: Readonly<Record<string, CatalogText>> = {
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
  "outbox.damaged": {
    subject: "@RECORDS@ records of the outbox were damaged",
    cause: "What the disk gave back is not what was written. They are reported to the consumers as lost.",
    remedy: "Look at the disk (dmesg, smartctl), and at how power is taken from it.",
  },
  "outbox.epoch-ended": {
    subject: "The outbox has less than it had promised to keep",
    cause:
      "@WHY@\nIts file @FILE@ was lost, damaged or put back from an older copy: @LOST@ records are reported as lost.",
    remedy: "Look at the disk (dmesg, smartctl), and at who restores files of the state folder.",
  },
  "outbox.abandoned": {
    subject: "@RECORDS@ records were given up at the end of the agent",
    cause: "The outbox did not take them before the process ended.",
    remedy: "See why in the lines before: outbox.refused says what the outbox lacked.",
  },
  "outbox.standby-lost": {
    subject: "@RECORDS@ records that were in memory alone are gone",
    cause: "The agent ended while the disk did not take records. The next start reports them as lost.",
    remedy: "See outbox.standby-began for what was wrong with the disk.",
  },
  "outbox.standby-told": {
    subject: "@RECORDS@ records of the last run are reported as lost",
    cause: "They were in memory alone when the agent ended, as the disk did not take them.",
    remedy: "See outbox.standby-began of the run before for what was wrong with the disk.",
  },
  "outbox.watermark-failed": {
    subject: "What the outbox owes cannot be noted in @FILE@",
    cause: "@WHAT@\nWere the database lost now, it would not be known which records were.",
    remedy: "See that the file system of the state folder can be written and has room; it goes on by itself then.",
  },
  "outbox.key-lost": {
    subject: "Stored records cannot be decrypted: their key is lost",
    cause: "@WHAT@\nThey are reported to the consumers as lost.",
    remedy: "docs/encryption.md says how a key is kept, and how it is changed without a loss.",
  },
  "outbox.key-replaced": {
    subject: "The TPM does not open the key of the outbox; a new one was made",
    cause: "@WHY@\nThe old one is kept beside @FILE@, with .lost at its end.",
    remedy: "Find out who cleared the TPM, or moved the disk to another machine.",
  },
  "publish.rejected": {
    subject: "The broker refuses a record for good",
    cause: "@DETAIL@\nIt is set aside, and reported to the consumers as lost.",
    remedy: "causeway buffer list shows records that are set aside. Compare them with the limits of the broker.",
  },
  "publish.outbox-failed": {
    subject: "Records cannot be read from the outbox (@CODE@)",
    cause: "@WHAT@\nNothing is sent until they can; it is tried again by itself.",
    remedy: "Look at the disk of the outbox (df, dmesg, smartctl).",
  },
  "ledger-seal.not-written": {
    subject: "What vouches for earlier commands has one place less",
    cause: "@WHAT@",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "ledger-seal.not-opened": {
    subject: "What vouches for earlier commands cannot be used",
    cause: "@WHAT@\nCommands that act are refused.",
    remedy:
      "See that the TPM answers (causeway doctor) and that the state folder can be written, then restart the agent.",
  },
  "command.not-noted": {
    subject: "It cannot be noted that the answer to a command arrived (@CODE@)",
    cause: "@WHAT@\nThe answer to @ID@ is sent again.",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "update.not-remembered": {
    subject: "A step of an update cannot be noted (@CODE@)",
    cause: "@WHAT@\nThe update waits; it is tried again by itself.",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "job.not-remembered": {
    subject: "A step of a job cannot be noted (@CODE@)",
    cause: "@WHAT@\nThe job waits; it is tried again by itself.",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "settings.not-tried": {
    subject: "Settings of the shadow cannot be tried",
    cause: "@WHAT@\nThe settings in force stay; those that are desired are tried again by themselves.",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "codes.not-kept": {
    subject: "Trouble codes cannot be kept (@CODE@)",
    cause: "@WHAT@\nEvents of codes are told late, or after a restart once more.",
    remedy:
      "See that the file system of the state folder can be written and has room; causeway status says more of the journal.",
  },
  "vehicle.not-kept": {
    subject: "States and trips of the vehicle cannot be kept (@CODE@)",
    cause: "@WHAT@\nThey are known until the next restart.",
    remedy:
      "See that the file system of the state folder can be written and has room; causeway status says more of the journal.",
  },
  "place.not-kept": {
    subject: "Stays and fences cannot be kept (@CODE@)",
    cause: "@WHAT@\nThey are known until the next restart.",
    remedy:
      "See that the file system of the state folder can be written and has room; causeway status says more of the journal.",
  },
  "campaign.store-damaged": {
    subject: "A file of kept campaigns is damaged: @FILE@",
    cause: "@WHAT@\nIt was set aside; the one before it counts, or the cloud sends its list again.",
    remedy: "Look at the disk (dmesg, smartctl), and at how power is taken from it.",
  },
  "campaign.store-unusable": {
    subject: "Kept campaigns cannot be used (@SOURCE@)",
    cause: "@WHAT@\nThey came from another version, or from elsewhere. None of them runs until its list comes again.",
    remedy: "Where they came by causeway campaign add, add them again.",
  },
  "campaign.kept-unfit": {
    subject: "A kept campaign cannot be used (@SOURCE@)",
    cause: "@WHAT@\nIt does not run.",
    remedy: "Give it out again in a form that this version reads: causeway campaign validate FILE says what is wrong.",
  },
  "campaign.store-unwritable": {
    subject: "The campaigns of the cloud cannot be kept",
    cause: "@WHAT@\nThey run until the next restart, and after it once the cloud has sent its list again.",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "fleetwise.document-unreadable": {
    subject: "A kept document of the cloud cannot be read: @NAME@",
    cause: "@WHAT@\nIt was set aside; the cloud sends it again.",
    remedy: "Look at the disk (dmesg, smartctl), and at how power is taken from it.",
  },
  "fleetwise.document-unwritable": {
    subject: "A document of the cloud cannot be kept: @NAME@ (@CODE@)",
    cause: "@WHAT@\nIt counts until the next restart; then the cloud sends it again.",
    remedy: "See that the file system of the state folder can be written and has room.",
  },
  "collection.rules-unfit": {
    subject: "Changed rules of collection that were kept cannot be used",
    cause: "@WHAT@\nThose of the configuration count.",
    remedy: "Send the rules again by collection.change.",
  },
  "upload.not-opened": {
    subject: "Nothing is uploaded: what was kept of uploads cannot be used (@CODE@)",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "upload.place-wanted": {
    subject: "The upload @UPLOAD@ waits for another place to go to",
    cause: "@NAME@ (@KIND@): @WHY@",
    remedy:
      "Name another URL with the command file.upload (upload and url), or give it up (upload and cancel).\ncauseway status lists what waits.",
  },
};
