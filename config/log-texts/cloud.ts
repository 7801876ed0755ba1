import type { CatalogText } from "./catalog-text.ts";

/** Events of what goes to and comes from others: broker, cloud, programs, scrapers. */
export const CLOUD_TEXTS: Readonly<Record<string, CatalogText>> = {
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
  "broker.client-failed": {
    subject: "The MQTT client reports an error of its own",
    cause: "@WHAT@\nThe connection is made again by itself.",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "broker.messages-discarded": {
    subject: "Messages of the broker were thrown away: too many waited",
    cause: "@SINCE_START@ since the start.",
    remedy: "Find out who sends so many, or raise broker.inbound.",
  },
  "broker.message-failed": {
    subject: "A message of the broker could not be dealt with",
    cause:
      "It was acknowledged, so that it does not come again. Fields of the entry name its topic and what went wrong.",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "broker.message-set-aside": {
    subject: "A message of the broker was set aside unread",
    cause: "Earlier processes ended while they had it in hand. A field of the entry names its topic.",
    remedy: "causeway diag collect gathers what support needs; report it with that.",
  },
  "command.channel-closed": {
    subject: "No commands come by the channel @CHANNEL@ (@CODE@)",
    cause: "@WHAT@",
    remedy: "Allow the topic in the policy of the certificate, then restart the agent.",
  },
  "job.channel-closed": {
    subject: "No jobs come (@CODE@)",
    cause: "@WHAT@",
    remedy: "Allow the topic in the policy of the certificate, then restart the agent.",
  },
  "campaign.shadow-closed": {
    subject: "No campaigns come by the shadow (@CODE@)",
    cause: "@WHAT@",
    remedy: "Allow the topic in the policy of the certificate, then restart the agent.",
  },
  "campaign.list-unread": {
    subject: "The list of campaigns of the cloud cannot be read",
    cause: "@WHAT@\nWhat was accepted before runs on.",
    remedy: "Mend the desired part of the shadow: docs/campaigns.md says how it is built.",
  },
  "campaign.refused": {
    subject: "A campaign is refused",
    cause: "@WHAT@",
    remedy: "Mend its document: causeway campaign validate FILE says the same before it is in force.",
  },
  "fleetwise.subscription-refused": {
    subject: "The broker refuses the subscription @TOPIC@ (@CODE@)",
    cause: "@WHAT@\nDocuments of the cloud do not come.",
    remedy: "Allow the topic in the policy of the certificate, then restart the agent.",
  },
  "fleetwise.documents-set-aside": {
    subject: "All documents of the cloud were set aside",
    cause: "With them @STARTS@ starts of this boot ended early. The cloud sends them again.",
    remedy: "See what ended the agent (causeway logs --event agent.failed), and mend the campaign that did.",
  },
  "shadow.closed": {
    subject: "The shadow @SHADOW@ is not kept (@CODE@)",
    cause: "@WHAT@",
    remedy: "Allow the topic in the policy of the certificate; the agent asks again on its next connection.",
  },
  "defender.not-granted": {
    subject: "Nothing is reported to Device Defender (@CODE@)",
    cause: "@WHAT@",
    remedy: "@REMEDY@",
  },
  "tunnel.subscription-refused": {
    subject: "Notifications of tunnels do not come",
    cause: "The broker refuses @TOPIC@: @WHAT@",
    remedy: "Allow the topic in the policy of the certificate and restart the agent, or set tunnels.notify to false.",
  },
  "metrics.not-served": {
    subject: "Nobody can ask for metrics over HTTP",
    cause: "@WHAT@\nAll else goes on.",
    remedy:
      "Find out who has the place (ss -tlnx) and end that: it is tried again each minute. Or choose another metrics.scrape.port or socketFile, and restart the agent.",
  },
  "programs.not-served": {
    subject: "Other programs cannot hand over records (@CODE@)",
    cause: "@WHAT@\nAll else goes on.",
    remedy: "@REMEDY@",
  },
};
