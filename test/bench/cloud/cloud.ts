import { join } from "node:path";
import { z } from "zod";
import { decodeBody, encodeBody, type WireFormat } from "../../../agent/cloud/wire-format.ts";
import { type Broker, publicationTo } from "../../../agent/ports/broker.ts";
import type { Mosquitto } from "../broker/mosquitto.ts";
import { createSession } from "../broker/mqtt-session.ts";
import { Access } from "./access.ts";
import { type RevokingAuthority, writeIdentity } from "./certificate-authority.ts";
import { CloudCommands } from "./cloud-commands.ts";
import { type CloudCertificate, Provisioning, type ProvisioningAnswer } from "./provisioning.ts";

/** Common names that the broker has to know: see `MosquittoRequest.clouds` and `claims`. */
export const CLOUD_NAME = "cloud";
export const CLAIM_NAME = "claim-fleet";

/** What a device says after it has gone over to another certificate. */
const announcement = z.object({
  thing: z.string(),
  certificateId: z.string(),
  previousCertificateId: z.string().optional(),
});
export type IdentityAnnouncement = z.infer<typeof announcement>;

/** One of the two provisioning flows. */
export type Flow = "create" | "register";
/** What happens to a request instead: no answer, or this rejection before anything is done; "lost": done, but the answer is not sent. */
export type Disturbance = "silent" | "lost" | { readonly statusCode: number; readonly errorCode: string };

const MINUTE_SECONDS = 60;

/**
 * The AWS side of a device's identity, on the bench's broker: fleet provisioning by claim, rotation, revocation. Its answers are on
 * topics that every device reads, so that one device is provisioned at a time; see the README.
 */
export class BenchCloud {
  readonly provisioning: Provisioning;
  /** Commands; not served before they are started. */
  readonly commands: CloudCommands;
  /** In the order of their arrival. */
  readonly announcements: IdentityAnnouncement[] = [];
  /** Whether the certificate that an announcement names as the previous one is retired at once. */
  retiresPrevious = true;
  readonly #disturbances: Record<Flow, Disturbance[]> = { create: [], register: [] };
  readonly #authority: RevokingAuthority;
  readonly #mosquitto: Mosquitto;
  readonly #session: Broker;
  readonly #access: Access;

  private constructor(
    parts: { readonly authority: RevokingAuthority; readonly mosquitto: Mosquitto },
    session: Broker,
  ) {
    this.#authority = parts.authority;
    this.#mosquitto = parts.mosquitto;
    this.#session = session;
    this.#access = new Access(session);
    this.provisioning = new Provisioning(parts.authority);
    this.commands = new CloudCommands(session);
  }

  /** Connects as `CLOUD_NAME`. `folder` keeps its certificate. */
  static async start(parts: {
    readonly authority: RevokingAuthority;
    readonly mosquitto: Mosquitto;
    readonly folder: string;
  }): Promise<BenchCloud> {
    const { authority, mosquitto, folder } = parts;
    const issued = await authority.issue({ commonName: CLOUD_NAME, usage: "client" });
    const quiet = (): void => undefined;
    const session = createSession({
      clientId: CLOUD_NAME,
      identity: { mode: "file", ...writeIdentity(folder, CLOUD_NAME, issued) },
      caFile: authority.caFile,
      broker: { host: mosquitto.host, port: mosquitto.port },
      log: { error: quiet, warn: quiet, info: quiet, debug: quiet },
    });
    const cloud = new BenchCloud(parts, session);
    session.start();
    await session.online(AbortSignal.timeout(10_000));
    await cloud.#serve();
    return cloud;
  }

  /** A claim certificate with its key, in files under `folder`. */
  async claim(folder: string, days = 365): Promise<{ readonly certificateFile: string; readonly keyFile: string }> {
    const issued = await this.#authority.issue({ commonName: CLAIM_NAME, usage: "client", days });
    return writeIdentity(join(folder), "claim", issued);
  }

  /** The next requests of a flow are treated so, one after the other. */
  disturb(flow: Flow, ...disturbances: readonly Disturbance[]): void {
    this.#disturbances[flow].push(...disturbances);
  }

  /**
   * Revokes a certificate: the broker starts anew with the new revocation list, which ends every connection, and TLS with this
   * certificate fails. (A broker that reads the list again on SIGHUP, mosquitto 2.0.11, crashes some connections later.)
   */
  async revoke(certificateId: string): Promise<void> {
    const certificate = this.provisioning.certificates.get(certificateId);
    if (certificate === undefined) throw new Error(`no certificate ${certificateId}`);
    certificate.state = "REVOKED";
    this.#authority.revoke(certificate.certificatePem);
    const { connects } = this.#session.status();
    await this.#mosquitto.restart();
    await this.#session.online(AbortSignal.timeout(10_000), connects);
  }

  /** Takes every right from a certificate while the broker runs: its connection ends with DISCONNECT 0x98, and in a new one it may do nothing. */
  async retire(certificate: CloudCertificate): Promise<void> {
    certificate.state = "REVOKED";
    this.#authority.revoke(certificate.certificatePem);
    await this.#access.expel(certificate.principal);
  }

  /** Ends the connection of a certificate's holder with DISCONNECT 0x98. */
  kick(certificate: CloudCertificate): Promise<void> {
    return this.#access.kick(certificate.principal);
  }

  async stop(): Promise<void> {
    this.commands.stop();
    await this.#session.stop();
  }

  async #serve(): Promise<void> {
    await this.#access.start();
    for (const format of ["json", "cbor"] as const) {
      await this.#session.subscribe(`$aws/certificates/create-from-csr/${format}`, ({ topic, payload }) => {
        void this.#answer("create", topic, format, () => this.provisioning.createFromCsr(decodeBody(format, payload)));
      });
      await this.#session.subscribe(`$aws/provisioning-templates/+/provision/${format}`, ({ topic, payload }) => {
        const admit = (one: CloudCertificate, thing: string) => this.#access.admit(one.principal, thing);
        void this.#answer("register", topic, format, () =>
          this.provisioning.registerThing(topic.split("/")[2] ?? "", decodeBody(format, payload), admit),
        );
      });
    }
    await this.#session.subscribe("dt/causeway/+/identity", ({ payload }) => {
      void this.#hear(announcement.parse(decodeBody("json", payload)));
    });
  }

  async #answer(flow: Flow, topic: string, format: WireFormat, act: () => Promise<ProvisioningAnswer>): Promise<void> {
    const disturbance = this.#disturbances[flow].shift();
    if (disturbance === "silent") return;
    const answer: ProvisioningAnswer =
      typeof disturbance === "object" ? { rejected: { ...disturbance, errorMessage: "disturbed" } } : await act();
    if (disturbance === "lost") return;
    const [suffix, body] = "accepted" in answer ? ["accepted", answer.accepted] : ["rejected", { ...answer.rejected }];
    await this.#session.publish(
      publicationTo(`${topic}/${suffix}`, encodeBody(format, body), "", { messageExpirySeconds: MINUTE_SECONDS }),
    );
  }

  async #hear(heard: IdentityAnnouncement): Promise<void> {
    this.announcements.push(heard);
    const previous = this.provisioning.certificates.get(heard.previousCertificateId ?? "");
    const isKnown = this.provisioning.certificates.get(heard.certificateId)?.state === "ACTIVE";
    if (!this.retiresPrevious || !isKnown || previous?.thing !== heard.thing || previous.state !== "ACTIVE") return;
    await this.retire(previous);
  }
}
